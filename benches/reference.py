#!/usr/bin/env python3
"""Compare chattts-rs with the Python package ChatTTS: speed, start and memory, on one checkpoint.

    pip install ChatTTS==0.2.5 torch==2.8.0 torchaudio==2.8.0 transformers==4.56.2 \\
        vocos==0.1.0 vector_quantize_pytorch==1.14.24 'numpy<2.4' safetensors
    chattts-rs model demo DIR --size full
    python benches/reference.py --ours target/release/chattts-rs --model DIR

DIR holds asset/…, or is the asset folder: the published weights, or random ones of their shapes, which cost
as much to compute. ChatTTS may live in an environment of its own: name its interpreter with
--reference-python VENV/bin/python. This script itself needs nothing but Python 3 on Linux.

Everyone speaks the same lines, for exactly as many tokens (min = max), with as many threads: first one alone,
then --batch of them at once. The sides take turns, --rounds times, so that what else a machine does falls on
all of them. Printed are medians, beside them the spread (lowest to highest) and how many times as good as the
reference each of ours is; --json prints every measurement instead. Run it on a machine that does nothing else.
"""
import argparse, json, os, re, statistics, struct, subprocess, sys, tempfile, time
from dataclasses import asdict

TEXT = "四川美食确实以辣闻名，但也有不辣的选择。"
RATE = 24000  # samples a second
FIRST = 2  # tokens of the run that ends a cold start

# key, title, digits, whether more is better
ROWS = [
    ("one_steps", "one line: steps/s", 1, True),
    ("one_steps_bare", "one line: steps/s without mel and wave", 1, True),
    ("one_rtf", "one line: real-time factor", 2, False),
    ("one_memory", "one line: peak memory, MiB", 0, False),
    ("batch_steps", "{batch} lines: steps/s, all lines", 1, True),
    ("batch_steps_bare", "{batch} lines: steps/s without mel and wave", 1, True),
    ("batch_audio", "{batch} lines: seconds of audio a second", 2, True),
    ("batch_memory", "{batch} lines: peak memory, MiB", 0, False),
    ("cold", "start of the process to the first step, s", 2, False),
]
NOTES = """\
steps/s           one step draws one token of one line. Two runs, of {short} and of {tokens} tokens, are timed
                  and their difference taken, so that loading, the prompt and whatever is done once fall
                  away; mel and wave of those tokens are in it, except where the row says otherwise.
                  What they take is known of the reference alone: compare with both of its rows.
real-time factor  time from the text to the wave, after loading, over the audio's length: below 1 is faster
                  than speech. `seconds of audio a second` is its inverse, of the whole batch.
peak memory       the most the process held at once. The reference speaks the batch in the process that spoke
                  the one line before; pages of mapped weight files count on both sides.
first step        from starting the process to having spoken {first} tokens. Everyone ran once before: files are in
                  the system's cache, and what a side keeps from its first run for later ones is kept."""


def texts(count):
    """Lines of one length that differ, so that nobody can do one's work for another: TEXT, turned."""
    return [TEXT[i % len(TEXT) :] + TEXT[: i % len(TEXT)] for i in range(count)]


# The reference, in a process and perhaps an interpreter of its own.


def worker(model, sizes, threads):
    """Load the package ChatTTS, speak each (lines, tokens) of `sizes` and print how it went."""
    say = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever the package prints goes to standard error
    import ChatTTS, torch

    torch.set_num_threads(threads)
    chat = ChatTTS.Chat()
    # Chat.load() refuses files that have not the published checksums, so random weights go round it.
    paths = asdict(chat.config.path).items()
    paths = {key: os.path.join(model, path.removeprefix("asset/")) for key, path in paths}
    if not chat._load(device=torch.device("cpu"), **paths):
        raise SystemExit(f"ChatTTS could not load {model}")
    torch.manual_seed(1)
    speaker = chat.sample_random_speaker()

    spent = [0.0]  # seconds in mel and wave

    def timed(function):
        def call(*args, **kwargs):
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent[0] += time.perf_counter() - start

        return call

    chat.decoder.forward = timed(chat.decoder.forward)
    chat._vocos_decode = timed(chat._vocos_decode)

    for lines, tokens in sizes:
        how = ChatTTS.Chat.InferCodeParams(
            spk_emb=speaker, manual_seed=1, min_new_token=tokens, max_new_token=tokens, show_tqdm=False
        )
        spent[0], start = 0.0, time.perf_counter()
        waves = chat.infer(
            texts(lines),
            skip_refine_text=True,
            do_text_normalization=False,
            do_homophone_replacement=False,
            split_text=False,
            params_infer_code=how,
        )
        seconds = time.perf_counter() - start
        audio = sum(wave.shape[-1] for wave in waves) / RATE
        run = {"seconds": seconds, "bare": seconds - spent[0], "waves": len(waves), "audio": audio}
        print(json.dumps({**run, "memory": peak()}), file=say)


def peak():
    """The most memory this process held so far, in MiB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def reference(options):
    """One round of the reference: a cold start, then everything in that process."""
    cold, runs = reference_process(options, [(1, FIRST), *sizes_of(options)])
    return measured(options, cold, runs[1:])


def reference_process(options, sizes):
    """The seconds from the start of a process until the first of `sizes` was spoken, and how each went."""
    command = [options.reference_python, os.path.abspath(__file__), "--worker", asset_folder(options.model)]
    command += [json.dumps(sizes), str(options.threads)]
    threads = {name: str(options.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        pipes = {"stdout": subprocess.PIPE, "stderr": errors, "text": True}
        process = subprocess.Popen(command, **pipes, env={**os.environ, **threads})
        line = process.stdout.readline()
        cold = time.perf_counter() - start
        runs = [json.loads(line) for line in [line, *process.stdout] if line.strip()]
        if process.wait() != 0 or len(runs) != len(sizes):
            fail("the reference failed", errors)
    return cold, runs


# Ours.


def ours(options, dtype):
    """One round of ours: a process for each run, the first of them a cold start."""
    start = time.perf_counter()
    speak(options, dtype, 1, FIRST)
    cold = time.perf_counter() - start
    return measured(options, cold, [speak(options, dtype, *size) for size in sizes_of(options)])


def speak(options, dtype, lines, tokens):
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
        said = os.path.join(folder, "lines.txt")
        with open(said, "w", encoding="utf-8") as file:
            file.writelines(f"{text}\n" for text in texts(lines))
        command = [options.ours, "synth", "--verbose", "--offline"]
        command += ["--no-normalize", "--no-refine", "--no-split"]
        command += ["--model", options.model, "--file", said, "--out-dir", os.path.join(folder, "out")]
        command += ["--device", "cpu", "--dtype", dtype, "--threads", options.threads, "--batch-size", lines]
        command += ["--seed", 1, "--min-tokens", tokens, "--max-tokens", tokens]
        command = [str(word) for word in command]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        waves = process.stdout.read().split("\n")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        # Being cut off at --max-tokens is the point of it, though it is told by exit code 1.
        summary = re.search(r"tokens in ([0-9.]+) s", errors.read())
        waves = [wave for wave in waves if wave]
        if process.returncode not in (0, 1) or summary is None or len(waves) != lines:
            fail(f"{options.ours} failed", errors)
        seconds, audio = float(summary[1]), sum(map(length, waves))
    return {"seconds": seconds, "waves": lines, "audio": audio, "memory": usage.ru_maxrss / 1024}


def length(path):
    """How many seconds of 16-bit mono a WAV file holds."""
    with open(path, "rb") as file:
        data = file.read()
    start = data.index(b"data") + 4
    return struct.unpack_from("<I", data, start)[0] / 2 / RATE


# Both.


def sizes_of(options):
    """What is timed, as (lines, tokens)."""
    return [(lines, tokens) for lines in (1, options.batch) for tokens in (options.short, options.tokens)]


def measured(options, cold, runs):
    """What a round says: `runs` are one line short and long, then the batch short and long."""
    figures = {"cold": cold, "runs": runs}
    for name, lines, short, long in (("one", 1, *runs[:2]), ("batch", options.batch, *runs[2:])):
        expected = lines * options.tokens * 512 / RATE
        if long["waves"] != lines or abs(long["audio"] / expected - 1) > 0.05:
            fail(f"{expected:.2f} s of audio were asked for, but {long['audio']:.2f} s came")
        steps = lines * (options.tokens - options.short)
        figures[name + "_steps"] = steps / max(long["seconds"] - short["seconds"], 1e-9)
        if "bare" in long:
            figures[name + "_steps_bare"] = steps / max(long["bare"] - short["bare"], 1e-9)
        figures[name + "_rtf"] = long["seconds"] / long["audio"]
        figures[name + "_audio"] = long["audio"] / long["seconds"]
        figures[name + "_memory"] = long["memory"]
    return figures


def asset_folder(model):
    inner = os.path.join(model, "asset")
    return os.path.abspath(inner if os.path.isdir(inner) else model)


def fail(message, errors=None):
    if errors is not None:
        errors.seek(0)
        message += ":\n" + "".join(errors.readlines()[-15:])
    sys.exit(f"reference.py: {message}")


def table(options, sides):
    """Rows of medians, spreads and ratios, as Markdown."""
    titles = list(sides)
    head = ["", titles[0]] + [word for title in titles[1:] for word in (title, "ratio")]
    rows = [head, [":--"] + ["--:"] * (len(head) - 1)]
    for key, title, digits, more in ROWS:
        row = [title.format(batch=options.batch)]
        known = {side: [r[key] for r in rounds] for side, rounds in sides.items() if key in rounds[0]}
        middle = {side: statistics.median(values) for side, values in known.items()}
        for side in titles:
            if side not in known:
                row += ["–", "–"]
                continue
            values = known[side]
            row.append(f"{middle[side]:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})")
            if side != titles[0]:
                ratio = middle[side] / middle[titles[0]]
                row.append(f"{ratio if more else 1 / ratio:.2f}")
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    pads = [str.ljust] + [str.rjust] * (len(head) - 1)
    lines = [[pad(cell, width) for pad, cell, width in zip(pads, row, widths)] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main():
    if sys.argv[1:2] == ["--worker"]:
        return worker(sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]))
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    add = parser.add_argument
    add("--ours", required=True, metavar="BINARY", help="target/release/chattts-rs")
    add("--model", required=True, metavar="DIR", help="the checkpoint that everyone loads")
    add("--reference-python", default=sys.executable, metavar="PYTHON", help="an interpreter with ChatTTS")
    add("--threads", type=int, default=2)
    add("--rounds", type=int, default=3)
    add("--tokens", type=int, default=128, help="of each line (46.875 are a second)")
    add("--batch", type=int, default=16, help="lines at once")
    add("--json", action="store_true", help="print every measurement, as JSON")
    options = parser.parse_args()
    options.short = max(options.tokens // 8, FIRST)
    if options.tokens < 32 or min(options.threads, options.rounds, options.batch) < 1:
        parser.error("--tokens is at least 32, all else at least 1")
    try:
        version = "import importlib.metadata as m; print(m.version('ChatTTS'), m.version('torch'))"
        found = subprocess.run([options.reference_python, "-c", version], capture_output=True, text=True)
    except OSError as error:
        fail(f"{options.reference_python}: {error.strerror}")
    if found.returncode != 0:
        fail(
            f"{options.reference_python} does not have the package ChatTTS: nothing to compare with.\n"
            "--help says how to install it; --reference-python names another interpreter."
        )
    chattts, torch = found.stdout.split()
    sides = {
        f"ChatTTS {chattts}": lambda: reference(options),
        "f32": lambda: ours(options, "f32"),
        "q8": lambda: ours(options, "q8"),
    }
    results, load = {side: [] for side in sides}, [os.getloadavg()[0]]
    print("a first run of everyone, which is not measured", file=sys.stderr, flush=True)
    reference_process(options, [(1, FIRST)])
    for dtype in ("f32", "q8"):
        speak(options, dtype, 1, FIRST)
    for number in range(options.rounds):
        for side, round_of in sides.items():
            print(f"round {number + 1} of {options.rounds}: {side}", file=sys.stderr, flush=True)
            results[side].append(round_of())
        load.append(os.getloadavg()[0])
    asked = {key: getattr(options, key) for key in ("threads", "rounds", "tokens", "short", "batch")}
    if options.json:
        asked.update(chattts=chattts, torch=torch, load=load, sides=results)
        return print(json.dumps(asked, indent=1))
    print(
        f"{options.tokens} tokens a line, {options.threads} threads, {options.rounds} rounds, torch {torch}; "
        f"load average {load[0]:.1f} before, {max(load[1:]):.1f} at most after a round\n"
    )
    print(table(options, results), "\n\n" + NOTES.format(first=FIRST, **asked))


if __name__ == "__main__":
    main()
