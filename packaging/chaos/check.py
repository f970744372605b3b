#!/usr/bin/env python3
"""Break things while the program works, and see that nothing is lost or doubled.

    sudo packaging/chaos/check.py target/release/chattts-rs [TRIAL ...]

workers   shards of one folder are killed and begun again until all is done
disk      the disk fills up, is made larger, and the batch goes on
clock     the clock jumps by a day and back, under a batch and under a service
service   a service is killed and told to end under load; clients that ask again get every speech
network   the network between clients and a service is slow, loses packets, and is cut

Every file and every answer is held to what an undisturbed run makes, to the byte. That alerts fire when a service dies is
tried by packaging/monitoring/check.py. `disk` and `network` take root, the latter iproute2, and nftables where the kernel has
no netem; `clock` takes faketime.
"""
import hashlib, http.client, json, os, pathlib, random, signal, subprocess, sys, tempfile, threading, time
import urllib.error, urllib.request

LINES = 240
TEXTS = ["Hello there.", "你好，世界。", "It rains today, and tomorrow too.", "一二三四五。", "Where were you at nine?"]
CLOCK = {"DONT_FAKE_MONOTONIC": "1", "NO_CACHE": "1"}
NAMESPACE, HERE, THERE = "chattts-chaos", "10.213.7.1", "10.213.7.2"


def run(*command, **more):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def files(folder):
    """Returns the sums of all outputs by their names."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        assert not path.name.endswith(".part"), f"{path} was left half-written"
        if path.is_file() and ".chattts-rs" not in path.parts:
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


class Batch:
    """A list of lines, and what an undisturbed run makes of it."""

    def __init__(self, program, folder):
        self.program, self.list = program, folder / "lines.jsonl"
        rows = [{"id": f"line-{i:03}", "text": TEXTS[i % len(TEXTS)], "seed": i} for i in range(LINES)]
        self.list.write_text("".join(json.dumps(row) + "\n" for row in rows))
        subprocess.run(self.command(folder / "whole"), check=True, stdout=subprocess.DEVNULL)
        self.expected = files(folder / "whole")
        assert len(self.expected) == LINES

    def command(self, out, *more):
        flags = ["-q", "-m", "demo", "-f", self.list, "--out-dir", out, "--name", "{id}", "--resume", "--threads", "1"]
        return [str(part) for part in (self.program, "synth", *flags, *more)]

    def start(self, out, *more, **environment):
        environment = {**os.environ, **environment}
        return subprocess.Popen(self.command(out, *more), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                env=environment)

    def check(self, out):
        """Holds a folder to the undisturbed run, and each shard's ledger to its files."""
        assert files(out) == self.expected, "the files are not those of an undisturbed run"
        run(self.program, "status", out)
        run(self.program, "merge", out)
        ledger = (out / ".chattts-rs" / "ledger.jsonl").read_text().splitlines()
        names = [json.loads(line)["name"] for line in ledger]
        assert sorted(names) == sorted(self.expected), "the ledger is not that of the files"


def workers(program, folder):
    batch, out, r = Batch(program, folder), folder / "out", random.Random(1)
    count, kills, codes = 4, 0, []
    running = {i: batch.start(out, "--shard", f"{i}/{count}") for i in range(count)}
    while running:
        time.sleep(0.25)
        for index, process in list(running.items()):
            if process.poll() is None:
                continue
            codes.append(process.returncode)
            assert process.returncode in (0, 75, 143, -9, -15), process.stderr.read()
            if process.returncode == 0:
                del running[index]
            else:
                running[index] = batch.start(out, "--shard", f"{index}/{count}")
        living = [process for process in running.values() if process.poll() is None]
        if living and kills < 24:
            r.choice(living).send_signal(signal.SIGKILL if r.random() < 0.75 else signal.SIGTERM)
            kills += 1
    assert kills >= 10, "it was over before enough was killed"
    batch.check(out)
    print(f"workers: {LINES} lines in {count} shards, {kills} kills, {len(codes)} runs: as an undisturbed run")


def disk(program, folder):
    batch, out = Batch(program, folder), folder / "out"
    whole = sum(path.stat().st_size for path in (folder / "whole").rglob("*") if path.is_file())
    out.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={whole // 3}", "none", out)
    try:
        full = batch.start(out)
        said = full.communicate(timeout=300)[1]
        # Whoever gives it more room should try again.
        assert full.returncode == 75 and "space" in said.lower(), (full.returncode, said)
        made = sum(path.suffix == ".wav" for path in out.iterdir())
        assert 0 < made < LINES
        run("mount", "-o", f"remount,size={2 * whole}", out)
        again = batch.start(out)
        assert again.wait(timeout=300) == 0, again.stderr.read()
        batch.check(out)
    finally:
        run("umount", "-l", out)
    print(f"disk: full after {made} of {LINES} lines (code 75), with more room the rest: as an undisturbed run")


def faked(folder, *command):
    """Starts a command whose clock is what a file says, such as +0 or -1d."""
    stamp = folder / "clock"
    stamp.write_text("+0\n")
    environment = {**os.environ, "FAKETIME_TIMESTAMP_FILE": str(stamp)}
    environment |= {f"FAKETIME_{name}": value for name, value in CLOCK.items()}
    library = run("find", "/usr/lib", "-name", "libfaketime.so.1").split()[0]
    environment["LD_PRELOAD"] = library
    return stamp, subprocess.Popen([str(part) for part in command], env=environment, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)


def clock(program, folder):
    batch, out = Batch(program, folder), folder / "out"
    jumps = 0
    for turn, jump in enumerate(["+1d", "-1d", "-400d"]):
        stamp, process = faked(folder, *batch.command(out))
        for _ in range(4):
            time.sleep(0.3)
            stamp.write_text(jump + "\n" if stamp.read_text() == "+0\n" else "+0\n")
            jumps += 1
        if turn < 2:
            process.kill()
            process.wait()
        else:
            assert process.wait(timeout=300) == 0, process.stderr.read()
    batch.check(out)
    with Service(program, folder, wrap=lambda *command: faked(folder, *command)) as service:
        clients = Clients(service, program, 4)
        for jump in ("+1d", "-1d", "+0"):
            clients.go(1.5)
            service.stamp.write_text(jump + "\n")
            jumps += 1
        clients.go(1.5)
        clients.end(retried=0)
    print(f"clock: {jumps} jumps: files as of an undisturbed run, {clients.answered} answers right, none lost")


class Service:
    """A service, which can be begun again at the same address."""

    def __init__(self, program, folder, wrap=None, host="127.0.0.1", inside=(), flags=()):
        self.host, self.port = host, 18431
        self.command = [*inside, str(program), "serve", "-m", "demo", "--host", host, "--port", str(self.port),
                        "--log", "json", *flags]
        self.wrap, self.folder, self.stamp = wrap, folder, None

    def __enter__(self):
        log = open(self.folder / "serve.log", "ab")
        if self.wrap:
            self.stamp, self.process = self.wrap(*self.command)
            threading.Thread(target=lambda: self.process.stderr.read(), daemon=True).start()
        else:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                self.get("/health/ready")
                return self
            except OSError:
                assert self.process.poll() is None, (self.folder / "serve.log").read_text()[-2000:]
                time.sleep(0.1)
        raise AssertionError("the service is not ready")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def get(self, path, body=None, timeout=20):
        url = f"http://{self.host}:{self.port}{path}"
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.read()

    def gauge(self, name):
        lines = self.get("/metrics").decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((name + " ", name + "{")))


class Clients:
    """Threads that ask for speeches, again where they fail, and hold each to what `synth` makes of it."""

    def __init__(self, service, program, count, timeout=20):
        self.service, self.timeout = service, timeout
        synth = [program, "synth", "-q", "-m", "demo", "--stream", "--format", "raw", "--seed", "3", "-t"]
        self.expected = [subprocess.run([*map(str, synth), text], check=True, stdout=subprocess.PIPE).stdout for text in TEXTS]
        self.answered, self.failed, self.wrong, self.open = 0, 0, [], threading.Event()
        self.lock, self.over = threading.Lock(), False
        self.threads = [threading.Thread(target=self.ask, args=(i,), daemon=True) for i in range(count)]
        [thread.start() for thread in self.threads]

    def ask(self, turn):
        while not self.over:
            which = turn % len(TEXTS)
            body = json.dumps({"input": TEXTS[which], "seed": 3, "response_format": "pcm"}).encode()
            while True:
                self.open.wait()
                try:
                    got = self.service.get("/v1/audio/speech", body, self.timeout)
                    break
                except (OSError, ValueError, http.client.HTTPException):
                    # Refused, cut off, or not there: asked again, as a client would.
                    with self.lock:
                        self.failed += 1
                    if self.over:
                        return
                    time.sleep(0.1)
            with self.lock:
                self.answered += 1
                if got != self.expected[which]:
                    self.wrong.append(turn)
            turn += 1

    def go(self, seconds):
        self.open.set()
        time.sleep(seconds)

    def end(self, retried=None):
        self.over = True
        [thread.join(60) for thread in self.threads]
        assert not any(thread.is_alive() for thread in self.threads), "a client never got its answer"
        assert not self.wrong, f"{len(self.wrong)} answers are wrong"
        assert self.answered > 20, self.answered
        assert retried is None or self.failed <= retried, f"{self.failed} requests failed"


def service(program, folder):
    with Service(program, folder) as there:
        clients = Clients(there, program, 8)
        clients.go(3)
        for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            there.process.send_signal(how)
            code = there.process.wait(40)
            # Told to end, it lets those end that it has taken.
            assert code == (0 if how == signal.SIGTERM else -9), code
            time.sleep(0.5)
            there.__enter__()
            clients.go(3)
        clients.end()
    print(f"service: killed twice, told to end once: {clients.answered} answers right, {clients.failed} asked again, none lost")


def network(program, folder):
    inside = ["ip", "netns", "exec", NAMESPACE]
    link, its = "chattts0", "chattts1"
    run("ip", "netns", "add", NAMESPACE)
    try:
        run("ip", "link", "add", link, "type", "veth", "peer", "name", its, "netns", NAMESPACE)
        run("ip", "addr", "add", f"{HERE}/30", "dev", link)
        run("ip", "link", "set", link, "up")
        run(*inside, "ip", "addr", "add", f"{THERE}/30", "dev", its)
        run(*inside, "ip", "link", "set", its, "up")
        run(*inside, "ip", "link", "set", "lo", "up")
        with Service(program, folder, host=THERE, inside=inside, flags=["--stall-time", "3"]) as there:
            clients = Clients(there, program, 6, timeout=60)
            clients.go(2)
            slow = ["netem", "delay", "80ms", "20ms", "loss", "3%", "rate", "8mbit"]
            how = subprocess.run([*inside, "tc", "qdisc", "add", "dev", its, "root", *slow], stderr=subprocess.DEVNULL)
            if how.returncode:
                # Without netem: narrow, and a packet in thirty is dropped.
                run(*inside, "tc", "qdisc", "add", "dev", its, "root", "tbf", "rate", "8mbit", "burst", "16kbit", "latency", "300ms")
                run(*inside, "nft", "add table ip chaos; add chain ip chaos out { type filter hook output priority 0; };"
                    " add rule ip chaos out numgen random mod 30 < 1 drop")
            before = clients.answered
            clients.go(8)
            assert clients.answered > before, "nothing comes through a slow network"
            slowly = clients.answered - before
            # Cut, and longer than a client may stall: what it held is free again.
            run("ip", "link", "set", link, "down")
            time.sleep(9)
            read = "import urllib.request as u; print(u.urlopen('http://%s:%d/metrics').read().decode())" % (THERE, there.port)
            metrics = run(*inside, sys.executable, "-c", read).splitlines()
            held = [line for line in metrics if line.startswith("chattts_slots_held")]
            assert held and all(float(line.split()[-1]) == 0 for line in held), held
            run("ip", "link", "set", link, "up")
            run(*inside, "tc", "qdisc", "del", "dev", its, "root")
            before = clients.answered
            clients.go(10)
            assert clients.answered > before, "nothing comes after a cut"
            clients.end()
    finally:
        run("ip", "netns", "del", NAMESPACE)
    means = "delayed, lossy" if not how.returncode else "narrow, lossy"
    print(f"network: {means} ({slowly} answers), cut for 9 s, mended: {clients.answered} answers right, {clients.failed} asked again")


def main():
    trials = {trial.__name__: trial for trial in (workers, disk, clock, service, network)}
    chosen = sys.argv[2:] or list(trials)
    if len(sys.argv) < 2 or any(name not in trials for name in chosen):
        sys.exit(__doc__)
    if os.geteuid() != 0 and {"disk", "network"} & set(chosen):
        sys.exit("`disk` and `network` take root: for a small disk and a network of its own")
    program = pathlib.Path(sys.argv[1]).resolve()
    for name in chosen:
        with tempfile.TemporaryDirectory(prefix="chattts-chaos-") as folder:
            trials[name](program, pathlib.Path(folder))


if __name__ == "__main__":
    main()
