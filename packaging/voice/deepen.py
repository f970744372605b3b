#!/usr/bin/env python3
"""Make a man's part of teacher speech of a woman's: pitch and formants lowered by WORLD, all else as it was.

    deepen.py PART.pkl OUT.pkl

For Kokoro's Mandarin; hibari's man is made in her vocoder (generate.py, hm_deep). OUT's utterances keep her samples
("hers"), of which encode.py makes the codes. If OUT is there, nothing is done. Needs requirements-teach.txt.
"""

import argparse
import os
import sys
import time

import numpy as np
import pyworld

from common.files import read_pickle, write_pickle
from generate import DEEP_PITCH, MAN_GAIN, RATE, warp

SUFFIX = "_deep"  # of the voice's name


def deep(samples):
    """Returns 16-bit samples of a man, as many as the woman's."""
    wave = samples.astype(np.float64) / 32768
    rough, at = pyworld.dio(wave, RATE, f0_floor=90.0, f0_ceil=600.0)
    pitch = pyworld.stonemask(wave, rough, at, RATE)
    envelope = pyworld.cheaptrick(wave, pitch, at, RATE)
    noise = pyworld.d4c(wave, pitch, at, RATE)
    envelope = np.exp(np.ascontiguousarray(warp(np.log(envelope + 1e-12).T).T))
    noise = np.ascontiguousarray(warp(noise.T).T)
    made = pyworld.synthesize(pitch * DEEP_PITCH, envelope, noise, RATE)
    made = np.pad(made, (0, max(0, len(wave) - len(made))))[: len(wave)]
    # As loud as other men are beside her.
    made *= MAN_GAIN * wave.std() / max(made.std(), 1e-6)
    return (made * min(1, 0.99 / max(np.abs(made).max(), 1e-6)) * 32767).astype(np.int16)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("part", help="as generate.py writes it")
    p.add_argument("out", help="file to write")
    a = p.parse_args()
    if os.path.exists(a.out):
        print(f"{a.out}: is there already")
        return
    start = time.process_time()
    try:
        part = read_pickle(a.part)
        if any(u["sex"] != "f" for u in part):
            raise ValueError(f"{a.part}: holds men already")
        out = [dict(u, sex="m", voice=u["voice"] + SUFFIX, wav=deep(u["wav"]), hers=u["wav"]) for u in part]
        write_pickle(a.out, out)
    except (OSError, ValueError) as e:
        sys.exit(f"deepen: {e}")
    seconds = sum(len(u["wav"]) for u in part) / RATE
    spent = max(time.process_time() - start, 1e-3)
    print(
        f"{a.out}: {len(out)} utterances, {seconds:.0f} s of speech, {seconds / spent:.1f} s a core-second", flush=True
    )


if __name__ == "__main__":
    main()
