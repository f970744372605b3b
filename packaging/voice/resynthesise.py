#!/usr/bin/env python3
"""Send speech through vocoder and codec, to hear and measure what each of them loses.

    resynthesise.py VOCODER.pt wavs IN OUT [--codec CODEC.pt]     IN: a folder of WAV files at 24 kHz
    resynthesise.py VOCODER.pt parts CODEC.pt PART.pkl...         mean |difference| of log-mels, by part

Needs requirements-train.txt.
"""

import argparse
import glob
import os
import sys

import numpy as np
import soundfile
import torch

from common.files import replacing
from common.mel import SAMPLE_RATE, log_mel, speech
from common.networks import load_dvae, load_vocos
from common.utterances import read_part

CHECKED = 12  # utterances of a part


def through(codec, mel):
    """Returns what the codec leaves of a log-mel (1, 100, 2T)."""
    return codec.decode(codec.features(codec.encode(mel)))


def even(mel):
    """Returns a log-mel with an even number of frames, as the codec wants it."""
    return mel[:, :, : mel.shape[2] // 2 * 2]


@torch.no_grad()
def wavs(vocoder, codec, folder, out):
    """Writes a folder of WAV files again."""
    paths = sorted(glob.glob(f"{glob.escape(folder)}/*.wav"))
    if not paths:
        raise ValueError(f"{folder}: no *.wav")
    os.makedirs(out, exist_ok=True)
    for path in paths:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        if rate != SAMPLE_RATE:
            raise ValueError(f"{path}: {rate} Hz, not {SAMPLE_RATE}")
        mel = even(log_mel(torch.from_numpy(samples.mean(1))[None]))
        if codec is not None:
            mel = through(codec, mel)
        with replacing(os.path.join(out, os.path.basename(path))) as temporary:
            soundfile.write(temporary, vocoder(mel)[0].numpy(), SAMPLE_RATE, format="WAV")
    print(f"{out}: {len(paths)} files")


@torch.no_grad()
def parts(vocoder, codec, paths):
    """Prints what is lost of parts of teacher speech."""

    def lost(made, mel):
        n = min(made.shape[2], mel.shape[2])
        return (made[:, :, :n] - mel[:, :, :n]).abs().mean().item()

    for path in paths:
        losses = []
        for u in read_part(path)[:CHECKED]:
            mel = even(log_mel(speech(u["wav"])))
            coded = through(codec, mel)
            losses.append((lost(coded, mel), lost(log_mel(vocoder(mel)), mel), lost(log_mel(vocoder(coded)), mel)))
        codec_loss, vocoder_loss, both = np.mean(losses, 0)
        print(f"{path}: codec {codec_loss:.3f}, vocoder {vocoder_loss:.3f}, both {both:.3f}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("vocoder", help="as train_vocoder.py writes it")
    commands = p.add_subparsers(dest="command", required=True)
    c = commands.add_parser("wavs", help="WAV files -> WAV files")
    c.add_argument("folder", help="folder of WAV files at 24 kHz")
    c.add_argument("out", help="folder to write; made if it is not there")
    c.add_argument("--codec", help="go through the codec, too")
    c = commands.add_parser("parts", help="teacher speech -> differences")
    c.add_argument("codec", help="as train_codec.py writes it")
    c.add_argument("parts", nargs="+", metavar="part", help="as generate.py writes them")
    a = p.parse_args()
    torch.set_num_threads(1)
    try:
        vocoder, codec = load_vocos(a.vocoder), load_dvae(a.codec) if a.codec else None
        if a.command == "wavs":
            wavs(vocoder, codec, a.folder, a.out)
        else:
            parts(vocoder, codec, a.parts)
    except (OSError, RuntimeError, ValueError) as e:
        sys.exit(f"resynthesise: {e}")


if __name__ == "__main__":
    main()
