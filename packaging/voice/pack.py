#!/usr/bin/env python3
"""Pack a checkpoint for the program to embed, or unpack it again.

    pack.py pack CHECKPOINT OUT     CHECKPOINT: a folder as export.py writes it (asset/...)
    pack.py unpack OUT CHECKPOINT   the same layout in f32, as the weights sound after packing

OUT holds
    weights.safetensors  names FILE/TENSOR, FILE being gpt/model, Embed, Decoder, DVAE or Vocos. Matrices and
                         convolutions are 8-bit integers with one scale per output row, FILE/TENSOR.scale in f32
                         (value = integer x scale); all else is f16, spk_stat/std and spk_stat/mean among it.
                         Window and mel filters, which are formulas, are left out, and so is Embed's
                         head_text...original1, which is emb_text. Its metadata hold a fingerprint of all four.
    config.json          of the language model, as it was
    tokenizer.json       without its whole-word rules, in whose place one rule "@words" stands
    words.tsv            those rules, WORD<TAB>PHONES a line, in their order, a phone being U+0100 + id

Packing checks that the rules go back to the text that it read. Needs requirements-train.txt.
"""

import argparse
import hashlib
import os
import sys

import torch
from safetensors.torch import load_file, save_file

from common.files import replacing, write_text
from common.mel import FILTERS, WINDOW
from common.tokens import side_files
from common.words import put_back, take_out

FILES = ["gpt/model", "Embed", "Decoder", "DVAE", "Vocos"]
TIED = "head_text.parametrizations.weight.original1"  # equal to emb_text.weight
FORMULAS = {
    "DVAE": {
        "preprocessor_mel.mel_spec.spectrogram.window": WINDOW,
        "preprocessor_mel.mel_spec.mel_scale.fb": FILTERS,
    },
    "Vocos": {
        "head.istft.window": WINDOW,
        "feature_extractor.mel_spec.spectrogram.window": WINDOW,
        "feature_extractor.mel_spec.mel_scale.fb": FILTERS,
    },
}
# Below this number of elements a row's scale would cost more than it saves.
SMALLEST_MATRIX = 2048
MIN_WORDS = 4000


def quantise(tensor):
    """Returns symmetric 8-bit rows and their scales: tensor = rows x scale, a row being one output."""
    flat = tensor.float().reshape(tensor.shape[0], -1)
    scale = (flat.abs().amax(1) / 127).clamp(min=1e-8)
    rows = (flat / scale[:, None]).round().clamp(-127, 127).to(torch.int8)
    return rows.reshape(tensor.shape), scale


def pack_weights(folder):
    """Returns the packed tensors of a checkpoint's folder `asset`."""
    packed = {}
    for file in FILES:
        tensors = load_file(f"{folder}/{file}.safetensors")
        if file == "Embed" and not torch.equal(tensors[TIED], tensors["emb_text.weight"]):
            raise ValueError(f"{folder}/Embed.safetensors: head_text is not emb_text, so it cannot be left out")
        for name, tensor in tensors.items():
            if name in FORMULAS.get(file, {}) or (file == "Embed" and name == TIED):
                continue
            if not torch.isfinite(tensor).all():
                raise ValueError(f"{folder}/{file}.safetensors: {name} is not finite")
            if tensor.dim() >= 2 and tensor.numel() >= SMALLEST_MATRIX:
                packed[f"{file}/{name}"], packed[f"{file}/{name}.scale"] = quantise(tensor)
            else:
                packed[f"{file}/{name}"] = tensor.half()
    for name, tensor in load_file(f"{folder}/spk_stat.safetensors").items():
        packed[f"spk_stat/{name}"] = tensor.half()
    return packed


def fingerprint(weights, texts):
    """Returns 16 hexadecimal digits that tell one packed model from another."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode())
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def pack(checkpoint, out, min_words):
    """Writes the four packed files of a checkpoint."""
    asset = f"{checkpoint}/asset"
    with open(f"{asset}/tokenizer/tokenizer.json", encoding="utf-8", newline="") as f:
        text = f.read()
    try:
        small, table = take_out(text)
        back = put_back(small, table)
    except ValueError as e:
        raise ValueError(f"{asset}/tokenizer/tokenizer.json: {e}") from e
    if back != text:
        raise ValueError(f"{asset}/tokenizer/tokenizer.json: is not as make_tokenizer.py writes it")
    words = table.count("\n")
    if words <= min_words:
        raise ValueError(f"{asset}/tokenizer/tokenizer.json: {words} words; more than {min_words} are expected")
    with open(f"{asset}/gpt/config.json", encoding="utf-8", newline="") as f:
        config = f.read()
    weights = pack_weights(asset)
    os.makedirs(out, exist_ok=True)
    with replacing(f"{out}/weights.safetensors") as temporary:
        save_file(weights, temporary, metadata={"fingerprint": fingerprint(weights, (config, small, table))})
    write_text(f"{out}/config.json", config)
    write_text(f"{out}/tokenizer.json", small)
    write_text(f"{out}/words.tsv", table)
    size = sum(
        os.path.getsize(f"{out}/{n}") for n in ("weights.safetensors", "config.json", "tokenizer.json", "words.tsv")
    )
    print(f"{out}: {size / 1e6:.2f} MB, {words} words")


def unpack_weights(packed):
    """Returns {FILE: {TENSOR: f32}} of packed tensors, what was left out put back."""
    files = {file: {} for file in FILES}
    for key, tensor in packed.items():
        file = next((f for f in FILES if key.startswith(f + "/")), None)
        if file is None or key.endswith(".scale"):
            continue
        value = tensor.float()
        if tensor.dtype == torch.int8:
            value = value * packed[key + ".scale"].view(-1, *[1] * (tensor.dim() - 1))
        files[file][key[len(file) + 1 :]] = value
    files["Embed"][TIED] = files["Embed"]["emb_text.weight"].clone()
    for file, formulas in FORMULAS.items():
        files[file].update({name: value.clone() for name, value in formulas.items()})
    return files


def unpack(packed, checkpoint):
    """Writes the published layout of a packed checkpoint."""
    asset = f"{checkpoint}/asset"
    weights = load_file(f"{packed}/weights.safetensors")
    texts = {}
    for name in ("config.json", "tokenizer.json", "words.tsv"):
        with open(f"{packed}/{name}", encoding="utf-8", newline="") as f:
            texts[name] = f.read()
    tokenizer = put_back(texts["tokenizer.json"], texts["words.tsv"])
    os.makedirs(f"{asset}/gpt", exist_ok=True)
    for file, tensors in unpack_weights(weights).items():
        with replacing(f"{asset}/{file}.safetensors") as temporary:
            save_file({k: v.contiguous() for k, v in tensors.items()}, temporary, metadata={"format": "pt"})
    statistics = {k: weights[f"spk_stat/{k}"] for k in ("std", "mean")}
    with replacing(f"{asset}/spk_stat.safetensors") as temporary:
        save_file(statistics, temporary, metadata={"format": "pt"})
    write_text(f"{asset}/gpt/config.json", texts["config.json"])
    write_text(f"{asset}/tokenizer/tokenizer.json", tokenizer)
    for name, text in side_files().items():
        write_text(f"{asset}/tokenizer/{name}", text)
    print(f"{checkpoint}: unpacked")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest="command", required=True)
    c = commands.add_parser("pack", help="a checkpoint's folder -> packed files")
    c.add_argument("checkpoint", help="folder that holds asset/")
    c.add_argument("out", help="folder to write; made if it is not there")
    c.add_argument(
        "--min-words", type=int, default=MIN_WORDS, help="least number of words, exclusive (default: %(default)s)"
    )
    c = commands.add_parser("unpack", help="packed files -> a checkpoint's folder")
    c.add_argument("packed", help="folder that pack wrote")
    c.add_argument("checkpoint", help="folder to write asset/ into")
    a = p.parse_args()
    try:
        if a.command == "pack":
            pack(a.checkpoint, a.out, a.min_words)
        else:
            unpack(a.packed, a.checkpoint)
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"pack: {e}")


if __name__ == "__main__":
    main()
