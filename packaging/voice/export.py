#!/usr/bin/env python3
"""Export trained networks as a checkpoint in the layout of 2Noise/ChatTTS.

    export.py GPT.pt CODEC.pt VOCODER.pt TOKENIZER OUT [--speaker-mean 0.25]

GPT.pt is train_language.py's gpt.pt or best.pt, CODEC.pt train_codec.py's, VOCODER.pt train_vocoder.py's, TOKENIZER the
folder of make_tokenizer.py. OUT/asset is written: gpt/model, Embed, Decoder, DVAE, Vocos and spk_stat.safetensors in
f32 (spk_stat in f16), gpt/config.json, tokenizer/.

The speaker vector tells the voice (common/language.py): a mean of 0.25 of its elements makes every drawn speaker the
woman, -0.25 the man, 0 either. Needs requirements-train.txt.
"""

import argparse
import json
import os
import sys

import torch
from safetensors.torch import save_file

from common.files import replacing, write_text
from common.language import Model
from common.mel import FILTERS, WINDOW
from common.networks import CODEBOOKS, CODES, fill, load_dvae, load_state, load_vocos, part
from common.tokens import ID, VOCAB

# Tokens that no training text holds, and what is nearest to them, so that they do no harm.
NEAREST = {"[v_break]": "[uv_break]", "[laugh]": ",", "[llbreak]": "[lbreak]"}
NEAREST["[UNK]"] = "en "


def gpt_tensors(gpt):
    """Returns the Llama under the layout's names."""
    out = {}
    for name, tensor in gpt.state_dict().items():
        path = name.split(".")
        if path[0] == "layers" and path[2].endswith("_proj"):
            module = "self_attn" if path[2] in ("q_proj", "k_proj", "v_proj", "o_proj") else "mlp"
            name = ".".join([*path[:2], module, *path[2:]])
        out[name] = tensor
    return out


def embed_tensors(tables):
    """Returns embeddings and heads; a head is kept as the layout's weight norm, lengths and directions."""
    text = tables.text().detach().clone()
    for token, near in NEAREST.items():
        text[ID[token]] = text[ID[near]]
    out = {"emb_text.weight": text}
    heads = {"head_text": text}
    for i in range(CODEBOOKS):
        out[f"emb_code.{i}.weight"] = tables.codes()[i]
        heads[f"head_code.{i}"] = tables.heads()[i]
    for name, weight in heads.items():
        out[f"{name}.parametrizations.weight.original0"] = weight.norm(dim=1, keepdim=True)
        out[f"{name}.parametrizations.weight.original1"] = weight
    return out


def dvae_tensors(dvae):
    """Returns the codec under the layout's names."""
    out = {}
    for name, tensor in dvae.state_dict().items():
        if name.startswith("project_"):
            project, group, kind = name.split(".")
            name = f"vq_layer.quantizer.rvqs.{group}.{project}.{kind}"
        out[name] = tensor
    out["preprocessor_mel.mel_spec.spectrogram.window"] = WINDOW
    out["preprocessor_mel.mel_spec.mel_scale.fb"] = FILTERS
    return out


def vocos_tensors(vocos):
    """Returns the vocoder under the layout's names."""
    out = {("head." if k.startswith("out.") else "backbone.") + k: v for k, v in vocos.state_dict().items()}
    out["head.istft.window"] = out["feature_extractor.mel_spec.spectrogram.window"] = WINDOW
    out["feature_extractor.mel_spec.mel_scale.fb"] = FILTERS
    return out


def config(model):
    """Returns gpt/config.json."""
    layer = model.gpt.layers[0]
    width = model.gpt.norm.weight.shape[0]
    return {
        "architectures": ["LlamaModel"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": width,
        "initializer_range": 0.02,
        "intermediate_size": layer.gate_proj.out_features,
        "max_position_embeddings": 4096,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": layer.heads,
        "num_audio_tokens": CODES + 1,
        "num_hidden_layers": len(model.gpt.layers),
        "num_key_value_heads": layer.heads,
        "num_text_tokens": len(VOCAB),
        "num_vq": CODEBOOKS,
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 10000.0,
        "refines": False,  # read by the program alone: refining was not trained
        "spk_KL": False,
        "spk_emb_dim": 192,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "transformers_version": "4.41.2",
        "use_cache": False,
        "vocab_size": 32000,
    }


def save(path, tensors):
    """Writes a safetensors file."""
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"format": "pt"})


def export(a):
    """Writes the checkpoint; returns its number of parameters."""
    model = Model()
    fill(model, part(load_state(a.gpt), "model", a.gpt), a.gpt)
    model.eval()
    files = {
        "gpt/model": gpt_tensors(model.gpt),
        "Embed": embed_tensors(model.tables),
        "Decoder": model.dec.state_dict(),
        "DVAE": dvae_tensors(load_dvae(a.codec)),
        "Vocos": vocos_tensors(load_vocos(a.vocoder)),
    }
    texts = {}
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        with open(f"{a.tokenizer}/{name}", encoding="utf-8", newline="") as f:
            texts[name] = f.read()
    asset, total = f"{a.out}/asset", 0
    os.makedirs(f"{asset}/gpt", exist_ok=True)
    for name, tensors in files.items():
        tensors = {k: v.detach().float().contiguous().clone() for k, v in tensors.items()}
        count = sum(v.numel() for v in tensors.values())
        print(f"{name}: {count:,}")
        save(f"{asset}/{name}.safetensors", tensors)
        total += count
    width = model.gpt.norm.weight.shape[0]
    statistics = {"std": torch.ones(width), "mean": torch.full((width,), a.speaker_mean)}
    save(f"{asset}/spk_stat.safetensors", {k: v.half() for k, v in statistics.items()})
    write_text(f"{asset}/gpt/config.json", json.dumps(config(model), indent=2))
    for name, text in texts.items():
        write_text(f"{asset}/tokenizer/{name}", text)
    return total


def main(arguments=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("gpt", help="state of the language model")
    p.add_argument("codec", help="state of the codec")
    p.add_argument("vocoder", help="state of the vocoder")
    p.add_argument("tokenizer", help="folder of the tokenizer")
    p.add_argument("out", help="folder to write asset/ into")
    p.add_argument(
        "--speaker-mean", type=float, default=0.25, help="0.25: the woman; -0.25: the man; 0: either (default: 0.25)"
    )
    a = p.parse_args(arguments)
    try:
        print(f"{export(a):,} numbers in all")
    except (OSError, ValueError) as e:
        sys.exit(f"export: {e}")


if __name__ == "__main__":
    main()
