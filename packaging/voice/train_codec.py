#!/usr/bin/env python3
"""Train the codec (DVAE): log-mel -> codes -> log-mel, on teacher speech, codes nudged to tell phones apart.

    train_codec.py DATA OUT.pt [--minutes 6] [--start BEFORE.pt]

DATA is a folder of parts as generate.py writes them ({en,zh}_{f,m}_*.pkl); every group that is there has an equal
share. A small probe that names the phone from the codes is trained along and thrown away.

OUT.pt is the network's state. OUT.pt.ck, with probe and optimiser, is written every two minutes; the same command goes
on from it. A new codec makes all codes and the language model anew. Needs requirements-train.txt.
"""

import argparse
import os
import random
import sys

import numpy as np
import torch
import torch.nn.functional as F

from common.files import save_torch
from common.mel import HOP, log_mel, speech
from common.networks import DVAE, fill, load_state, part
from common.tokens import VOCAB
from common.training import CHECKPOINT_MINUTES, Progress, add_arguments, check_arguments, learning_rate, log
from common.utterances import GROUPS, parts, places, read_part

SEGMENT = 96  # frames of a training example
RATE = 2e-3
PROBE_WEIGHT = 0.1
CHECKED = 30  # utterances of a group that are measured at the end


def example(utterance, r):
    """Returns a stretch of mel (100, SEGMENT) and the token ids spoken in it, one for two frames."""
    if "mel" not in utterance:
        utterance["mel"] = log_mel(speech(utterance["wav"]))[0].half()
        utterance["spoken"] = utterance["ids"][places(utterance, utterance["mel"].shape[1] // 2)]
    mel, spoken = utterance["mel"], utterance["spoken"]
    start = r.randrange(0, (mel.shape[1] - SEGMENT) // 2) * 2
    phones = spoken[start // 2 : (start + SEGMENT) // 2]
    return mel[:, start : start + SEGMENT].float(), torch.from_numpy(phones)


@torch.no_grad()
def check(net, utterances):
    """Returns the mean difference of log-mels and how many codes of each codebook are used."""
    net.eval()
    errors, used = [], [set() for _ in range(4)]
    for u in utterances:
        mel = log_mel(speech(u["wav"]))
        mel = mel[:, :, : mel.shape[2] // 2 * 2]
        codes = net.encode(mel)
        errors.append((net.decode(net.features(codes)) - mel).abs().mean().item())
        for book, row in zip(used, codes[0].tolist()):
            book.update(row)
    return float(np.mean(errors)), [len(book) for book in used]


def train(a):
    """Trains and writes OUT.pt; returns the losses of this run."""
    pools = [[u for path in parts(a.data, group)[: a.files] for u in read_part(path)] for group in GROUPS]
    pools = [p for pool in pools if (p := [u for u in pool if len(u["wav"]) >= (SEGMENT + 4) * HOP])]
    if not pools:
        raise ValueError(
            f"{a.data}: no speech of {(SEGMENT + 4) * HOP / 24000:.1f} s or more in {{en,zh}}_{{f,m}}_*.pkl"
        )
    torch.manual_seed(a.seed)
    net, probe = DVAE(), torch.nn.Conv1d(8, len(VOCAB), 5, padding=2)
    trained = [*net.parameters(), *probe.parameters()]
    optimiser = torch.optim.AdamW(trained, RATE, betas=(0.9, 0.98), weight_decay=0.01)
    step, done = 0, 0.0
    checkpoint = a.out + ".ck"
    if os.path.exists(checkpoint):
        c = load_state(checkpoint)
        fill(net, part(c, "net", checkpoint), checkpoint)
        fill(probe, c["probe"], checkpoint)
        optimiser.load_state_dict(c["opt"])
        step, done = c["step"], c["done"]
    elif a.start:
        fill(net, load_state(a.start), a.start)
    torch.manual_seed(a.seed + step)
    r = random.Random(a.seed + step)
    progress = Progress(a.minutes, a.steps, done)

    def save():
        state = dict(net=net.state_dict(), probe=probe.state_dict(), opt=optimiser.state_dict())
        save_torch(checkpoint, dict(state, step=step, done=progress.spent()))

    log(f"codec: step {step}")
    saved, recent, losses = progress.spent(), [], []
    while (fraction := progress.fraction(step)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(RATE, step, fraction, warmup=100)
        examples = [example(r.choice(r.choice(pools)), r) for _ in range(a.batch)]
        mel, phones = (torch.stack(x) for x in zip(*examples))
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            made, rounded = net(mel)
            named = probe(rounded.transpose(1, 2))
        difference = (made.float() - mel).abs().mean()
        phone_loss = F.cross_entropy(named.float(), phones)
        loss = difference + PROBE_WEIGHT * phone_loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        step += 1
        right = (named.argmax(1) == phones).float().mean().item()
        recent.append((difference.item(), phone_loss.item(), right))
        losses.append(loss.item())
        if progress.spent() - saved > CHECKPOINT_MINUTES:
            saved = progress.spent()
            log(f"codec: step {step}, {saved:.1f} core-min, mel / phone / right", np.mean(recent, 0).round(3).tolist())
            recent = []
            save()
    save()
    save_torch(a.out, net.state_dict())
    sample = [u for pool in pools for u in r.sample(pool, min(CHECKED, len(pool)))]
    difference, used = check(net, sample)
    log(f"codec: step {step}, mel difference {difference:.3f} on speech trained on, codes used {used}")
    return losses


def main(arguments=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data", help="folder of teacher speech")
    p.add_argument("out", help="file to write")
    p.add_argument("--start", metavar="FILE", help="trained codec to go on from, at the full rate")
    p.add_argument("--files", type=int, default=5, help="parts of each group that are read (default: %(default)s)")
    p.add_argument("--batch", type=int, default=16, help="examples a step (default: %(default)s)")
    add_arguments(p, minutes=6)
    a = p.parse_args(arguments)
    check_arguments(p, a)
    torch.set_num_threads(a.threads)
    try:
        return train(a)
    except (OSError, ValueError) as e:
        sys.exit(f"train_codec: {e}")


if __name__ == "__main__":
    main()
