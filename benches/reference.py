#!/usr/bin/env python3
"""Compare chattts-rs with the Python package ChatTTS: speed, start and memory, on one checkpoint.

    pip install ChatTTS==0.2.5 torch==2.8.0 torchaudio==2.8.0 transformers==4.56.2 \\
        vocos==0.1.0 vector_quantize_pytorch==1.14.24 'numpy<2.4' safetensors
    chattts-rs model noise DIR --size full
    python benches/reference.py --ours target/release/chattts-rs --model DIR [--device cuda]

DIR holds asset/…, or is the asset folder: the published weights, or random ones of their shapes, which cost
as much to compute. ChatTTS may live in an environment of its own: name its interpreter with
--reference-python VENV/bin/python. This script itself needs nothing but Python 3 on Linux.

Everyone speaks the same lines, for exactly as many tokens (min = max), with as many threads: first one alone,
then --batch of them at once. The sides take turns, --rounds times, so that what else a machine does falls on
all of them. Printed are medians, beside them the spread (lowest to highest) and how many times as good as the
reference each of ours is; --json prints every measurement instead. Run it on a machine that does nothing else.

With --device cuda everyone computes on that card, and ours is what `chattts-rs bench` measures in a process that has
spoken before.
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
                  What they take is known of the reference alone: compare with both of its rows. On a card
                  ours are those of `chattts-rs bench`: all tokens by all the time, prompt, mel and wave
                  included; and without mel and wave the tokens after the first.
real-time factor  time from the text to the wave, after loading, over the audio's length: below 1 is faster
                  than speech. `seconds of audio a second` is its inverse, of the whole batch.
peak memory       the most the process held at once, a card's memory left out. The reference speaks the batch in the process that spoke
                  the one line before; pages of mapped weight files count on both sides.
first step        from starting the process to having spoken {first} tokens. Everyone ran once before: files are in
                  the system's cache, and what a side keeps from its first run for later ones is kept."""


def texts(count):
    """Lines of one length that differ, so that nobody can do one's work for another: TEXT, turned."""
    return [TEXT[i % len(TEXT) :] + TEXT[: i % len(TEXT)] for i in range(count)]


# The reference, in a process and perhaps an interpreter of its own.


def worker(model, sizes, threads, device):
    """Load the package ChatTTS, speak each (lines, tokens) of `sizes` and print how it went."""
    say = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever the package prints goes to standard error
    import ChatTTS, torch

    torch.set_num_threads(threads)
    chat = ChatTTS.Chat()
    sizes_like(chat.config, model)
    # Chat.load() refuses files that have not the published checksums, so random weights go round it.
    paths = asdict(chat.config.path).items()
    paths = {key: os.path.join(model, path.removeprefix("asset/")) for key, path in paths}
    if not chat._load(device=torch.device(device), **paths):
        raise SystemExit(f"ChatTTS could not load {model}")
    torch.manual_seed(1)
    speaker = chat.sample_random_speaker()

    spent = [0.0]  # seconds in mel and wave

    def now():
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter()

    def timed(function):
        def call(*args, **kwargs):
            start = now()
            try:
                return function(*args, **kwargs)
            finally:
                spent[0] += now() - start

        return call

    chat.decoder.forward = timed(chat.decoder.forward)
    chat._vocos_decode = timed(chat._vocos_decode)

    for lines, tokens in sizes:
        how = ChatTTS.Chat.InferCodeParams(
            spk_emb=speaker, manual_seed=1, min_new_token=tokens, max_new_token=tokens, show_tqdm=False
        )
        spent[0], start = 0.0, now()
        waves = chat.infer(
            texts(lines),
            skip_refine_text=True,
            do_text_normalization=False,
            do_homophone_replacement=False,
            split_text=False,
            params_infer_code=how,
        )
        seconds = now() - start
        audio = sum(wave.shape[-1] for wave in waves) / RATE
        run = {"seconds": seconds, "bare": seconds - spent[0], "waves": len(waves), "audio": audio}
        dtype = str(next(chat.gpt.parameters()).dtype).removeprefix("torch.")
        print(json.dumps({**run, "memory": peak(), "dtype": dtype}), file=say)


def sizes_like(config, model):
    """Set the sizes of the networks to those of the files, which need not be the published ones."""
    from safetensors import safe_open

    def shapes(name):
        with safe_open(os.path.join(model, name), "np") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}

    def count(shapes, start):
        return len({key[len(start) :].split(".")[0] for key in shapes if key.startswith(start)})

    def stack(part, shapes, name):
        part.bn_dim, part.idim, _ = shapes[name + ".conv_in.0.weight"]
        part.hidden, part.odim = shapes[name + ".conv_in.2.weight"][0], shapes[name + ".conv_out.weight"][0]
        part.n_layer = count(shapes, name + ".decoder_block.")

    with open(os.path.join(model, "gpt", "config.json")) as file:
        gpt = json.load(file)
    for key in ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "num_text_tokens"):
        if key in gpt:
            setattr(config.gpt, key, gpt[key])
    config.embed.hidden_size = gpt["hidden_size"]
    if "num_text_tokens" in gpt:
        config.embed.num_text_tokens = gpt["num_text_tokens"]
    stack(config.decoder, shapes("Decoder.safetensors"), "decoder")
    dvae = shapes("DVAE.safetensors")
    stack(config.dvae.decoder, dvae, "decoder")
    stack(config.dvae.encoder, dvae, "encoder")
    config.dvae.vq.dim = 2 * dvae["vq_layer.quantizer.rvqs.0.project_in.weight"][1]
    vocos, backbone = shapes("Vocos.safetensors"), config.vocos.backbone.init_args
    backbone.dim, backbone.input_channels, _ = vocos["backbone.embed.weight"]
    backbone.intermediate_dim = vocos["backbone.convnext.0.pwconv1.weight"][0]
    backbone.num_layers = count(vocos, "backbone.convnext.")
    config.vocos.head.init_args.dim = backbone.dim
    statistics_file = os.path.join(model, "spk_stat.safetensors")
    if os.path.exists(statistics_file):
        import numpy as np, pybase16384
        from safetensors.numpy import load_file

        values = load_file(statistics_file)
        values = np.concatenate([values["std"], values["mean"]]).astype(np.float16)
        config.spk_stat = pybase16384.encode_to_string(values.tobytes())


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
    command += [json.dumps(sizes), str(options.threads), options.device]
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


def computed(kind):
    """The flags of a type, or of `candle-` and a type."""
    backend, _, dtype = kind.rpartition("-")
    return ["--dtype", dtype] + (["--backend", backend] if backend else [])


def ours(options, dtype):
    """One round of ours: a process for each run, the first of them a cold start."""
    start = time.perf_counter()
    speak(options, dtype, 1, FIRST)
    cold = time.perf_counter() - start
    if options.device != "cpu":
        return {"cold": cold, **benched(options, dtype)}
    return measured(options, cold, [speak(options, dtype, *size) for size in sizes_of(options)])


def speak(options, dtype, lines, tokens):
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
        said = os.path.join(folder, "lines.txt")
        with open(said, "w", encoding="utf-8") as file:
            file.writelines(f"{text}\n" for text in texts(lines))
        command = [options.ours, "synth", "--verbose", "--offline"]
        command += ["--no-normalize", "--no-refine", "--no-split"]
        command += ["--model", options.model, "--file", said, "--out-dir", os.path.join(folder, "out")]
        command += ["--device", options.device, *computed(dtype), "--batch-size", lines]
        command += ["--threads", options.threads]
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


def benched(options, dtype):
    """What `bench` measures of one line and of the batch, in processes that have spoken before."""
    command = [options.ours, "bench", "--quiet", "--offline", "--json", "--model", options.model]
    command += ["--device", options.device, *computed(dtype), "--batch-size", f"1,{options.batch}"]
    command += ["--tokens", str(options.tokens), "--runs", "3"]
    with tempfile.TemporaryFile("w+") as errors:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        if done.returncode != 0:
            fail(f"{options.ours} failed", errors)
    figures = {}
    for name, result in zip(("one", "batch"), json.loads(done.stdout)["results"]):
        middle = {key: value["median"] for key, value in result.items() if isinstance(value, dict)}
        figures[name + "_steps_bare"] = middle["decode_steps_per_s"]
        figures[name + "_steps"] = result["batch_size"] * result["tokens"] / middle["total_s"]
        figures[name + "_rtf"] = middle["real_time_factor"]
        figures[name + "_audio"] = middle["audio_s_per_s"]
        if "peak_memory_bytes" in middle:
            figures[name + "_memory"] = middle["peak_memory_bytes"] / (1 << 20)
    return figures


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
        for key, time_of in (("_steps", "seconds"), ("_steps_bare", "bare")):
            # Less is not told apart from nothing: our times have two decimals.
            if time_of in long and long[time_of] - short[time_of] > 0.05:
                figures[name + key] = steps / (long[time_of] - short[time_of])
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
        known = {side: [r[key] for r in rounds if key in r] for side, rounds in sides.items()}
        known = {side: values for side, values in known.items() if values}
        middle = {side: statistics.median(values) for side, values in known.items()}
        for side in titles:
            if side not in known:
                row += ["–"] if side == titles[0] else ["–", "–"]
                continue
            values = known[side]
            row.append(f"{middle[side]:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})")
            if side != titles[0]:
                ratio = middle[side] / middle[titles[0]] if titles[0] in middle else None
                row.append("–" if ratio is None else f"{ratio if more else 1 / ratio:.2f}")
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    pads = [str.ljust] + [str.rjust] * (len(head) - 1)
    lines = [[pad(cell, width) for pad, cell, width in zip(pads, row, widths)] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main():
    if sys.argv[1:2] == ["--worker"]:
        return worker(sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    add = parser.add_argument
    add("--ours", required=True, metavar="BINARY", help="target/release/chattts-rs")
    add("--model", required=True, metavar="DIR", help="the checkpoint that everyone loads")
    add("--reference-python", default=sys.executable, metavar="PYTHON", help="an interpreter with ChatTTS")
    add("--device", default="cpu", help="where everyone computes: cpu, or cuda or cuda:N")
    add("--dtype", metavar="TYPES", help="our types, such as f32,q8,candle-f32 [default: those without candle, or f16 on a card]")
    add("--threads", type=int, default=2)
    add("--rounds", type=int, default=3)
    add("--tokens", type=int, default=128, help="of each line (46.875 are a second)")
    add("--batch", type=int, default=16, help="lines at once")
    add("--json", action="store_true", help="print every measurement, as JSON")
    options = parser.parse_args()
    types = (options.dtype or ("f32,q8" if options.device == "cpu" else "f16")).split(",")
    options.short = max(options.tokens // 8, FIRST)
    if options.tokens < 32 or min(options.threads, options.rounds, options.batch) < 1:
        parser.error("--tokens is at least 32, all else at least 1")
    try:
        version = "import importlib.metadata as m; print(m.version('ChatTTS'), m.version('torch'))"
        if options.device.startswith("cuda"):
            version += "; import torch; assert torch.cuda.is_available()"
        found = subprocess.run([options.reference_python, "-c", version], capture_output=True, text=True)
    except OSError as error:
        fail(f"{options.reference_python}: {error.strerror}")
    if found.returncode != 0:
        fail(
            f"{options.reference_python} does not have the package ChatTTS, or PyTorch no {options.device} there: "
            "nothing to compare with.\n"
            "--help says how to install it; --reference-python names another interpreter."
        )
    chattts, torch = found.stdout.split()
    load = [os.getloadavg()[0]]
    print("a first run of everyone, which is not measured", file=sys.stderr, flush=True)
    _, [first] = reference_process(options, [(1, FIRST)])
    for dtype in types:
        speak(options, dtype, 1, FIRST)
    sides = {f"ChatTTS {chattts}, {first['dtype']}": lambda: reference(options)}
    sides.update({dtype: lambda dtype=dtype: ours(options, dtype) for dtype in types})
    results = {side: [] for side in sides}
    for number in range(options.rounds):
        for side, round_of in sides.items():
            print(f"round {number + 1} of {options.rounds}: {side}", file=sys.stderr, flush=True)
            results[side].append(round_of())
        load.append(os.getloadavg()[0])
    asked = {key: getattr(options, key) for key in ("device", "threads", "rounds", "tokens", "short", "batch")}
    if options.json:
        asked.update(chattts=chattts, torch=torch, load=load, sides=results)
        return print(json.dumps(asked, indent=1))
    print(
        f"{options.tokens} tokens a line, on {options.device}, {options.threads} threads, {options.rounds} rounds, torch {torch}; "
        f"load average {load[0]:.1f} before, {max(load[1:]):.1f} at most after a round\n"
    )
    print(table(options, results), "\n\n" + NOTES.format(first=FIRST, **asked))


if __name__ == "__main__":
    main()
