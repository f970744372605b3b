#!/usr/bin/env python3
"""Average two states of one training, which often has what either of them is better at.

    average.py A.pt B.pt SHARE OUT.pt

Both are as train_language.py or train_vocoder.py writes them, one gone on from the other. OUT.pt holds
A + SHARE · (B - A), SHARE from 0 to 1. Needs requirements-train.txt.
"""

import argparse
import sys

from common.files import save_torch
from common.networks import load_state


def average(a, b, share):
    """Returns the average of two states, and the step of the second."""
    key = next((k for k in ("model", "net") if k in a and k in b), None)
    if key is None:
        raise ValueError("not two states of language models or of vocoders")
    if {k: v.shape for k, v in a[key].items()} != {k: v.shape for k, v in b[key].items()}:
        raise ValueError("states of networks of other shapes")
    out = {k: v.lerp(b[key][k], share) if v.is_floating_point() else b[key][k] for k, v in a[key].items()}
    return {key: out, "step": b.get("step", 0)}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("a", help="the earlier state")
    p.add_argument("b", help="the later one")
    p.add_argument("share", type=float, help="how much of the later one, 0 to 1")
    p.add_argument("out", help="file to write")
    a = p.parse_args()
    if not 0 <= a.share <= 1:
        p.error("SHARE must be from 0 to 1")
    try:
        save_torch(a.out, average(load_state(a.a), load_state(a.b), a.share))
    except (OSError, ValueError) as e:
        sys.exit(f"average: {e}")


if __name__ == "__main__":
    main()
