#!/usr/bin/env python3
"""Run every stage once, small and without teachers: the check that the scripts still make a voice.

    smoke.py CHECKPOINT [--work FOLDER] [--seconds 120]

Makes signals in teachers' stead (two formants and noise for each phoneme, durations known), trains vocoder, codec and
language model for a few steps, exports, packs and unpacks. Asserts that every loss falls and that the unpacked
checkpoint has the published layout's names and shapes. CHECKPOINT is the folder to write, for a program to load: what
it says is noise. Needs requirements-train.txt alone, one thread, and two minutes of a slow processor.

Prints one line a stage, and exits with status 1 if one fails or --seconds of processor time
(not of the clock: other programs may be busy) have passed.
"""

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
import time

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file

import encode
import export
import make_tokenizer
import pack
import states
import train_codec
import train_language
import train_vocoder
from common.files import write_pickle
from common.mel import SAMPLE_RATE
from common.tokens import FINALS, ID, INITIALS, PHONEMES, TONES
from common.utterances import GROUPS, held_part
from common.words import dump

SEED = 7
UTTERANCES = 6  # of each language and sex
TOKENS = {"en": 16, "zh": 14}
STEPS = {"vocoder": 16, "codec": 20, "language": 16}
NOISE = 0.002
# FILE/TENSOR<TAB>SHAPE of the voice that was published.
LAYOUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layout.tsv")
WORDS = {"hello": "həlˈO", "world": "wˈɜɹld", "this": "ðˈɪs", "is": "ɪz", "a": "ɐ", "test": "tˈɛst", "it's": "ɪts"}
HAN = {"你": ["zin", "zfi3"], "好": ["zih", "zfao3"], "世": ["zish", "zfii4"], "界": ["zij", "zfie4"]}


def signal(name, samples, pitch, r):
    """Returns what stands for a token: harmonics of a voice's pitch around two formants of the token's own."""
    own = np.random.default_rng(ID[name])
    formants = own.uniform(300, 900), own.uniform(1000, 3200)
    t = np.arange(samples) / SAMPLE_RATE
    wave = np.zeros(samples)
    for k in range(1, int(4000 / pitch)):
        level = sum(np.exp(-(((k * pitch - f) / 150) ** 2)) for f in formants)
        if level > 0.01:
            wave += level * np.sin(2 * np.pi * k * pitch * t + k)
    fade = np.minimum(1, np.minimum(np.arange(samples), np.arange(samples)[::-1]) / 120)
    return (0.12 * wave + own.uniform(0, 0.05) * r.standard_normal(samples)) * fade


def utterance(lang, sex, r):
    """Returns an utterance as generate.py makes them."""
    if lang == "en":
        tokens = [*r.choice([p for p in PHONEMES if p != " "], TOKENS[lang]), "."]
        names = ["en" + t for t in tokens[:-1]]
    else:
        pairs = zip(r.choice(INITIALS, TOKENS[lang] // 2), r.choice(FINALS[:12], TOKENS[lang] // 2))
        tokens = [t for initial, final in pairs for t in (initial, final + r.choice(list(TONES)))] + ["."]
        names = [("zf" if t[-1] in TONES else "zi") + t for t in tokens[:-1]]
    durations = r.integers(1800, 3000, len(tokens))
    pitch = {"f": 210, "m": 110}[sex]
    head, tail = 2400, 4800
    sound = [signal(n, d, pitch, r) for n, d in zip(names, durations)]
    wave = np.concatenate([np.zeros(head), *sound, np.zeros(durations[-1] + tail)])
    wave += NOISE * r.standard_normal(len(wave))
    return dict(
        lang=lang,
        voice="signal",
        sex=sex,
        text=" ".join(tokens),
        tokens=[str(t) for t in tokens],
        dur=durations.astype(float),
        head=float(head),
        tail=float(tail),
        done=1,
        wav=(np.clip(wave, -1, 1) * 32767).astype(np.int16),
    )


def falls(losses):
    """Asserts that a loss falls; returns how far, in words."""
    if not np.isfinite(losses).all():
        raise AssertionError("a loss is not finite")
    first, last = np.mean(losses[:4]), np.mean(losses[-4:])
    if last >= 0.95 * first:
        raise AssertionError(f"the loss does not fall: {first:.3f} -> {last:.3f}")
    return f"loss {first:.3f} -> {last:.3f} in {len(losses)} steps"


def speech(work):
    """Writes signals in teachers' stead."""
    r = np.random.default_rng(SEED)
    seconds = 0.0
    for group in GROUPS:
        lang, sex = group.split("_")
        us = [utterance(lang, sex, r) for _ in range(UTTERANCES)]
        write_pickle(f"{work}/data/{group}_1.pkl", us)
        write_pickle(held_part(f"{work}/data", group), us[:1])
        seconds += sum(len(u["wav"]) for u in us) / SAMPLE_RATE
    return f"{4 * UTTERANCES} utterances, {seconds:.0f} s"


def vocoder(work):
    """Trains the vocoder, stops it, and goes on from its checkpoint."""
    arguments = [f"{work}/data", f"{work}/vocoder.pt", "--batch", "2", "--seed", str(SEED)]
    losses = train_vocoder.main([*arguments, "--steps", str(STEPS["vocoder"] // 2)])
    more = train_vocoder.main([*arguments, "--steps", str(STEPS["vocoder"])])
    if len(more) != STEPS["vocoder"] - len(losses):
        raise AssertionError("it did not go on from its checkpoint")
    return falls(losses + more)


def codec(work):
    """Trains the codec."""
    arguments = [f"{work}/data", f"{work}/codec.pt", "--batch", "3", "--seed", str(SEED)]
    return falls(train_codec.main([*arguments, "--steps", str(STEPS["codec"])]))


def codes(work):
    """Encodes the signals."""
    for group in GROUPS:
        part = [f"{work}/codes/{group}_1.pkl", f"{work}/data/{group}_1.pkl"]
        encode.main([f"{work}/codec.pt", *part, "--vocoder", f"{work}/vocoder.pt"])
    held = [held_part(f"{work}/data", group) for group in GROUPS]
    encode.main([f"{work}/codec.pt", f"{work}/codes/held/all.pkl", *held])
    return f"{len(GROUPS)} files"


def language(work):
    """Trains the language model, stops it, and goes on from its checkpoint."""
    arguments = [f"{work}/codes", f"{work}/codes/held/all.pkl", f"{work}/state", "--seed", str(SEED), "--peak", "1"]
    arguments += ["--budget", "360", "--decay", "100", "--minutes", "100"]
    losses, _ = train_language.main([*arguments, "--steps", str(STEPS["language"] // 2)])
    more, finished = train_language.main([*arguments, "--steps", str(STEPS["language"])])
    if len(more) != STEPS["language"] - len(losses) or not finished:
        raise AssertionError("it did not go on from its checkpoint")
    return falls(losses + more)


def told(work):
    """Goes on with the vocoder on what the language model makes of speech that it is told."""
    arguments = [f"{work}/data", f"{work}/told.pt", "--start", f"{work}/vocoder.pt", "--model", f"{work}/state/gpt.pt"]
    arguments += ["--codec", f"{work}/codec.pt", "--batch", "2", "--seed", str(SEED), "--steps", "4"]
    losses = train_vocoder.main(arguments)
    if len(losses) != 4 or not np.isfinite(losses).all():
        raise AssertionError("a loss is not finite")
    return f"loss {losses[0]:.3f} -> {losses[-1]:.3f} in {len(losses)} steps"


def tokenizer(work):
    """Writes a tokenizer of a few words."""
    han = {c: "".join(make_tokenizer.character(t) for t in tokens) for c, tokens in HAN.items()}
    words = dict(sorted(WORDS.items(), key=lambda x: "'" not in x[0]))
    make_tokenizer.write(f"{work}/tokenizer", dump(make_tokenizer.tokenizer_of(words, han, [])))
    return f"{len(WORDS)} words"


def layout(work, checkpoint):
    """Exports, packs, unpacks, and compares the layout of both checkpoints with the real one."""
    states = [f"{work}/state/gpt.pt", f"{work}/codec.pt", f"{work}/vocoder.pt"]
    export.main([*states, f"{work}/tokenizer", f"{work}/exported"])
    pack.pack(f"{work}/exported", f"{work}/packed", len(WORDS) - 1)
    pack.unpack(f"{work}/packed", f"{work}/unpacked")
    with open(LAYOUT, encoding="utf-8") as f:
        expected = dict(line.rstrip("\n").split("\t") for line in f)
    for folder in ("exported", "unpacked"):
        found = shapes(f"{work}/{folder}/asset")
        if found != expected:
            wrong = sorted(k for k in found.keys() | expected.keys() if found.get(k) != expected.get(k))
            raise AssertionError(f"{folder}: other tensors than in layout.tsv: {', '.join(wrong[:5])}")
    for name in ("gpt/config.json", "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json"):
        texts = []
        for folder in ("exported", "unpacked"):
            with open(f"{work}/{folder}/asset/{name}", "rb") as f:
                texts.append(f.read())
        if texts[0] != texts[1]:
            raise AssertionError(f"{name} is not the same after unpacking")
    shutil.copytree(f"{work}/unpacked", checkpoint, dirs_exist_ok=True)
    return f"{len(expected)} tensors"


def back(work):
    """Makes states of the exported checkpoint and exports them again: the weights must be the same."""
    states.make(f"{work}/exported", f"{work}/states")
    names = [f"{work}/states/{name}.pt" for name in ("gpt", "codec", "vocoder")]
    export.main([*names, f"{work}/tokenizer", f"{work}/again"])
    furthest = 0.0
    for file in pack.FILES:
        a, b = (load_file(f"{work}/{folder}/asset/{file}.safetensors") for folder in ("exported", "again"))
        furthest = max(furthest, *((a[k] - b[k]).abs().max().item() for k in a))
    if furthest > 1e-4:
        raise AssertionError(f"weights differ by {furthest:g} after states.py")
    return f"weights the same to {furthest:.0e}"


def shapes(asset):
    """Returns {FILE/TENSOR: shape as text} of a checkpoint's folder `asset`."""
    out = {}
    for file in [*pack.FILES, "spk_stat"]:
        with safe_open(f"{asset}/{file}.safetensors", "pt") as f:
            for name in f.keys():  # noqa: SIM118
                out[f"{file}/{name}"] = "x".join(str(n) for n in f.get_slice(name).get_shape())
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint", help="folder to write the checkpoint into")
    p.add_argument("--work", metavar="FOLDER", help="where stages leave their files (default: a temporary folder)")
    p.add_argument("--seconds", type=float, default=120, help="limit of processor time (default: %(default)g)")
    a = p.parse_args()
    torch.set_num_threads(1)
    start = time.monotonic()
    stages = {
        "speech": speech,
        "vocoder": vocoder,
        "codec": codec,
        "codes": codes,
        "language": language,
        "told": told,
        "tokenizer": tokenizer,
        "layout": lambda work: layout(work, a.checkpoint),
        "states": back,
    }
    with contextlib.ExitStack() as stack:
        work = a.work or stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(work, exist_ok=True)
        if os.listdir(work):
            sys.exit(f"smoke: {work}: is not empty, and stages would go on from what is there")
        for name, stage in stages.items():
            began, printed = time.monotonic(), io.StringIO()
            try:
                with contextlib.redirect_stdout(printed):
                    said = stage(work)
            except (AssertionError, OSError, ValueError, RuntimeError) as e:
                sys.exit(f"{printed.getvalue()}smoke: {name}: {e}")
            print(f"{name}: {said}, {time.monotonic() - began:.1f} s", flush=True)
            if time.process_time() > a.seconds:
                sys.exit(f"smoke: more than {a.seconds:g} s of processor time after {name}")
    print(f"{a.checkpoint}: written, {time.monotonic() - start:.1f} s in all")


if __name__ == "__main__":
    main()
