#!/usr/bin/env python3
"""Speak a manifest on a Ray cluster: Ray Data deals the lines to actors, of which each holds an engine.

    pip install 'ray[data]' chattts-rs
    python packaging/ray/speak.py lines.jsonl OUT_DIR [--model demo] [--actors 2] [--cards]

Each line of the manifest is an object with `id`, `text` and any of `chattts_rs.Settings`; OUT_DIR is a folder that all
nodes see. Files are whole or absent, those that are there are left alone, and a line's samples depend on nothing but the
line. So an actor that dies loses nothing: it is replaced, and its lines are spoken again; and the same command completes a
run that was stopped. The exit code is 1 if a line failed.
"""
import argparse, hashlib, json, os, pathlib, sys, tempfile, wave

import numpy as np
import ray


def place(out, line):
    return pathlib.Path(out, line["id"] + ".wav")


def read(path, out):
    """Returns the lines whose files are not there, as JSON, since settings differ from line to line."""
    lines = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines() if line.strip()]
    for line in lines:
        if not line["id"] or line["id"][0] == "." or "/" in line["id"]:
            sys.exit(f"{path}: the id {line['id']!r} is no file's name")
        # A line that is spoken twice has one seed.
        line.setdefault("seed", int(hashlib.sha256(line["id"].encode()).hexdigest()[:8], 16))
    return [json.dumps(line) for line in lines if not place(out, line).exists()]


def write(path, samples, rate):
    """Writes a file beside its place, and puts it there when it is whole."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as part:
        with wave.open(part, "wb") as sound:
            sound.setparams((1, 2, rate, 0, "NONE", ""))
            sound.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        part.flush()
        os.fsync(part.fileno())
    os.replace(part.name, path)


class Speak:
    def __init__(self, model, out, device):
        import chattts_rs

        self.out, self.tts = out, chattts_rs.TTS(model, device=device)

    def __call__(self, batch):
        lines = [json.loads(line) for line in batch["line"]]
        seconds, errors = [0.0] * len(lines), [""] * len(lines)
        # Together, in the engine's slots.
        for result in self.tts.batch({k: v for k, v in line.items() if k != "id"} for line in lines):
            if result.error:
                errors[result.index] = str(result.error)
            else:
                write(place(self.out, lines[result.index]), result.samples, result.sample_rate)
                seconds[result.index] = len(result.samples) / result.sample_rate
        return {"id": [line["id"] for line in lines], "seconds": seconds, "error": errors}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines")
    parser.add_argument("out")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--actors", type=int, default=2, help="engines, in all")
    parser.add_argument("--cards", action="store_true", help="a card for each engine")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    lines = read(args.lines, args.out)
    failed, audio = [], 0.0
    if lines:
        spoken = ray.data.from_items([{"line": line} for line in lines]).map_batches(
            Speak,
            fn_constructor_args=(args.model, os.path.abspath(args.out), "cuda" if args.cards else "cpu"),
            concurrency=args.actors,
            num_gpus=1 if args.cards else None,
            batch_size=16,
        )
        for row in spoken.iter_rows():
            audio += row["seconds"]
            if row["error"]:
                failed.append(row["id"])
                print(f"{row['id']}: {row['error']}", file=sys.stderr)
    print(f"{len(lines) - len(failed)} lines, {audio:.1f} s of audio; {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
