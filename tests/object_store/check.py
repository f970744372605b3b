#!/usr/bin/env python3
"""Speaks many lines into the bucket of a store, as moto serves it, and compares them with a folder's.

    pip install -r tests/object_store/requirements.txt
    cargo build --release --features object-store
    python tests/object_store/check.py target/release/chattts-rs [NAME…]

Each check has a bucket of its own; NAME chooses some of them.
"""
import json, os, pathlib, re, signal, socket, subprocess, sys, tempfile, time, urllib.request

import boto3
from faults import Proxy

PROGRAM = os.path.abspath(sys.argv[1])
LINES = 200
# What a run holds a lock for without renewing it, and the least that a refused run says of it.
HELD = 60
scratch = pathlib.Path(tempfile.mkdtemp(prefix="object-store-"))


def serve_store(**more):
    """Starts a store; returns its process and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = pathlib.Path(sys.executable).with_name("moto_server")
    process = subprocess.Popen([server, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env={**os.environ, **more})
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/").close()
            return process, port
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the store does not start")


def client(port):
    return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", aws_access_key_id="test",
                        aws_secret_access_key="test", region_name="us-east-1")


def environment(address, **more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "HOME": str(scratch), "AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1", **more}


def begin(arguments, address, **more):
    return subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            cwd=scratch, env=environment(address, **more))


def end(process, code=0):
    out, err = process.communicate(timeout=600)
    # The random weights seldom end by themselves, so that a limit does.
    is_cut = code == 0 and process.returncode == 1 and err.rstrip().endswith("were cut off")
    assert is_cut or process.returncode == code, f"{process.args}: {process.returncode}, not {code}\n{err}"
    return out, err


def run(arguments, address, code=0, **more):
    return end(begin(arguments, address, **more), code)


def manifest(lines):
    row = lambda i: {"id": f"第{i} line~#", "text": f"Line number {i}.", "max_tokens": 24}
    return "".join(json.dumps(row(i)) + "\n" for i in range(lines)).encode()


def synth(place, *more, lines="lines.jsonl"):
    return ["synth", "-m", "noise", "-f", lines, "--seed", "7", "--name", "{id}", "--out-dir", place, *more]


class Bucket:
    """A bucket, and what is in it."""

    def __init__(self, name):
        self.name, self.place = name, f"s3://{name}/a b/前"
        s3.create_bucket(Bucket=name)

    def objects(self):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {found["Key"]: found for page in pages for found in page.get("Contents", [])}

    def read(self, key):
        return s3.get_object(Bucket=self.name, Key=key)["Body"].read()

    def inside(self):
        """Returns the names below the prefix."""
        prefix = "a b/前/"
        return {key[len(prefix):]: key for key in self.objects() if key.startswith(prefix)}

    def sounds(self):
        return {name: self.read(key) for name, key in self.inside().items() if not name.startswith(".chattts-rs/")}

    def state(self, name):
        """Returns the names among those of the state that begin so."""
        inside = [found.removeprefix(".chattts-rs/") for found in self.inside() if found.startswith(".chattts-rs/")]
        return sorted(found for found in inside if found.startswith(name))

    def recorded(self):
        """Returns the names in all ledgers, each as often as it is there."""
        ledgers = [self.read(f"a b/前/.chattts-rs/{name}") for name in self.state("ledger")]
        return [json.loads(line)["name"] for ledger in ledgers for line in ledger.splitlines()]


def statuses(report):
    return [json.loads(line)["status"].replace("truncated", "done") for line in report.splitlines()]


def a_bucket_holds_what_a_folder_does():
    bucket = Bucket("same")
    s3.put_object(Bucket="same", Key="in/lines.jsonl", Body=manifest(LINES))
    run(synth("subtitled", "--subtitles", "srt"), store)
    folder = {file.name: file.read_bytes() for file in (scratch / "subtitled").iterdir() if file.is_file()}
    assert len(folder) == 2 * LINES
    start = time.monotonic()
    out, _ = run(synth(bucket.place, "--subtitles", "srt", "--report", "s3://same/report.jsonl",
                       lines="s3://same/in/lines.jsonl"), store)
    print(f"  {LINES} lines in {time.monotonic() - start:.1f} s")
    assert bucket.sounds() == folder
    assert sorted(out.splitlines()) == sorted(f"{bucket.place}/{name}" for name in folder if name.endswith(".wav"))
    assert statuses(bucket.read("report.jsonl")) == ["done"] * LINES
    assert len(bucket.recorded()) == LINES
    out, _ = run(["status", bucket.place, "--json"], store)
    assert json.loads(out)["done"] == LINES

    before = {key: found["LastModified"] for key, found in bucket.objects().items() if ".chattts-rs" not in key}
    del before["report.jsonl"]
    out, _ = run(synth(bucket.place, "--subtitles", "srt", "--resume", "--json"), store)
    assert statuses(out) == ["skipped"] * LINES
    after = bucket.objects()
    assert all(after[key]["LastModified"] == time for key, time in before.items())
    assert bucket.state("ledger") == ["ledger.jsonl"] and len(bucket.recorded()) == LINES
    out, _ = run(synth(bucket.place, "--subtitles", "srt", "--resume", "--verify", "--dry-run"), store)
    assert out.count("skip\t") == LINES

    # One is gone, one has other bytes of the same length.
    wavs = [key for key in before if key.endswith(".wav")]
    s3.delete_object(Bucket="same", Key=wavs[0])
    s3.put_object(Bucket="same", Key=wavs[1], Body=bucket.read(wavs[1])[:-1] + b"\x55")
    out, _ = run(synth(bucket.place, "--subtitles", "srt", "--resume", "--json"), store)
    assert sorted(statuses(out)) == ["done"] * 2 + ["skipped"] * (LINES - 2)
    assert bucket.sounds() == folder

    (scratch / "fewer.jsonl").write_bytes(manifest(LINES - 6))
    _, err = run(synth(bucket.place, "--subtitles", "srt", "--resume", "--prune", lines="fewer.jsonl"), store)
    assert err.count("removed s3://same/") == 6, err
    # As in a folder, subtitles are no finished files of their own and stay.
    assert sum(name.endswith(".wav") for name in bucket.sounds()) == LINES - 6


def shards_fill_a_bucket_at_once():
    bucket = Bucket("shards")
    runs = [begin(synth(bucket.place, "--resume", "--shard", f"{i}/2"), store) for i in range(2)]
    for shard in runs:
        end(shard)
    assert bucket.sounds() == whole
    out, _ = run(["status", bucket.place, "--json"], store)
    told = json.loads(out)
    assert (told["lines"], told["done"], told["missing"]) == (LINES, LINES, 0), told
    assert all(not shard["is_running"] and shard["has_ended"] for shard in told["shards"])
    run(["merge", bucket.place, "--report", "s3://shards/report.jsonl"], store)
    records = [json.loads(line) for line in bucket.read("report.jsonl").splitlines()]
    assert [record["index"] for record in records] == list(range(LINES))
    assert bucket.state("ledger") == ["ledger.jsonl"] and sorted(bucket.recorded()) == sorted(whole)
    # Another count redoes nothing.
    out, _ = run(synth(bucket.place, "--resume", "--shard", "2/3", "--json"), store)
    assert set(statuses(out)) == {"skipped"}
    # The latest state says how many shards there are, and stores tell the time in seconds.
    time.sleep(1.1)
    (scratch / "fewer.jsonl").write_bytes(manifest(LINES - 6))
    _, first = run(synth(bucket.place, "--resume", "--prune", "--shard", "0/2", lines="fewer.jsonl"), store)
    assert "--prune is left to the last shard; not complete: 1" in first, first
    _, second = run(synth(bucket.place, "--resume", "--prune", "--shard", "1/2", lines="fewer.jsonl"), store)
    assert second.count("removed s3://shards/") == 6, second
    assert len(bucket.sounds()) == LINES - 6


def a_killed_run_is_completed_when_its_lock_has_expired():
    bucket = Bucket("killed")
    # Enough for the ledger to be written before the end.
    lines = 3 * LINES
    (scratch / "many.jsonl").write_bytes(manifest(lines))
    speak = synth(bucket.place, "--resume", lines="many.jsonl")
    first = begin(speak, store)
    while len(bucket.state("ledger-whole/")) == 0:
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    # Meanwhile another one is refused.
    for more in [], ["--shard", "0/2"]:
        _, err = run(speak + more, store, code=75)
        assert f"is in use by process {first.pid} on " in err and "last heard of" in err, err
    first.send_signal(signal.SIGKILL)
    first.communicate()
    killed = time.monotonic()
    before, recorded = bucket.sounds(), bucket.recorded()
    assert 0 < len(before) < lines, len(before)
    assert set(recorded) <= set(before), "the record comes after the file"
    assert all(sound == whole[name] for name, sound in before.items() if name in whole), "a file is whole or not there"
    _, err = run(speak, store, code=75)
    assert f"is in use by process {first.pid} on " in err, err
    time.sleep(max(0, HELD + 2 - (time.monotonic() - killed)))
    out, _ = run(speak + ["--json"], store)
    assert statuses(out).count("skipped") == len(recorded) and len(statuses(out)) == lines
    print(f"  {len(before)} files when it was killed, {len(before) - len(recorded)} of them made again")
    run(["merge", bucket.place], store)
    after = bucket.sounds()
    assert sorted(bucket.recorded()) == sorted(after) and len(after) == lines
    assert all(after[name] == sound for name, sound in {**before, **whole}.items())


def faults_cost_nothing_but_time():
    bucket = Bucket("faults")
    proxy = Proxy(port)
    proxy.faults.errors, proxy.faults.breaks, proxy.faults.losses, proxy.faults.delay = 0.05, 0.05, 0.03, 0.02
    out, _ = run(synth(bucket.place, "--resume", "--json"), proxy.address)
    assert statuses(out) == ["done"] * LINES
    print(f"  {len(proxy.faults.requests)} requests, of which {proxy.faults.counts}")
    assert all(count > 0 for count in proxy.faults.counts.values())
    assert bucket.sounds() == whole
    proxy.stop()


def slow_answers_are_waited_for_side_by_side():
    bucket = Bucket("slow")
    proxy = Proxy(port)
    start = time.monotonic()
    run(synth("beside"), store)
    folder = time.monotonic() - start
    proxy.faults.delay = 0.3
    start = time.monotonic()
    run(synth(bucket.place), proxy.address)
    took = time.monotonic() - start
    puts = sum(method == "PUT" for method, _ in proxy.faults.requests)
    print(f"  {LINES} lines: folder {folder:.1f} s, bucket {took:.1f} s, with {puts} puts of 0.3 s and more, at most "
          f"{proxy.faults.most} requests at a time")
    assert bucket.sounds() == whole
    # One after the other they would take a minute.
    assert took < folder + 0.3 * puts / 4, (took, folder)
    proxy.stop()


def a_store_that_is_lost_ends_the_run_which_may_go_well_later():
    bucket = Bucket("lost")
    proxy = Proxy(port)
    first = begin(synth(bucket.place, "--resume"), proxy.address)
    while len(bucket.sounds()) < 10:
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    start = time.monotonic()
    proxy.faults.breaks = 1.0
    _, err = end(first, code=75)
    print(f"  given up after {time.monotonic() - start:.0f} s: {err.strip().splitlines()[-1]}")
    assert all(whole[name] == sound for name, sound in bucket.sounds().items())
    proxy.stop()


def what_is_wrong_is_said_before_the_work_begins():
    guarded, other = serve_store(INITIAL_NO_AUTH_ACTION_COUNT="0")
    try:
        _, err = run(synth("s3://any/x"), f"http://127.0.0.1:{other}", code=1)
        assert re.search(r"cannot lock s3://any/x/\S+: the store refuses it \(InvalidAccessKeyId: .*credentials", err), err
    finally:
        guarded.kill()
    _, err = run(synth("s3://nowhere/x"), store, code=1)
    assert "cannot lock s3://nowhere/x/.chattts-rs/lock: there is no such bucket" in err, err
    Bucket("wrong")
    _, err = run(synth("s3://wrong/x", lines="s3://wrong/none.jsonl"), store, code=1)
    assert "cannot read s3://wrong/none.jsonl: there is no such object" in err, err
    for arguments, words in [
        (["--out", "s3://wrong/x.wav"], "use --out-dir"),
        (["--out-dir", "s3://wrong/x", "--dump", "s3://wrong/d"], "--dump s3://wrong/d: it takes a folder"),
        (["--out-dir", "ftp://wrong/x"], "s3, gs and az are known"),
        (["--out-dir", "s3://"], "no bucket is named"),
    ]:
        _, err = run(["synth", "-m", "noise", "-t", "Hello.", *arguments], store, code=2)
        assert words in err, err
    for command in "status", "merge":
        _, err = run([command, "s3://wrong/x"], store, code=2)
        assert "s3://wrong/x is no folder that `synth --out-dir` has filled" in err, err


checks = [
    a_bucket_holds_what_a_folder_does,
    shards_fill_a_bucket_at_once,
    a_killed_run_is_completed_when_its_lock_has_expired,
    faults_cost_nothing_but_time,
    slow_answers_are_waited_for_side_by_side,
    a_store_that_is_lost_ends_the_run_which_may_go_well_later,
    what_is_wrong_is_said_before_the_work_begins,
]
process, port = serve_store()
try:
    store = f"http://127.0.0.1:{port}"
    s3 = client(port)
    (scratch / "lines.jsonl").write_bytes(manifest(LINES))
    run(synth("whole"), store)
    whole = {file.name: file.read_bytes() for file in (scratch / "whole").iterdir() if file.is_file()}
    assert len(whole) == LINES
    for check in checks:
        if len(sys.argv) == 2 or check.__name__ in sys.argv[2:]:
            print(check.__name__.replace("_", " "), flush=True)
            start = time.monotonic()
            check()
            print(f"  in {time.monotonic() - start:.0f} s", flush=True)
finally:
    process.kill()
