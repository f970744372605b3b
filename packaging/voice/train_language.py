#!/usr/bin/env python3
"""Train the language model (text -> codes and mel) in segments that can be broken off at any time.

    train_language.py CODES HELD.pkl STATE [--start BEFORE.pt] [--segment MINUTES]

CODES is a folder of files as encode.py writes them (*.pkl), read again at every checkpoint, so that more speech can be
made meanwhile. HELD.pkl is such a file of sentences never trained on. Minutes are of processor time.

STATE/ck.pt     model, its running mean, optimisers, minutes so far: written every two minutes; the same command goes on
                from it, the first from --start or from nothing
STATE/gpt.pt    {"model", "step"}: the running mean of the weights, to export at any time
STATE/best.pt   the same with the lowest held-out loss so far
STATE/ctl.json  {"total": T, "decay": D, "peak": P}, any of them: takes the arguments' place while training runs
STATE/stop      ends the segment if it is there

The learning rate is P times its full value, and falls to nothing over the last D of T minutes. Exit status 0 at the
end of a segment, 3 once T minutes are done. Needs requirements-train.txt.
"""

import argparse
import glob
import json
import os
import random
import sys

import numpy as np
import torch

from common.files import read_pickle, save_torch
from common.language import NAMES, Model, Muon, batches, forward, heard_loss
from common.networks import fill, load_state, part
from common.training import CHECKPOINT_MINUTES, Progress, add_arguments, check_arguments, log, processor_minutes
from common.utterances import LANGUAGES, SEXES, STEPS_A_SECOND

MUON_RATE, ADAM_RATE = 0.02, 2e-3
WARMUP = 40  # steps
JUDGE_MINUTES = 8.0  # between looks at held-out speech
MEAN_HORIZON = 0.996  # of the running mean, once it has run long enough
ALL_DONE = 3  # exit status


class Speech:
    """Encoded utterances by language and sex, of a folder that may grow."""

    def __init__(self, folder):
        self.folder, self.files = folder, []
        self.pools = {(lang, sex): [] for lang in LANGUAGES for sex in SEXES}

    def read(self):
        """Reads files that were not there before."""
        for path in sorted(glob.glob(f"{glob.escape(self.folder)}/*.pkl")):
            if path not in self.files:
                for u in read_pickle(path):
                    self.pools[u["lang"], u["sex"]].append(u)
                self.files.append(path)

    def hours(self):
        """Returns the hours of each language and sex."""
        seconds = {"_".join(k): sum(u["codes"].shape[1] for u in v) / STEPS_A_SECOND for k, v in self.pools.items()}
        return {k: round(s / 3600, 2) for k, s in seconds.items()}


def judge(model, groups):
    """Returns the held-out loss, its mean parts, and the loss of each group; always with the same speaker vectors."""
    model.eval()
    parts = {}
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        for name, us in groups.items():
            halves = [us[i::2] for i in range(2) if us[i::2]]
            parts[name] = np.array([forward(model, half, random.Random(0), False)[1] for half in halves]).mean(0)
    model.train()
    mean = np.mean(list(parts.values()), 0)
    return heard_loss(mean), mean, {name: round(float(heard_loss(p)), 3) for name, p in parts.items()}


def named(parts):
    """Returns the parts of a loss with their names, for the log."""
    return dict(zip(NAMES, np.round(parts, 3).tolist()))


class Training:
    """Everything that a checkpoint holds, and how it is written."""

    def __init__(self, a, held):
        self.a = a
        torch.manual_seed(a.seed)
        self.model, self.shadow = Model(), Model()
        matrices = [p for p in self.model.gpt.parameters() if p.dim() == 2]
        chosen = {id(p) for p in matrices}
        self.rest = [p for p in self.model.parameters() if id(p) not in chosen]
        self.muon = Muon(matrices, MUON_RATE, a.bf16)
        self.adam = torch.optim.AdamW(self.rest, ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0)
        self.step, self.first, self.done, self.best = 0, 0, 0.0, 1e9
        self.groups = {}
        for u in held:
            self.groups.setdefault(f"{u['lang']}_{u['sex']}", []).append(u)
        path = f"{a.state}/ck.pt"
        if os.path.exists(path):
            c = load_state(path)
            fill(self.model, part(c, "model", path), path)
            self.mean, self.muon.momentum = c["mean"], c["muon"]
            self.adam.load_state_dict(c["adam"])
            self.step, self.done, self.best, self.first = c["step"], c["done"], c["best"], c["first"]
            return
        if a.start:
            c = load_state(a.start)
            fill(self.model, part(c, "model", a.start), a.start)
            self.first = self.step = c["step"]
        self.mean = {k: v.clone() for k, v in self.model.state_dict().items()}
        loss, parts, groups = judge(self.model, self.groups)
        log(f"held out before training {loss:.4f}", named(parts), groups)

    def control(self):
        """Returns total, decay and peak: the arguments', or ctl.json's."""
        control = dict(total=self.a.total, decay=self.a.decay, peak=self.a.peak)
        path = f"{self.a.state}/ctl.json"
        if os.path.exists(path):
            try:
                with open(path, encoding="utf-8") as f:
                    control.update(json.load(f))
            except (ValueError, TypeError) as e:
                log(f"{path}: not read: {e}")
        return control

    def set_rate(self, factor):
        """Sets the learning rate as a part of its full value."""
        self.muon.lr = MUON_RATE * factor
        for group in self.adam.param_groups:
            group["lr"] = ADAM_RATE * factor

    def learn(self, batch, r):
        """Makes one step; returns the loss and its parts."""
        loss, parts = forward(self.model, batch, r, bf16=self.a.bf16)
        self.model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.rest, 1.0)
        self.muon.step()
        self.adam.step()
        self.step += 1
        n = self.step - self.first
        keep = min(MEAN_HORIZON, (1 + n) / (10 + n))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if value.is_floating_point():
                    self.mean[name].lerp_(value, 1 - keep)
        return loss.item(), parts

    def save(self, done, look):
        """Writes the states; `look` judges first."""
        if look:
            self.shadow.load_state_dict(self.mean)
            loss, parts, groups = judge(self.shadow, self.groups)
            raw = judge(self.model, self.groups)[0]
            log(
                f"held out, running mean {loss:.4f} (weights as they are {raw:.4f})",
                named(parts),
                groups,
                f"step {self.step}, {done:.1f} min",
            )
            if min(loss, raw) < self.best:
                self.best = float(min(loss, raw))
                weights = self.mean if loss <= raw else self.model.state_dict()
                save_torch(f"{self.a.state}/best.pt", dict(model=weights, step=self.step, held=self.best))
        save_torch(f"{self.a.state}/gpt.pt", dict(model=self.mean, step=self.step))
        state = dict(model=self.model.state_dict(), mean=self.mean, muon=self.muon.momentum)
        state.update(adam=self.adam.state_dict(), step=self.step, done=done, best=self.best, first=self.first)
        save_torch(f"{self.a.state}/ck.pt", state)


def train(a):
    """Trains a segment; returns its losses and whether all minutes are done."""
    os.makedirs(a.state, exist_ok=True)
    speech = Speech(a.codes)
    speech.read()
    if not speech.files:
        raise ValueError(f"{a.codes}: no *.pkl as encode.py writes them")
    if any(
        not u.keys() >= {"sex", "speed", "ids", "codes", "mel", "place"} for p in speech.pools.values() for u in p[:1]
    ):
        raise ValueError(f"{a.codes}: holds files that encode.py did not write")
    t = Training(a, read_pickle(a.held))
    torch.manual_seed(a.seed + t.step)
    r = random.Random(a.seed + t.step)
    progress = Progress(a.total, a.steps, t.done)
    started, start_step = processor_minutes(), t.step
    saved = judged = processor_minutes()
    log(f"segment from step {t.step}, {t.done:.1f} min so far; hours of speech {speech.hours()}")
    control, recent, losses, tokens = t.control(), [], [], 0
    for batch in batches(speech.pools, r, a.budget):
        done = progress.spent()
        if a.segment is not None and done - t.done >= a.segment:
            break
        left = 1 - t.step / a.steps if a.steps else (control["total"] - done) / control["total"]
        if left <= 0 or os.path.exists(f"{a.state}/stop"):
            break
        fall = left * control["total"] / control["decay"]
        factor = control["peak"] * min(1, (t.step - t.first + 1) / WARMUP, max(0.0, fall) + 0.01)
        t.set_rate(factor)
        loss, parts = t.learn(batch, r)
        losses.append(loss)
        recent.append(parts)
        tokens += sum(len(u["ids"]) + u["codes"].shape[1] for u in batch)
        if processor_minutes() - saved > CHECKPOINT_MINUTES:
            saved = processor_minutes()
            seconds = 60 * (saved - started)
            log(
                f"step {t.step}, {done:.1f} core-min, {seconds / (t.step - start_step):.1f} core-s a step, "
                f"{tokens / seconds:.0f} tokens a core-s, rate {factor:.3f}",
                named(np.mean(recent, 0)),
            )
            recent = []
            control = t.control()
            speech.read()
            look = saved - judged > JUDGE_MINUTES
            t.save(progress.spent(), look)
            if look:
                judged = processor_minutes()
    done = progress.spent()
    t.save(done, True)
    finished = t.step >= a.steps if a.steps else done >= control["total"]
    log(f"segment ends at step {t.step}, {done:.1f} min", "ALL DONE" if finished else "")
    return losses, finished


def main(arguments=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("codes", help="folder of encoded speech")
    p.add_argument("held", help="file of encoded speech that is never trained on")
    p.add_argument("state", help="folder of the training's state; made if it is not there")
    p.add_argument("--start", metavar="FILE", help="gpt.pt to go on from, where STATE holds none yet")
    p.add_argument("--segment", type=float, metavar="MINUTES", help="minutes of this call (default: up to the total)")
    p.add_argument("--decay", type=float, default=200, help="last minutes, in which the rate falls (default: 200)")
    p.add_argument("--peak", type=float, default=0.5, help="part of the full learning rate (default: %(default)s)")
    p.add_argument("--budget", type=int, default=2600, help="tokens of a batch (default: %(default)s)")
    add_arguments(p, minutes=600)
    a = p.parse_args(arguments)
    check_arguments(p, a)
    a.total = a.minutes
    if a.decay <= 0 or a.peak <= 0 or a.budget < 1:
        p.error("--decay, --peak and --budget must be above 0")
    torch.set_num_threads(a.threads)
    try:
        return train(a)
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"train_language: {e}")


if __name__ == "__main__":
    sys.exit(ALL_DONE if main()[1] else 0)
