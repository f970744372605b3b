#!/usr/bin/env python3
"""Let the teachers say given sentences: the upper bound of what a voice trained on them can reach.

    teacher_speech.py TEACHER.onnx LANGUAGE VOICE TEXTS.txt OUT

Writes OUT/00000.wav, ... at 24 kHz, one for each line of TEXTS that is not blank; for Mandarin also
OUT/references.json, the initials and finals of each sentence, which judge_zh.py compares with. TEACHER and VOICE as
for generate.py. Needs requirements-teach.txt.
"""

import argparse
import json
import os
import sys

import numpy as np
import soundfile

from common.files import read_lines, replacing, write_text
from generate import HIBARI, RATE, Hibari, Kokoro, english, mandarin


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("teacher", help="ONNX graph that gives durations too (teachers.py)")
    p.add_argument("language", choices=["en", "zh"])
    p.add_argument("voice", help="heart or hm_deep, or a voice of Kokoro's such as jf_alpha or jm_kumo")
    p.add_argument("texts", help="sentences, a line each")
    p.add_argument("out", help="folder to write; made if it is not there")
    p.add_argument("--seed", type=int, default=0, help="of hibari's noise (default: %(default)s)")
    a = p.parse_args()
    if a.voice in HIBARI and a.language != "en":
        p.error(f"{a.voice} speaks English only")
    references = []
    try:
        teacher = (Hibari if a.voice in HIBARI else Kokoro)(a.teacher, a.voice, a.seed)
        os.makedirs(a.out, exist_ok=True)
        for i, text in enumerate(read_lines(a.texts)):
            read = (english if a.language == "en" else mandarin)(text, teacher.vocab)
            if read is None:
                raise ValueError(f"{a.texts}: cannot be read: {text!r}")
            tokens, ids, _ = read
            references.append([t for t in tokens if t not in ",.?"])
            samples = np.clip(np.ravel(teacher.speak(np.array([[0, *ids, 0]], np.int64))[0]), -1, 1)
            with replacing(f"{a.out}/{i:05d}.wav") as temporary:
                soundfile.write(temporary, samples, RATE, format="WAV")
    except (ImportError, OSError, RuntimeError, ValueError) as e:
        sys.exit(f"teacher_speech: {e}")
    if a.language == "zh":
        write_text(f"{a.out}/references.json", json.dumps(references))
    print(f"{a.out}: {len(references)} sentences")


if __name__ == "__main__":
    main()
