#!/usr/bin/env python3
"""Asks a service for twice what it can do, and does to it what happens to services. Takes Python 3 alone.

    tests/service/overload.py target/release/chattts-rs                     a minute and a half
    tests/service/overload.py target/release/chattts-rs --seconds 1800      half an hour

Under overload the service speaks as much as ever, refuses the rest at once, takes no more memory with time, and what it
speaks is to the byte what `synth` speaks. Clients that send their requests a byte at a time, thousands that send nothing,
and a termination in the midst of it cost nobody who was accepted a byte.

On a machine that has other things to do, --slack multiplies what is allowed of time, memory and lost throughput.
"""
import argparse, http.client, json, os, pathlib, re, resource, signal, socket, statistics, subprocess, sys, tempfile
import threading, time

TEXTS = ["Hello there.", "It rains today, and nobody minds.", "你好，世界。", "Please hold the line."]
SAMPLES = [(text, seed) for seed in (1, 2) for text in TEXTS]
REFUSED_WITHIN = 0.05  # seconds, of 99 refusals in 100
LOST = 0.05  # of the best throughput
GROWN = 0.05  # of the memory, from the second quarter of the time to the last

failures = []


def check(name, passed, told=""):
    print("ok    " if passed else "FAILED", name, told, flush=True)
    if not passed:
        failures.append(name)


class Service:
    def __init__(self, program, model, *flags):
        command = [program, "serve", *model, "--port", "0", "--log", "json", *flags]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.log = []
        is_ready = threading.Event()

        def read():
            for line in self.process.stderr:
                self.log.append(line)
                if line.startswith("ready at "):
                    is_ready.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        if not is_ready.wait(300):
            sys.exit(f"the service is not ready: {self.log}")
        found = re.search(r"ready at (http://127.0.0.1:(\d+)) .* (\d+) texts at once", self.log[-1])
        self.url, self.port, self.slots = found[1], int(found[2]), int(found[3])

    def memory(self):
        """Returns the bytes of memory that it has."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def ask(self, text, seed, patience=300):
        """Returns the status and the body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        body = json.dumps({"input": text, "seed": seed, "response_format": "pcm"})
        connection.request("POST", "/v1/audio/speech", body.encode(), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def records(self):
        """Returns what it has logged of speech."""
        records = [json.loads(line) for line in self.log if line.startswith("{")]
        return [record for record in records if record["api"] == "speech"]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(120)
        self.reader.join(10)
        return code


def load(program, service, *flags):
    """Starts a load test; its `figures` wait for the end."""
    out = tempfile.NamedTemporaryFile(suffix=".json")
    process = subprocess.Popen([program, "load-test", service.url, "--json", out.name, *flags], stdout=subprocess.PIPE, text=True)

    def figures():
        table = process.communicate()[0]
        print(table, flush=True)
        return json.loads(pathlib.Path(out.name).read_text())["steps"][0]

    return figures


def overload(options, model, texts, expected):
    program = options.program
    service = Service(program, model)
    best_of = max(10, min(options.seconds / 6, 60))

    def full():
        many = ["--concurrency", str(2 * service.slots), "--duration", str(best_of)]
        return load(program, service, "--file", texts, *many)()

    first = full()
    rate = 2 * first["requests_per_s"]
    sampled, memory, is_over = [], [], threading.Event()

    def sample():
        number = 0
        while not is_over.is_set():
            try:
                status, body = service.ask(*SAMPLES[number % len(SAMPLES)])
            except OSError as error:
                status, body = error, b""
            if status == 429:
                is_over.wait(0.05)
                continue
            sampled.append((status, body == expected[SAMPLES[number % len(SAMPLES)]]))
            number += 1
            is_over.wait(options.seconds / 100)

    def watch():
        while not is_over.wait(min(10, options.seconds / 60)):
            memory.append(service.memory())

    threads = [threading.Thread(target=work) for work in (sample, watch)]
    [thread.start() for thread in threads]
    step = load(program, service, "--file", texts, "--rate", f"{rate:.3f}", "--duration", str(options.seconds), "--clients", "240")()
    is_over.set()
    [thread.join() for thread in threads]

    slack = options.slack
    # Machines are not as fast at all times.
    around = [first["audio_s_per_s"], full()["audio_s_per_s"]]
    kept = step["audio_s_per_s"] / statistics.mean(around)
    told = f"{step['audio_s_per_s']:.2f} s/s, {around[0]:.2f} before and {around[1]:.2f} after it, at {rate:.2f} requests/s"
    check("it speaks as much as ever", kept >= 1 - LOST * slack, f"{kept:.3f}: {told}")
    within = (step["refusal_s"] or {"p99": 0})["p99"]
    check("it refuses at once", step["refused"] > 0 and within <= REFUSED_WITHIN * slack,
          f"{step['refused']} of {step['sent']}, P99 {within * 1e3:.1f} ms")
    check("nothing fails", step["failed"] == 0, step["errors"])
    quarter = len(memory) // 4
    before, after = statistics.median(memory[quarter : 2 * quarter]), statistics.median(memory[-quarter:])
    check("its memory is flat", after <= before * (1 + GROWN * slack),
          f"{before / 2**20:.0f} MiB, then {after / 2**20:.0f} MiB, {max(memory) / 2**20:.0f} MiB at most")
    right = sum(status == 200 and same for status, same in sampled)
    check("what it speaks is what synth speaks", sampled and right == len(sampled), f"{right} of {len(sampled)}")
    check("it ends well", service.end() == 0)


def terminate(options, model, texts):
    """Ends a service that has as much to do as it can."""
    service = Service(options.program, model, "--grace", "120")
    figures = load(options.program, service, "--file", texts, "--concurrency", str(service.slots + 16), "--duration", "20")
    time.sleep(6)
    code = service.end()
    step = figures()
    whole = [record for record in service.records() if record["status"] == 200]
    lost = [record for record in whole if record.get("error")] + [r for r in service.records() if r["status"] == 499]
    check("a termination costs nobody who was accepted a byte",
          code == 0 and not lost and step["answered"] == len(whole) > 0 and "cut_off" not in step["errors"],
          f"{step['answered']} answers of {len(whole)}, {step['errors']}, exit code {code}")


def slow(options, model, expected):
    """Sends heads of requests a byte at a time, from as many clients as may be connected but a few."""
    service = Service(options.program, model, "--head-time", "3")
    is_over = threading.Event()
    slow, left = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(240)], []

    def drip():
        while not is_over.wait(0.5):
            for client in slow:
                try:
                    client.send(b"P")
                except OSError:
                    left.append(client)

    dripping = threading.Thread(target=drip)
    dripping.start()
    start, right = time.monotonic(), 0
    while time.monotonic() < start + 8:
        right += service.ask(*SAMPLES[0]) == (200, expected[SAMPLES[0]])
    is_over.set()
    dripping.join()
    check("clients that send a byte at a time are left, and others are served", right > 2 and len(set(left)) == len(slow),
          f"{right} answers beside them, {len(set(left))} of {len(slow)} left")
    check("it ends well", service.end() == 0)


def idle(options, model, expected):
    """Opens thousands of connections that send nothing."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = min(10_000, most - 500 if most > 0 else 10_000)
    service = Service(options.program, model, "--head-time", "3")
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + 500, most))
    spoken = []
    speaking = threading.Thread(target=lambda: spoken.append(service.ask(*SAMPLES[1])))
    speaking.start()
    time.sleep(0.05)
    before, clients = service.memory(), []
    for _ in range(wanted):
        client = socket.socket()
        client.settimeout(5)
        try:
            client.connect(("127.0.0.1", service.port))
            clients.append(client)
        except OSError:
            client.close()
    speaking.join()
    check(f"{len(clients)} idle connections cost nobody who speaks a byte", spoken == [(200, expected[SAMPLES[1]])])
    end, answer = time.monotonic() + 60, None
    while time.monotonic() < end and answer != (200, expected[SAMPLES[0]]):
        try:
            answer = service.ask(*SAMPLES[0])
        except OSError:
            time.sleep(0.2)
    check("and when they have said nothing for long enough it serves others", answer == (200, expected[SAMPLES[0]]),
          f"{(service.memory() - before) / 2**20:.0f} MiB more, {sum('could not be taken' in line for line in service.log)} turned away")
    [client.close() for client in clients]
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
    check("it ends well", service.end() == 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--seconds", type=float, default=60, help="seconds of overload")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--max-tokens", type=int, default=2048, help="for models of noise, which seldom end by themselves")
    parser.add_argument("--slack", type=float, default=1)
    parser.add_argument("--only", choices=["overload", "terminate", "slow", "idle"])
    options = parser.parse_args()
    model = ["--model", options.model, "--dtype", options.dtype, "--max-tokens", str(options.max_tokens)]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = folder
        texts = pathlib.Path(folder) / "texts"
        texts.write_text("\n".join(TEXTS))
        expected = {}
        for text, seed in SAMPLES:
            command = [options.program, "synth", *model, "-t", text, "--seed", str(seed), "--stream", "--format", "raw"]
            expected[text, seed] = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        parts = {
            "overload": lambda: overload(options, model, str(texts), expected),
            "terminate": lambda: terminate(options, model, str(texts)),
            "slow": lambda: slow(options, model, expected),
            "idle": lambda: idle(options, model, expected),
        }
        for name, part in parts.items():
            if options.only in (None, name):
                part()
    sys.exit(f"{len(failures)} failed: {', '.join(failures)}" if failures else 0)


if __name__ == "__main__":
    main()
