#!/usr/bin/env python3
"""Try speak.py on a cluster of this machine: an actor is killed while it works, and nothing is lost.

    python packaging/ray/check.py [LINES]

It takes what speak.py takes. The files are the same to the byte as those of one engine without Ray.
"""
import filecmp, json, os, pathlib, signal, subprocess, sys, tempfile, time

import speak

HERE = pathlib.Path(__file__).resolve().parent


def actors(mark):
    """Yields the actors of the run whose environment has the mark."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            title, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if title.startswith(b"ray::") and b"Speak" in title and mark.encode() in environment:
            yield int(folder.name)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 96
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        lines = folder / "lines.jsonl"
        lines.write_text("".join(json.dumps({"id": f"line-{i}", "text": f"Line {i}, if you please."}) + "\n" for i in range(count)))
        mark = f"CHATTTS_CHECK={folder}"

        def start(out):
            environment = {**os.environ, "CHATTTS_CHECK": str(folder), "RAY_DEDUP_LOGS": "0"}
            return subprocess.Popen([sys.executable, HERE / "speak.py", lines, folder / out], env=environment,
                                    stdout=subprocess.PIPE, stderr=open(folder / "log", "wb"), text=True)

        def end(run):
            said = run.communicate()[0]
            assert run.returncode == 0, said + (folder / "log").read_text()[-3000:]
            print(said.strip().splitlines()[-1])

        killed = start("killed")
        while len(list(folder.glob("killed/*.wav"))) < count // 4:
            assert killed.poll() is None, "it ended before an actor was killed: " + (folder / "log").read_text()[-3000:]
            time.sleep(0.05)
        victims = list(actors(mark))
        os.kill(victims[0], signal.SIGKILL)
        print(f"killed one of {len(victims)} actors after {len(list(folder.glob('killed/*.wav')))} files")
        end(killed)
        # Goes on where a run was stopped: with nothing to do here, and with everything there.
        end(start("killed"))
        (folder / "whole").mkdir()
        whole = speak.Speak("demo", folder / "whole", "cpu")({"line": speak.read(lines, folder / "whole")})
        assert not any(whole["error"]), whole["error"]
        names = [f"line-{i}.wav" for i in range(count)]
        same, differ, missing = filecmp.cmpfiles(folder / "killed", folder / "whole", names, shallow=False)
        assert len(same) == count, f"{differ} differ, {missing} are missing"
        print(f"passed: {count} files, the same to the byte")


if __name__ == "__main__":
    main()
