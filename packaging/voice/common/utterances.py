"""Teacher speech as generate.py writes it: lists of utterances in pickle files, LANGUAGE_SEX_*.pkl.

An utterance is a dictionary:
    lang      "en" or "zh"
    voice     the teacher's name of the voice
    sex       "f" or "m"
    speed     N of [speed_N]; 5 where it is not given
    text      the sentence
    tokens    what the model reads: phonemes, or initials and finals, and , . ?
    dur       samples that each token lasts, at 24 kHz
    head      samples before the first token
    tail      samples after the last
    done      1: the three above are samples
    wav       16-bit samples at 24 kHz
    hers      of a man made of a woman: her samples, as many
"""

import glob
import os

import numpy as np

from common.files import read_pickle
from common.tokens import token_ids

LANGUAGES = ("en", "zh")
SEXES = "fm"
GROUPS = tuple(f"{lang}_{sex}" for lang in LANGUAGES for sex in SEXES)
STEP = 512  # samples that one code stands for: two frames of mel
STEPS_A_SECOND = 24000 / STEP
# Silence left at the ends, in samples, and the level below which all is silence.
LEAD, TAIL = 1200, 3600
QUIET = 260


def trim(utterance):
    """Cuts the silence at both ends to 50 ms and 150 ms, and gives every token its first sample ("start")."""
    wav = utterance.get("hers", utterance["wav"])
    loud = np.flatnonzero(np.abs(wav.astype(np.int32)) > QUIET)
    first = max(0, (loud[0] if len(loud) else 0) - LEAD)
    last = min(len(wav), (loud[-1] if len(loud) else len(wav)) + TAIL)
    utterance["start"] = utterance["head"] + np.concatenate([[0], np.cumsum(utterance["dur"])]) - first
    utterance.update({k: utterance[k][first:last] for k in ("wav", "hers") if k in utterance})
    return utterance


def places(utterance, steps):
    """Returns for each step the place of the token that is spoken then."""
    middle = np.arange(steps) * STEP + STEP // 2
    return np.clip(np.searchsorted(utterance["start"], middle, side="right") - 1, 0, len(utterance["tokens"]) - 1)


def read_part(path):
    """Returns the trimmed utterances of a file, with their token ids ("ids"); says which hold unknown tokens."""
    out = []
    for utterance in read_pickle(path):
        if not utterance.get("done"):
            raise ValueError(f"{path}: not written by generate.py, so that its durations are in other units")
        try:
            utterance["ids"] = token_ids(utterance)
        except KeyError as e:
            print(f"{path}: unknown token {e} in {utterance['text'][:40]!r}", flush=True)
            continue
        out.append(trim(utterance))
    return out


def parts(folder, group):
    """Returns the paths of a group's files (such as "en_f" or "zh") in a folder, sorted."""
    return sorted(glob.glob(f"{glob.escape(folder)}/{group}_*.pkl"))


def held_part(folder, group):
    """Returns the path of a group's held-out speech."""
    return os.path.join(folder, "held", f"{group}.pkl")
