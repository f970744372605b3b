"""Pauses that a text asks for: made while training, of what is silent in the speech that is there.

[uv_break] and [lbreak] stand in a comma's place, or between two sentences, or [lbreak] at the end, and last as many
steps longer. Teachers know neither.
"""

import numpy as np

from common.tokens import ID

BREAKS = {ID["[uv_break]"]: 10, ID["[lbreak]"]: 28}  # steps of 21 ms
JITTER = 1  # steps, either way
QUIET = 3.2  # how much softer silence is than the middle of speech, in the logarithm of mel
SHORT = 0.6  # share of [uv_break]
KEEP_MARK = 0.5  # share of pauses that come after a mark
AT_COMMA, AT_END = 0.3, 0.04  # shares of commas and of utterances


def choose(r):
    """Returns the id of a pause, and its steps."""
    token = ID["[uv_break]"] if r.random() < SHORT else ID["[lbreak]"]
    return token, BREAKS[token] + r.randint(-JITTER, JITTER)


def loudness(u):
    """Returns the mean log-mel of each step, above that of silence."""
    n = u["codes"].shape[1]
    level = u["mel"][:, : 2 * n].astype(np.float32).reshape(u["mel"].shape[0], n, 2).mean((0, 2))
    return level - np.median(level) + QUIET


def silence(u, level, count, r):
    """Returns codes (4, count) and mel (100, 2 count) of steps drawn from the utterance's silence."""
    steps = np.array(r.choices(np.flatnonzero(level <= max(0, level.min())).tolist(), k=count))
    pairs = np.stack([2 * steps, 2 * steps + 1], 1).ravel()
    return u["codes"][:, steps], u["mel"][:, pairs]


def put(u, at, ids, moved, owner, made):
    """Returns the utterance with new ids and silence `made` before step `at`.

    `moved` is the new place of each old token, `owner` the place of the token that is spoken by the silence.
    """
    codes, mel = made
    place = moved[u["place"].astype(int)]
    return dict(
        u,
        ids=np.array(ids),
        codes=np.concatenate([u["codes"][:, :at], codes, u["codes"][:, at:]], 1),
        mel=np.concatenate([u["mel"][:, : 2 * at], mel, u["mel"][:, 2 * at :]], 1),
        place=np.concatenate(
            [np.minimum(place[:at], owner), np.full(codes.shape[1], owner), np.maximum(place[at:], owner)]
        ),
    )


def at_comma(u, r):
    """Returns the utterance with a pause at one of its commas; as it is if no comma is silent."""
    commas = np.flatnonzero(u["ids"] == ID[","]).tolist()
    if not commas:
        return u
    comma, level = r.choice(commas), loudness(u)
    steps = np.flatnonzero((u["place"] == comma) | (u["place"] == comma + 1))
    if not len(steps) or level[steps].min() > 0:
        return u
    at = int(steps[level[steps].argmin()]) + 1
    token, count = choose(r)
    ids, moved, owner = [], np.zeros(len(u["ids"]), int), 0
    keep = r.random() < KEEP_MARK
    for i, old in enumerate(u["ids"].tolist()):
        # A tokenizer reads what lies between two tags by itself and keeps no space at its ends.
        if i == comma + 1 and old == ID["en "]:
            moved[i] = len(ids) - 1
            continue
        moved[i] = len(ids)
        if i != comma or keep:
            ids.append(old)
        if i == comma:
            owner = len(ids)
            ids.append(token)
    return put(u, at, ids, moved, owner, silence(u, level, count, r))


def at_end(u, r):
    """Returns the utterance with [lbreak] at its end."""
    token = ID["[lbreak]"]
    ids = u["ids"].tolist()
    n = u["codes"].shape[1]
    return put(u, n, [*ids, token], np.arange(len(ids)), len(ids), silence(u, loudness(u), BREAKS[token] // 2, r))


def between(u, r):
    """Returns the utterance with a pause at its end, for another to follow."""
    token, count = choose(r)
    ids, level = u["ids"].tolist(), loudness(u)
    if ids[-1] in (ID["."], ID[","]) and r.random() > KEEP_MARK:
        ids = ids[:-1]
    moved = np.minimum(np.arange(len(u["ids"])), len(ids) - 1)
    return put(u, u["codes"].shape[1], [*ids, token], moved, len(ids), silence(u, level, count, r))


def add(u, r):
    """Returns the utterance, now and then with a pause that its text asks for."""
    if r.random() < AT_COMMA:
        u = at_comma(u, r)
    return at_end(u, r) if r.random() < AT_END else u
