#!/usr/bin/env python3
"""Make states to train on from a checkpoint: what export.py does, backwards.

    states.py CHECKPOINT OUT [--phone BEFORE.pt]

CHECKPOINT is a folder as export.py or `pack.py unpack` writes it. OUT/gpt.pt, OUT/codec.pt and OUT/vocoder.pt are what
--start of train_language.py, encode.py and --start of train_vocoder.py read. Tables go back to their parts: what tokens
or codes share, and what is left to each.

A checkpoint holds no answer to the question what is being spoken; it is taken from an older gpt.pt (--phone), or begins
anew. Needs requirements-train.txt.
"""

import argparse
import sys

import torch
from safetensors.torch import load_file

from common.files import save_torch
from common.language import Model
from common.networks import CODEBOOKS, CODES, DIGITS, DVAE, Vocos, fill, load_state, part
from common.tokens import FINALS, TONES, VOCAB

HEAD = "head_code.{}.parametrizations.weight.original{}"


def layers(tensors):
    """Returns the Llama's tensors under the names of GPT."""
    return {name.replace(".self_attn.", ".").replace(".mlp.", "."): t for name, t in tensors.items()}


def shared_parts(members, table):
    """Returns the parts whose sums are nearest to a table's rows; `members` says which parts are in which row."""
    return torch.linalg.lstsq(members, table, driver="gelsd").solution


def text_parts(tables, text):
    """Returns base, final and tone of the embedding of text."""
    finals, tones = len(FINALS) + 1, len(TONES) + 1
    members = torch.zeros(len(VOCAB), finals + tones)
    rows = torch.arange(len(VOCAB))
    members[rows, tables.fi] = members[rows, finals + tables.ti] = 1
    members *= tables.factored
    shared = shared_parts(members, text)
    return dict(base=text - members @ shared, final=shared[:finals], tone=shared[finals:])


def code_parts(tables, rows):
    """Returns the digits' parts (DIGITS, 5, width) and each code's own (626, width) of a table."""
    members = torch.zeros(CODES, DIGITS * 5)
    for j in range(DIGITS):
        members[torch.arange(CODES), 5 * j + tables.digits[j]] = 1
    shared = shared_parts(members, rows[:CODES])
    own = rows.clone()
    own[:CODES] -= members @ shared
    return shared.view(DIGITS, 5, -1), own


def language(asset, phone):
    """Returns the state of the language model."""
    model = Model()
    embed = load_file(f"{asset}/Embed.safetensors")
    tables = model.tables.state_dict()
    tables.update(text_parts(model.tables, embed["emb_text.weight"]))
    for i in range(CODEBOOKS):
        tables["digit"][i], tables["code"][i] = code_parts(model.tables, embed[f"emb_code.{i}.weight"])
        length, direction = (embed[HEAD.format(i, k)] for k in range(2))
        weight = direction * (length / direction.norm(dim=1, keepdim=True))
        tables["hdigit"][i], tables["head"][i] = code_parts(model.tables, weight)
    fill(model.tables, tables, f"{asset}/Embed.safetensors")
    fill(model.gpt, layers(load_file(f"{asset}/gpt/model.safetensors")), f"{asset}/gpt/model.safetensors")
    fill(model.dec, load_file(f"{asset}/Decoder.safetensors"), f"{asset}/Decoder.safetensors")
    if phone:
        before = part(load_state(phone), "model", phone)
        fill(model.phone, {k: before[f"phone.{k}"] for k in ("weight", "bias")}, phone)
    return dict(model=model.state_dict(), step=0)


def codec(asset):
    """Returns the state of the codec."""
    names = {}
    for name, tensor in load_file(f"{asset}/DVAE.safetensors").items():
        if name.startswith("vq_layer."):
            group, project, kind = name.split(".")[-3:]
            name = f"{project}.{group}.{kind}"
        if not name.startswith("preprocessor_mel."):
            names[name] = tensor
    net = DVAE()
    fill(net, names, f"{asset}/DVAE.safetensors")
    return net.state_dict()


def vocoder(asset):
    """Returns the state of the vocoder."""
    names = {}
    for name, tensor in load_file(f"{asset}/Vocos.safetensors").items():
        if name.startswith(("backbone.", "head.out.")):
            names[name.split(".", 1)[1]] = tensor
    net = Vocos()
    fill(net, names, f"{asset}/Vocos.safetensors")
    return dict(net=net.state_dict(), step=0)


def make(checkpoint, out, phone=None):
    """Writes the three states of a checkpoint; returns their names."""
    torch.manual_seed(0)
    asset = f"{checkpoint}/asset"
    made = {"gpt": language(asset, phone), "codec": codec(asset), "vocoder": vocoder(asset)}
    for name, state in made.items():
        save_torch(f"{out}/{name}.pt", state)
    return [f"{name}.pt" for name in made]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint", help="folder that holds asset/")
    p.add_argument("out", help="folder to write; made if it is not there")
    p.add_argument("--phone", metavar="FILE", help="older gpt.pt")
    a = p.parse_args()
    try:
        names = make(a.checkpoint, a.out, a.phone)
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"states: {e}")
    print(f"{a.out}: {', '.join(names)}")


if __name__ == "__main__":
    main()
