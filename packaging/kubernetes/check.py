#!/usr/bin/env python3
"""Try the files of this folder without a cluster: what they say, and what the program makes of it.

    packaging/kubernetes/check.py target/release/chattts-rs

Base and overlays are rendered and held to the API's schemas; every pod is confined; the batch's own command speaks all
lines, index by index, a killed index goes on, and codes are what the Job's rules say; the service, started as its pod
would be, answers the probes and counts what the scaling goes by. It takes kubectl (or kustomize), and of PyPI
kubernetes-validate, which brings the schemas.
"""
import os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time, urllib.request

import kubernetes_validate, yaml

HERE = pathlib.Path(__file__).resolve().parent
# Of an operator, whose schema is not the API's.
FOREIGN = {"ServiceMonitor"}


def render(folder):
    command = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
    text = subprocess.run([*command, str(folder)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [found for found in yaml.safe_load_all(text) if found]


def confined(name, pod):
    spec = pod["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"], name
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
    for container in spec["containers"] + spec["initContainers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"], name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
        assert "memory" in container["resources"]["limits"], name


def check_text(folder):
    found = {}
    for thing in render(folder):
        found[thing["kind"], thing["metadata"]["name"]] = thing
        if thing["kind"] not in FOREIGN:
            kubernetes_validate.validate(thing, VERSION, strict=True)
    service, job = found["Deployment", "chattts"], found["Job", "chattts-batch"]
    for thing in service, job:
        confined(folder, thing["spec"]["template"])
    count = job["spec"]["completions"]
    assert job["spec"]["parallelism"] == count
    assert f"auto/{count}" in job["spec"]["template"]["spec"]["containers"][0]["args"], "the shards are not the indices"
    cards = [thing["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"].get("nvidia.com/gpu")
             for thing in (service, job)]
    assert cards == ([None, None] if folder.name == "base" else ["1", "1"]), cards
    print(f"{folder.name}: {len(found)} objects hold to the schemas of {VERSION}")
    return service["spec"]["template"]["spec"]["containers"][0], job


def action(job, code):
    for rule in job["spec"]["podFailurePolicy"]["rules"]:
        if code in rule.get("onExitCodes", {}).get("values", []):
            return rule["action"]
    return "Count"


def check_batch(program, job, folder):
    container = job["spec"]["template"]["spec"]["containers"][0]
    args = [arg.replace("/data", str(folder)) for arg in container["args"]] + ["--model=demo"]
    count = job["spec"]["completions"]
    lines = [f'{{"id": "line-{i}", "text": "Line {i}."}}\n' for i in range(3 * count)]
    (folder / "lines.jsonl").write_text("".join(lines))

    def start(index, *more):
        environment = {**os.environ, "JOB_COMPLETION_INDEX": str(index)}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([program, *args, *more], env=environment, **quiet)

    killed = start(0)
    while not list(folder.glob("out/*.wav")):
        assert killed.poll() is None or killed.returncode == 0, killed.returncode
        if killed.returncode == 0:
            break
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    for index in range(count):
        code = start(index).wait()
        assert code == 0, f"index {index} ends with {code}"
    subprocess.run([program, "status", str(folder / "out")], check=True, stdout=subprocess.DEVNULL)
    assert len(list(folder.glob("out/*.wav"))) == len(lines)
    code = start(count).wait()
    assert action(job, code) == "FailJob", f"an index too many ends with {code}"
    wrong = start(1, "--no-such-flag").wait()
    assert action(job, wrong) == "FailJob", f"a wrong flag ends with {wrong}"
    assert action(job, 75) == "Count" and action(job, 1) == "FailIndex"
    print(f"the batch: {len(lines)} lines by {count} indices, of which one was killed")


def check_service(program, container, folder):
    command = [program, *container["args"], "--model=demo", "--port=0", "--host=127.0.0.1"]
    command = [part for part in command if part not in ("--host", "0.0.0.0")]
    with open(folder / "log", "wb") as log:
        service = subprocess.Popen(command, stderr=log)
    try:
        end = time.monotonic() + 60
        while not (found := re.search(r"127\.0\.0\.1:\d+", (folder / "log").read_text())):
            assert time.monotonic() < end and service.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)

        def get(path):
            with urllib.request.urlopen(f"http://{found[0]}{path}", timeout=10) as answer:
                return answer.read().decode()

        probes = {container[kind]["httpGet"]["path"] for kind in ("startupProbe", "readinessProbe", "livenessProbe")}
        while True:
            try:
                [get(path) for path in probes]
                break
            except OSError:
                assert time.monotonic() < end, "it is never ready"
                time.sleep(0.2)
        assert re.search(r"^chattts_queue_size 0$", get("/metrics"), re.MULTILINE), "no metric to scale by"
        service.send_signal(signal.SIGTERM)
        code = service.wait(timeout=60)
        assert code == 0, f"the service ends with {code}"
    finally:
        service.kill()
    print(f"the service: answers {', '.join(sorted(probes))}, counts what waits, and ends with 0")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = str(pathlib.Path(sys.argv[1]).resolve())
    for overlay in sorted((HERE / "overlays").iterdir()):
        check_text(overlay)
    container, job = check_text(HERE / "base")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        check_service(program, container, folder)
        check_batch(program, job, folder)


VERSION = kubernetes_validate.latest_version()
if __name__ == "__main__":
    main()
