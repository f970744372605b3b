#!/usr/bin/env python3
"""Try the files of this folder on a real service, Prometheus and Alertmanager, in two minutes.

    packaging/monitoring/check.py target/release/chattts-rs

The rules pass their tests; every query of the dashboard and every recorded one returns numbers while the service speaks;
a card whose memory is full is told of, and when the service is killed, the pager is called. Where there is no card, the
queries of cards are answered by tests/service/nvml.c, which stands in for the driver's library. It takes promtool,
prometheus, amtool and Alertmanager (Debian's prometheus and prometheus-alertmanager), a C compiler, and Python 3.
"""
import ctypes, http.server, json, math, os, pathlib, re, shutil, socket, subprocess, sys, tempfile, threading, time
import urllib.error, urllib.parse, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
JOB = "inference-server"


def has_cards():
    try:
        return ctypes.CDLL("libnvidia-ml.so.1").nvmlInit_v2() == 0
    except OSError:
        return False


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url, body=None):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=body and json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def wait(what, seconds, ready):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = ready()
            if found:
                return found
        except OSError:
            pass
        time.sleep(0.5)
    sys.exit(f"{what}: not within {seconds} s")


def queries():
    """Yields the queries of the dashboard and of the recording rules, with where they stand."""
    for panel in json.loads((HERE / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$job", JOB)
    for name in re.findall(r"record: (\S+)", (HERE / "recording.yml").read_text()):
        yield name, name


def speak(service, end, failures):
    texts = ["Hello.", "One two three.", "It rains today.", "你好。"]
    for i in range(10**6):
        if time.monotonic() > end:
            return
        body = {"model": "tts-1", "voice": "alloy", "input": texts[i % len(texts)], "response_format": "pcm"}
        if i % 9 == 8:
            body["voice"] = "nobody"  # errors are counted, too
        try:
            get(f"{service}/v1/audio/speech", body)
        except urllib.error.HTTPError as error:
            if error.code != 400:
                failures.append(f"{error.code}: {error.read()}")
                return


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = pathlib.Path(sys.argv[1]).resolve()
    alertmanager = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    for tool in ("promtool", "prometheus", "amtool"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is not here: apt-get install prometheus prometheus-alertmanager")

    def run(*command):
        subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.DEVNULL)

    run("promtool", "check", "config", "prometheus.yml")
    run("promtool", "test", "rules", "tests.yml")
    run("amtool", "check-config", "alertmanager.yml")
    for severity, receiver in {"critical": "pager", "warning": "team", "info": "dashboard"}.items():
        run("amtool", "config", "routes", "test", "--config.file=alertmanager.yml",
            f"--verify.receivers={receiver}", f"severity={severity}")

    called = []

    class Pager(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            called.extend((self.path, alert["labels"]["alertname"], alert["status"]) for alert in said["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    pager = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pager)
    threading.Thread(target=pager.serve_forever, daemon=True).start()
    ports = {8000: free_port(), 9090: free_port(), 9093: free_port(), 9095: pager.server_port}
    service, prometheus = (f"http://127.0.0.1:{ports[port]}" for port in (8000, 9090))
    children = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for file in ("prometheus.yml", "recording.yml", "alerts.yml", "alertmanager.yml"):
            text = (HERE / file).read_text()
            for port, other in ports.items():
                text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{other}")
            (folder / file).write_text(text)

        stands_in = not has_cards()
        if stands_in:
            run("cc", "-shared", "-fPIC", "-o", str(folder / "libnvidia-ml.so.1"), "../../tests/service/nvml.c")
            os.environ["LD_LIBRARY_PATH"] = f"{folder}:{os.environ.get('LD_LIBRARY_PATH', '')}"

        def start(*command):
            log = open(folder / f"{len(children)}.log", "wb")
            children.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
            return children[-1]

        try:
            serving = start(str(program), "serve", "--model", "demo", "--port", str(ports[8000]))
            start("prometheus", "--config.file=prometheus.yml", f"--web.listen-address=127.0.0.1:{ports[9090]}")
            start(alertmanager, "--config.file=alertmanager.yml", "--cluster.listen-address=",
                  f"--web.listen-address=127.0.0.1:{ports[9093]}")
            wait("the service", 30, lambda: get(f"{service}/health/ready"))
            wait("Prometheus", 30, lambda: get(f"{prometheus}/-/ready"))

            failures = []
            end = time.monotonic() + 30
            callers = [threading.Thread(target=speak, args=(service, end, failures)) for _ in range(4)]
            [caller.start() for caller in callers]
            [caller.join() for caller in callers]
            if failures:
                sys.exit(f"the service failed: {failures}")
            count = 0
            for place, query in queries():
                answer = json.loads(get(f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": query})))
                values = [float(sample["value"][1]) for sample in answer["data"]["result"]]
                if not values or not all(map(math.isfinite, values)):
                    sys.exit(f"{place}: {query} returns {values}")
                count += 1
            print(f"{count} queries returned numbers, those of cards", "from a stand-in" if stands_in else "from the driver")
            if stands_in:
                # Its first card has 98% in use.
                wait("a word about the card", 120, lambda: ("/team", "ChatttsGpuMemory", "firing") in called)
                print("the team was told of the card whose memory is full")

            serving.kill()
            killed = time.monotonic()
            wait("a call of the pager", 120, lambda: ("/pager", "ChatttsDown", "firing") in called)
            print(f"the pager was called {time.monotonic() - killed:.0f} s after the service was killed")
        except BaseException:
            for log in sorted(folder.glob("*.log")):
                sys.stderr.write(log.read_text()[-2000:])
            raise
        finally:
            for child in children:
                child.kill()
                child.wait()


if __name__ == "__main__":
    main()
