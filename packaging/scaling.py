#!/usr/bin/env python3
"""Tell by simulation how a batch scales from 1 to 64 workers, from the times that its lines took.

    chattts-rs synth -f lines.jsonl --out-dir out --batch-size 1 --threads 1 --report report.jsonl ...
    packaging/scaling.py report.jsonl --plot scaling.svg

Lines of the report's times, as many as --lines, are dealt into shards as `--shard` deals them. A worker speaks one shard
after the other: it starts (--start), computes a line, and waits until the storage has its file, which takes so many files
a second of all workers together. The table has, for each number of workers, the share of the ideal that is reached; it
says where it falls below 90 %. Report times of a machine that did other things are not the program's: --ms-per-token has
the lines' tokens count in their place.
"""
import argparse, hashlib, heapq, json, random, sys

WORKERS = [1, 2, 4, 8, 16, 32, 64]


def shard(name, count):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") * count >> 64


def run(times, workers, shards, start, files):
    """Returns the time until the last worker has ended."""
    dealt = [[] for _ in range(shards)]
    for number, time in enumerate(times):
        dealt[shard(f"line-{number}", shards)].append(time)
    waiting = iter(dealt)
    # The times at which something of a worker ends, whether a file is to be stored then, and the lines left of its shard.
    events = [(0.0, worker, False, iter(())) for worker in range(workers)]
    heapq.heapify(events)
    stored, last = 0.0, 0.0
    while events:
        now, worker, stores, left = heapq.heappop(events)
        if stores:
            # One file after the other.
            stored = max(stored, now) + 1 / files
            heapq.heappush(events, (stored, worker, False, left))
        elif (time := next(left, None)) is not None:
            heapq.heappush(events, (now + time, worker, bool(files), left))
        elif (mine := next(waiting, None)) is not None:
            heapq.heappush(events, (now + start, worker, False, iter(mine)))
        else:
            last = max(last, now)
    return last


def plot(curves, path):
    width, height, edge = 640, 420, 60
    x = lambda workers: edge + (width - 2 * edge) * (len(bin(workers)) - 3) / (len(WORKERS) - 1)
    y = lambda share: height - edge - (height - 2 * edge) * share
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<path d="M{edge} {y(share):.1f}H{width - edge}" stroke="#ddd"/>'
                     f'<text x="{edge - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    for workers in WORKERS:
        parts.append(f'<text x="{x(workers):.1f}" y="{height - edge + 18}" text-anchor="middle">{workers}</text>')
    for number, (name, shares) in enumerate(curves.items()):
        colour = ["#0072b2", "#009e73", "#e69f00", "#d55e00"][number % 4]
        points = " ".join(f"{x(w):.1f},{y(s):.1f}" for w, s in zip(WORKERS, shares))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
                     f'<text x="{edge + 8}" y="{y(0) - 12 - 16 * number:.1f}" fill="{colour}">{name}</text>')
    parts.append(f'<text x="{width / 2}" y="{height - 12}" text-anchor="middle">workers</text>'
                 f'<text x="{edge}" y="{edge - 20}">share of the ideal speed</text></svg>')
    with open(path, "w") as file:
        file.write("\n".join(parts) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report")
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--start", type=float, default=0.5, help="seconds until a run speaks [0.5]")
    parser.add_argument("--shards", type=int, default=8, help="shards for each worker, beside one [8]")
    parser.add_argument("--files", type=float, nargs="*", default=[200], help="files a second of slow storages [200]")
    parser.add_argument("--ms-per-token", type=float)
    parser.add_argument("--plot", metavar="FILE.svg")
    args = parser.parse_args()
    rows = [json.loads(line) for line in open(args.report)]
    known = [(row["tokens"] * args.ms_per_token if args.ms_per_token else row["ms"]) / 1000
             for row in rows if row["status"] == "done"]
    if not known:
        sys.exit(f"{args.report}: no line in it is done")
    draw = random.Random(0)
    times = [draw.choice(known) for _ in range(args.lines)]
    one = sum(times)
    print(f"{args.lines} lines, {one:.0f} s of work; a line {one / args.lines * 1000:.1f} ms, the longest {max(times) * 1000:.0f}")
    cases = {"one shard a worker": (1, None), f"{args.shards} shards a worker": (args.shards, None)}
    cases |= {f"{args.shards} shards, {files:g} files/s": (args.shards, files) for files in args.files}
    curves = {}
    for name, (each, files) in cases.items():
        shares = [one / w / run(times, w, each * w, args.start, files) for w in WORKERS]
        assert all(0 < share <= 1 + 1e-9 for share in shares), shares
        curves[name] = shares
        short = next((str(w) for w, share in zip(WORKERS, shares) if share < 0.9), "none of these")
        print(f"{name:>28}: " + "  ".join(f"{w}: {share:5.1%}" for w, share in zip(WORKERS, shares)) + f"; below 90 % from {short}")
    if args.plot:
        plot(curves, args.plot)


if __name__ == "__main__":
    main()
