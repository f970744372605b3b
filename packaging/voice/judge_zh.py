#!/usr/bin/env python3
"""Judge Mandarin speech with a small recogniser of our own, trained on teacher speech alone.

    judge_zh.py train CODES JUDGE.pt [--minutes 3]
    judge_zh.py eval JUDGE.pt REFERENCES.json WAVS [-v]

CODES is a folder of encode.py's files, of whose Mandarin 40 utterances are kept aside and judged at the end; REFERENCES
is of teacher_speech.py; WAVS holds 00000.wav, ... at 24 kHz.

It names initial or final with tone in every 10.7 ms frame; runs of one name are what it heard. It has heard one teacher
only, so the error rates (of initials and finals) tell voices and versions apart, and nothing of their own.
Needs requirements-train.txt.
"""

import argparse
import glob
import json
import os
import random
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from common.files import read_pickle, save_torch
from common.mel import MELS, SAMPLE_RATE, log_mel
from common.networks import MEL_SCALE, Block, fill, load_state
from common.score import edit_distance
from common.tokens import ID, TONES, VOCAB
from common.training import Progress, add_arguments, check_arguments, learning_rate, log

HELD = 40
BATCH, SEGMENT = 16, 160  # examples a step, frames an example
RATE = 2e-3
CHANGE_COST = 2.5  # of going to another token, in log-probability
QUIET = 5.0  # below the loudest frame, in log-mel: a pause


class Judge(nn.Module):
    """Log-mel (B, 100, T) -> scores of the vocabulary (B, 366, T)."""

    def __init__(self, dim=160):
        super().__init__()
        self.inp = nn.Conv1d(MELS, dim, 5, padding=2)
        self.blocks = nn.ModuleList(Block(dim, 3 * dim, dilation, "g", 0.3) for dilation in (1, 2, 2, 4))
        self.out = nn.Conv1d(dim, len(VOCAB), 1)

    def forward(self, mel):
        x = self.inp(mel / MEL_SCALE)
        for block in self.blocks:
            x = block(x)
        return self.out(F.dropout(x, 0.1, self.training))


def spoken(ids):
    """Returns initials and finals of token ids, without marks."""
    return [VOCAB[i][2:] for i in ids if VOCAB[i][:2] in ("zi", "zf")]


@torch.no_grad()
def hear(net, mel):
    """Returns the tokens of a log-mel (100, T): Viterbi over frames, where staying is free and changing costs."""
    scores = torch.log_softmax(net(mel[None])[0].float(), 0).T.numpy()
    quiet = (mel.mean(0) < mel.mean(0).max() - QUIET).numpy()
    every = np.arange(len(VOCAB))
    scores = np.where(quiet[:, None], np.where(every == ID["."], 0.0, -8.0), scores)
    back, total = [], scores[0].copy()
    for frame in scores[1:]:
        best = total.argmax()
        stay = total >= total[best] - CHANGE_COST
        back.append(np.where(stay, every, best))
        total = np.where(stay, total, total[best] - CHANGE_COST) + frame
    path = [int(total.argmax())]
    for step in reversed(back):
        path.append(int(step[path[-1]]))
    path.reverse()
    return spoken([path[0]] + [b for a, b in zip(path, path[1:]) if a != b])


def score(references, heard):
    """Returns a line with the error rate of tokens, with tones and without."""

    def errors(strip):
        return sum(edit_distance([t.rstrip(strip) for t in r], [t.rstrip(strip) for t in h]) for r, h in pairs)

    pairs, n = list(zip(references, heard)), max(1, sum(map(len, references)))
    return f"token error {100 * errors('') / n:.1f} % with tones, {100 * errors(TONES) / n:.1f} % without, of {n}"


def example(u, r):
    """Returns a stretch of mel, louder or softer, noisy, at times with a band wiped out, and its token ids."""
    width = min(u["mel"].shape[1], SEGMENT)
    start = r.randrange(0, u["mel"].shape[1] - width + 1)
    ids = u["ids"][u["place"]].repeat(2)[start : start + width]
    mel = torch.from_numpy(u["mel"][:, start : start + width].astype(np.float32)) + r.uniform(-0.4, 0.4)
    mel = mel + torch.randn(MELS, width) * r.choice([0, 0.2, 0.4])
    if r.random() < 0.5:
        band = r.randrange(0, 90)
        mel[band : band + r.randrange(2, 12)] = mel.mean()
    pad = (0, SEGMENT - width)
    return F.pad(mel, pad), F.pad(torch.from_numpy(ids.astype(np.int64)), (0, SEGMENT - len(ids)), value=-1)


def train(a):
    """Trains the judge and says how it hears the teacher."""
    paths = sorted(glob.glob(f"{glob.escape(a.codes)}/*.pkl"))
    utterances = [u for path in paths for u in read_pickle(path) if u["lang"] == "zh"]
    if len(utterances) <= HELD:
        raise ValueError(f"{a.codes}: {len(utterances)} Mandarin utterances, more than {HELD} are needed")
    random.Random(3).shuffle(utterances)
    held, utterances = utterances[:HELD], utterances[HELD:]
    torch.manual_seed(a.seed)
    r, net, step, right = random.Random(a.seed + 1), Judge(), 0, []
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.02)
    progress = Progress(a.minutes, a.steps)
    while (fraction := progress.fraction(step)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(RATE, step, fraction)
        mel, ids = (torch.stack(x) for x in zip(*(example(u, r) for u in r.choices(utterances, k=BATCH))))
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            scores = net(mel)
        loss = F.cross_entropy(scores.float(), ids, ignore_index=-1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        right.append((scores.argmax(1) == ids)[ids >= 0].float().mean().item())
        if step % 100 == 0:
            log(f"judge: step {step}, {100 * np.mean(right[-100:]):.1f} % of frames right")
    net.eval()
    save_torch(a.judge, net.state_dict())
    heard = [hear(net, torch.from_numpy(u["mel"].astype(np.float32))) for u in held]
    print("teacher, held out:", score([spoken(u["ids"]) for u in held], heard))


def evaluate(a):
    """Judges a folder of WAV files."""
    import soundfile

    net = Judge()
    fill(net, load_state(a.judge), a.judge)
    net.eval()
    with open(a.references, encoding="utf-8") as f:
        references = json.load(f)
    heard = []
    for i, reference in enumerate(references):
        path = os.path.join(a.wavs, f"{i:05d}.wav")
        try:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except RuntimeError as e:
            raise ValueError(f"{path}: {e}") from e
        if rate != SAMPLE_RATE:
            raise ValueError(f"{path}: {rate} Hz, not {SAMPLE_RATE}")
        heard.append(hear(net, log_mel(torch.from_numpy(samples.mean(1))[None])[0]))
        if a.verbose:
            print(
                f"{edit_distance(reference, heard[-1])}/{len(reference)} {' '.join(reference)} | {' '.join(heard[-1])}"
            )
    print(score(references, heard))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest="command", required=True)
    c = commands.add_parser("train", help="make a judge of encoded teacher speech")
    c.add_argument("codes", help="folder of encode.py's files")
    c.add_argument("judge", help="file to write")
    add_arguments(c, minutes=3)
    c = commands.add_parser("eval", help="judge WAV files")
    c.add_argument("judge", help="file that train wrote")
    c.add_argument("references", help="JSON: for each sentence its initials and finals")
    c.add_argument("wavs", help="folder of 00000.wav, ...")
    c.add_argument("-v", "--verbose", action="store_true", help="print each sentence")
    a = p.parse_args()
    if a.command == "train":
        check_arguments(c, a)
    torch.set_num_threads(getattr(a, "threads", 1))
    try:
        train(a) if a.command == "train" else evaluate(a)
    except (OSError, ValueError) as e:
        sys.exit(f"judge_zh: {e}")


if __name__ == "__main__":
    main()
