#!/usr/bin/env python3
"""Encode teacher speech for the language model: codes, mels and alignments.

    encode.py CODEC.pt OUT.pkl PART.pkl... [--vocoder VOCODER.pt]

Reads parts as generate.py writes them. OUT.pkl is a list of dictionaries: lang, voice, sex, text, ids (token ids),
mel (f16, 100 x 2n), codes (i16, 4 x n) and place (i16, n: which token is spoken), n steps of 512 samples at 24 kHz.
With a vocoder also again (i16, 4 x n): the codes of its wave, as of a sample of the voice that is spoken on from.
Utterances below 0.28 s or above 7 s are left out. If OUT.pkl is there, nothing is done. Needs requirements-train.txt.
"""

import argparse
import os
import sys

import numpy as np
import torch

from common.files import write_pickle
from common.mel import log_mel, speech
from common.networks import load_dvae, load_vocos
from common.utterances import STEPS_A_SECOND, places, read_part

FEWEST, MOST = 12, 330  # steps, exclusive


@torch.no_grad()
def encode(net, vocoder, utterance):
    """Returns the encoded utterance, or None if it is too short or too long; `vocoder` may be None."""
    mel = log_mel(speech(utterance["wav"]))
    steps = mel.shape[2] // 2
    if not FEWEST < steps < MOST:
        return None
    mel = mel[:, :, : 2 * steps]
    # What is said is hers, how it sounds his: codes need not tell voices apart, and he speaks as clearly as she does.
    heard = log_mel(speech(utterance["hers"]))[:, :, : 2 * steps] if "hers" in utterance else mel
    again = {}
    if vocoder is not None:
        again = dict(again=net.encode(log_mel(vocoder(mel)))[0].numpy().astype(np.int16))
    return dict(
        **again,
        **{k: utterance[k] for k in ("lang", "voice", "sex", "text", "ids")},
        speed=utterance.get("speed", 5),
        mel=mel[0].half().numpy(),
        codes=net.encode(heard)[0].numpy().astype(np.int16),
        place=places(utterance, steps).astype(np.int16),
    )


def main(arguments=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("codec", help="as train_codec.py writes it")
    p.add_argument("out", help="file to write")
    p.add_argument("parts", nargs="+", metavar="part", help="teacher speech")
    p.add_argument("--vocoder", metavar="FILE", help="as train_vocoder.py writes it: also make samples of the voice")
    a = p.parse_args(arguments)
    if os.path.exists(a.out):
        print(f"{a.out}: is there already")
        return
    torch.set_num_threads(1)
    try:
        net = load_dvae(a.codec)
        vocoder = load_vocos(a.vocoder) if a.vocoder else None
        out = [e for part in a.parts for u in read_part(part) if (e := encode(net, vocoder, u)) is not None]
        if not out:
            raise ValueError("the parts hold no utterance of a fit length")
        write_pickle(a.out, out)
    except (OSError, ValueError) as e:
        sys.exit(f"encode: {e}")
    seconds = sum(u["codes"].shape[1] for u in out) / STEPS_A_SECOND
    print(f"{a.out}: {len(out)} utterances, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
