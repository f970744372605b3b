#!/usr/bin/env python3
"""Measure English speech: the word error rate (WER) that Whisper tiny.en makes of it.

    measure.py WAVS TEXTS.txt     WAVS holds 00000.wav, 00001.wav, ... (as `chattts-rs synth --file TEXTS.txt --out-dir
                                  WAVS` writes them), one for each line of TEXTS that is not blank
    measure.py PART.pkl           a part of teacher speech, its first --count utterances

Prints one line a sentence, ERRORS/WORDS TEXT | HEARD, and the rate of all at the end. Numbers count as the same in
figures and in words. A missing or unreadable file counts as silence, and the exit status is 1.
Needs requirements-recognise.txt.
"""

import argparse
import os
import sys

from common.files import read_lines, read_pickle
from common.score import edit_distance, words
from recognise import Recogniser

TEACHER_RATE = 24000


def of_folder(recogniser, folder, texts):
    """Yields (text, heard, error or None) of numbered files."""
    for i, text in enumerate(texts):
        path = os.path.join(folder, f"{i:05d}.wav")
        try:
            yield text, recogniser.file(path), None
        except (OSError, RuntimeError, ValueError) as e:
            yield text, "", f"{path}: {e}"


def of_part(recogniser, path, count):
    """Yields (text, heard, None) of a part of teacher speech."""
    for u in read_pickle(path)[:count]:
        yield u["text"], recogniser.samples(u["wav"].astype("float32") / 32768, TEACHER_RATE), None


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("speech", help="folder of WAV files, or a part of teacher speech")
    p.add_argument("texts", nargs="?", help="what was to be said, a line a sentence; not for a part")
    p.add_argument("--count", type=int, default=20, help="utterances of a part (default: %(default)s)")
    p.add_argument("--threads", type=int, default=1, help="threads of computing (default: %(default)s)")
    a = p.parse_args()
    if os.path.isdir(a.speech) != bool(a.texts):
        p.error("give a folder and its TEXTS, or a part alone")
    try:
        texts = read_lines(a.texts) if a.texts else []
        if a.texts and not texts:
            p.error(f"{a.texts}: holds no line")
        recogniser = Recogniser(threads=a.threads)
        results = of_folder(recogniser, a.speech, texts) if a.texts else of_part(recogniser, a.speech, a.count)
        errors = total = perfect = sentences = failed = 0
        for text, heard, problem in results:
            wanted, got = words(text), words(heard)
            wrong = edit_distance(wanted, got)
            print(f"{wrong}/{len(wanted)} {text} | {heard}", flush=True)
            if problem:
                print(f"measure: {problem}", file=sys.stderr)
                failed += 1
            errors, total, perfect, sentences = (
                errors + wrong,
                total + len(wanted),
                perfect + (not wrong),
                sentences + 1,
            )
    except (ImportError, OSError, RuntimeError, ValueError) as e:
        sys.exit(f"measure: {e}")
    print(
        f"WER {100 * errors / max(1, total):.1f} % of {total} words, {perfect} of {sentences} sentences without error"
    )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
