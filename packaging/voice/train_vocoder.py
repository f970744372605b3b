#!/usr/bin/env python3
"""Train the vocoder: log-mel -> wave, on teacher speech.

    train_vocoder.py DATA OUT.pt [--minutes 10] [--start BEFORE.pt] [--model GPT.pt --codec CODEC.pt]

DATA is a folder of parts as generate.py writes them ({en,zh}_{f,m}_*.pkl); every group that is there has an equal
share. With DATA/held/{en,zh}_{f,m}.pkl the mel difference on speech never trained on is said before and after.
--start goes on from a trained vocoder at a lower rate, for voices that it has not heard. With a language model half of
the examples are log-mels as its Decoder makes them of speech that it is told, in which a pitch is harder to see: of a
low voice a vocoder that never heard them makes up its own.

OUT.pt is {"net", "step"}. OUT.pt.ck, with the optimiser, is written every two minutes; the same command goes on from
it. Needs requirements-train.txt.
"""

import argparse
import math
import os
import random
import sys

import numpy as np
import torch

from common.files import read_pickle, save_torch
from common.language import Model, hidden_of
from common.mel import HOP, log_mel, speech
from common.networks import Vocos, fill, load_dvae, load_state, part
from common.training import CHECKPOINT_MINUTES, Progress, add_arguments, check_arguments, learning_rate, log
from common.utterances import GROUPS, held_part, parts, read_part
from encode import encode

SEGMENT = 48 * HOP  # samples of a training example
WINDOWS = {n: torch.hann_window(n) for n in (2048, 1024, 512, 256, 128)}
# Rate, and how it rises and falls, from nothing and from a trained vocoder.
FRESH = dict(peak=1e-3, warmup=100, fall=3.0, floor=0.03)
MORE = dict(peak=4e-4, warmup=50, fall=2.0, floor=0.02)
HELD = 6  # utterances of a group that are judged
TOLD = 240  # utterances of a group of which the language model makes the log-mels


class Given:
    """A wave (n) in 16 bits, and its log-mel (100, T) if that is not its own."""

    def __init__(self, wav, mel=None):
        self.wav, self.mel = wav, mel

    def segment(self, r):
        """Returns a wave (SEGMENT) and the log-mel that is given for it, or None for its own."""
        start = r.randrange(0, len(self.wav) // HOP - SEGMENT // HOP)
        wave = speech(self.wav[start * HOP :][:SEGMENT])[0]
        return wave, self.mel if self.mel is None else self.mel[:, start : start + SEGMENT // HOP + 1]


def waves(paths):
    """Returns the waves of parts that are long enough."""
    return [Given(u["wav"]) for path in paths for u in read_pickle(path) if len(u["wav"]) > SEGMENT + 2 * HOP]


@torch.no_grad()
def spoken(model, codec, paths):
    """Returns waves of parts with the log-mels that a language model makes when it is told their text and codes."""
    out = []
    for path in paths:
        for u in read_part(path):
            if len(out) == TOLD:
                return out
            e = encode(codec, None, u) if len(u["wav"]) > SEGMENT + 2 * HOP else None
            if e is not None:
                mel = model.dec(hidden_of(model, e).T[None])[0]
                out.append(Given(u["wav"][: (mel.shape[1] - 1) * HOP], mel))
    return out


def draw(pools, r, batch):
    """Returns a batch of waves (batch, SEGMENT), each louder or softer than it was, and the log-mels given for them."""
    out, mels = [], []
    for _ in range(batch):
        wave, mel = r.choice(r.choice(pools)).segment(r)
        louder = (r.random() * 0.4 - 0.3) * math.log(10)
        wave = wave * math.exp(louder)
        out.append(wave)
        mels.append(log_mel(wave[None])[0] if mel is None else (mel + louder).clamp(min=math.log(1e-5)))
    return torch.stack(out), torch.stack(mels)


def loss_of(made, given):
    """Returns the loss and its mel part: log-mel, and magnitudes at five resolutions, in logarithm and as they are."""
    mel_loss = (log_mel(made) - log_mel(given)).abs().mean()
    loss = 10 * mel_loss
    for n, window in WINDOWS.items():
        a, b = (torch.stft(x, n, n // 4, window=window, return_complex=True).abs() for x in (made, given))
        loss = loss + (torch.log(a + 1e-4) - torch.log(b + 1e-4)).abs().mean() + 2 * (a - b).norm() / (b.norm() + 1e-3)
    return loss, mel_loss


@torch.no_grad()
def judge(net, held):
    """Returns each group's mean difference of log-mels on held-out speech."""
    out = {}
    for group, wavs in held.items():
        differences = []
        for wav in wavs:
            mel = log_mel(speech(wav))
            made = log_mel(net(mel))
            n = min(mel.shape[2], made.shape[2])
            differences.append((made[:, :, :n] - mel[:, :, :n]).abs().mean().item())
        out[group] = round(float(np.mean(differences)), 3)
    return out


def train(a):
    """Trains and writes OUT.pt; returns the losses of this run."""
    pools = [w for group in GROUPS if (w := waves(parts(a.data, group)[: a.files]))]
    if a.model:
        model = Model()
        fill(model, part(load_state(a.model), "model", a.model), a.model)
        codec = load_dvae(a.codec)
        pools += [s for group in GROUPS if (s := spoken(model.eval(), codec, parts(a.data, group)[: a.files]))]
    if not pools:
        raise ValueError(f"{a.data}: no speech in {{en,zh}}_{{f,m}}_*.pkl")
    held = {
        g: [u["wav"] for u in read_pickle(path)[:HELD]] for g in GROUPS if os.path.exists(path := held_part(a.data, g))
    }
    torch.manual_seed(a.seed)
    net = Vocos()
    schedule = MORE if a.start else FRESH
    optimiser = torch.optim.AdamW(net.parameters(), schedule["peak"], betas=(0.8, 0.95), weight_decay=0.01)
    step, done = 0, 0.0
    checkpoint = a.out + ".ck"
    if os.path.exists(checkpoint):
        c = load_state(checkpoint)
        fill(net, part(c, "net", checkpoint), checkpoint)
        optimiser.load_state_dict(c["opt"])
        step, done = c["step"], c["done"]
    elif a.start:
        fill(net, part(load_state(a.start), "net", a.start), a.start)
    torch.manual_seed(a.seed + step)
    r = random.Random(a.seed + step)
    progress = Progress(a.minutes, a.steps, done)
    log(f"vocoder: step {step}, held-out mel difference", judge(net, held))
    saved, recent, losses = progress.spent(), [], []
    while (fraction := progress.fraction(step)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step=step, fraction=fraction, **schedule)
        wave, mel = draw(pools, r, a.batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            made = net(mel)
        loss, mel_loss = loss_of(made, wave)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        step += 1
        recent.append(mel_loss.item())
        losses.append(loss.item())
        if progress.spent() - saved > CHECKPOINT_MINUTES:
            saved = progress.spent()
            log(f"vocoder: step {step}, {saved:.1f} core-min, mel {np.mean(recent):.3f}")
            recent = []
            save_torch(checkpoint, dict(net=net.state_dict(), opt=optimiser.state_dict(), step=step, done=saved))
    log(f"vocoder: step {step}, held-out mel difference", judge(net, held))
    state = dict(net=net.state_dict(), step=step)
    save_torch(checkpoint, dict(state, opt=optimiser.state_dict(), done=progress.spent()))
    save_torch(a.out, state)
    return losses


def main(arguments=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data", help="folder of teacher speech")
    p.add_argument("out", help="file to write")
    p.add_argument("--start", metavar="FILE", help="trained vocoder to go on from")
    p.add_argument("--model", metavar="FILE", help="language model, as train_language.py writes it")
    p.add_argument("--codec", metavar="FILE", help="as train_codec.py writes it; needed with --model")
    p.add_argument("--files", type=int, default=3, help="parts of each group that are read (default: %(default)s)")
    p.add_argument("--batch", type=int, default=12, help="examples a step (default: %(default)s)")
    add_arguments(p, minutes=10)
    a = p.parse_args(arguments)
    check_arguments(p, a)
    if bool(a.model) != bool(a.codec):
        p.error("--model and --codec go together")
    torch.set_num_threads(a.threads)
    try:
        return train(a)
    except (OSError, ValueError) as e:
        sys.exit(f"train_vocoder: {e}")


if __name__ == "__main__":
    main()
