#!/usr/bin/env python3
"""Install requirements-train.txt without CUDA: 1.3 GB on disk, where pip's way takes 5.3 GB.

    cpu_torch.py FOLDER

Makes a virtual environment. PyPI's PyTorch for Linux on x86-64 is linked with a dozen CUDA libraries and is not loaded
without them, though nothing on the processor calls them. So torch is installed without its dependencies, and small
libraries with these names and the symbols that torch looks for take their place; every function in them fails with
CUDA's code for "no device", and torch.cuda.is_available() is False. A FOLDER whose torch works already is left alone.

Linux, x86-64; needs gcc and readelf (binutils). For checks such as smoke.py, on machines without a card.
"""

import argparse
import collections
import glob
import os
import re
import subprocess
import sys
import tempfile
import venv

REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "requirements-train.txt")
# What `import torch` asks for besides CUDA.
DEPENDENCIES = ["filelock", "typing-extensions", "sympy", "networkx", "jinja2", "fsspec"]
NO_DEVICE = 100  # cudaErrorNoDevice
# Symbols without a version do not say which library they are of; their names do.
PREFIXES = [("cusparseLt", "libcusparseLt"), ("nccl", "libnccl"), ("cuFile", "libcufile"), ("cu", "libcuda.")]


def readelf(path, *flags):
    """Returns what readelf says of a library."""
    return subprocess.run(["readelf", "-W", *flags, path], capture_output=True, text=True, check=True).stdout


def missing_symbols(folder):
    """Returns {library: {version: {symbol, ...}}} of the CUDA libraries that those in a folder want."""
    paths = glob.glob(f"{glob.escape(folder)}/*.so*")
    names = {os.path.basename(p) for p in paths}
    want = collections.defaultdict(lambda: collections.defaultdict(set))
    for path in paths:
        for library in re.findall(r"NEEDED.*\[(lib(?:cu|nv|nccl)[^\]]*)\]", readelf(path, "-d")):
            if library not in names:
                want[library]["none"].clear()
    for path in paths:
        owner = {}
        for library, block in re.findall(r"File: (\S+)\s+Cnt: \d+\n((?:\s+0x\S+\s+Name: .*\n)*)", readelf(path, "-V")):
            owner.update(dict.fromkeys(re.findall(r"Name: (\S+)", block), library))
        for symbol, version in re.findall(r" UND (\w+)(?:@(\S+))?", readelf(path, "--dyn-syms")):
            if version and owner.get(version) in want:
                want[owner[version]][version].add(symbol)
            elif not version:
                start = next((library for prefix, library in PREFIXES if symbol.startswith(prefix)), None)
                for library in want:
                    if start and library.startswith(start):
                        want[library]["none"].add(symbol)
    return want


def write_library(path, versions):
    """Compiles a library whose functions say that there is no device; those that register code just return."""
    symbols = [s for group in versions.values() for s in sorted(group)]
    source = "".join(f"long {s}(void) {{ return {0 if s.startswith('__') else NO_DEVICE}; }}\n" for s in symbols)
    script = "".join(f"{v} {{ global: {'; '.join(sorted(g))}; }};\n" for v, g in versions.items() if v != "none")
    with tempfile.TemporaryDirectory() as work:
        for name, text in (("stand_in.c", source), ("stand_in.map", script)):
            with open(f"{work}/{name}", "w", encoding="utf-8") as f:
                f.write(text)
        command = ["gcc", "-shared", "-fPIC", "-o", path, f"-Wl,-soname,{os.path.basename(path)}", f"{work}/stand_in.c"]
        subprocess.run(command + ([f"-Wl,--version-script={work}/stand_in.map"] if script else []), check=True)


def works(python):
    """Tells whether an interpreter has the torch that is wanted, and it computes."""
    code = "import torch; x = torch.ones(2, 2, requires_grad=True); (x @ x).sum().backward(); print(torch.__version__)"
    if not os.path.exists(python):
        return False
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.returncode == 0 and f"torch=={done.stdout.split('+')[0].strip()}" in requirements()


def requirements():
    """Returns the lines of requirements-train.txt without comments."""
    with open(REQUIREMENTS, encoding="utf-8") as f:
        return [line.strip() for line in f if line.strip() and not line.startswith("#")]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", help="virtual environment to make")
    a = p.parse_args()
    python = f"{a.folder}/bin/python"
    if works(python):
        print(f"{a.folder}: has torch already")
        return
    try:
        venv.create(a.folder, with_pip=True)
        pip = [python, "-m", "pip", "install", "-q", "--no-cache-dir", "--no-compile", "--disable-pip-version-check"]
        torch = [r for r in requirements() if r.startswith("torch==")]
        # In this order, since pip would complain about what torch lacks.
        subprocess.run([*pip, *DEPENDENCIES, *(r for r in requirements() if r not in torch)], check=True)
        subprocess.run([*pip, "--no-deps", *torch], check=True)
        (folder,) = glob.glob(f"{glob.escape(a.folder)}/lib/python*/site-packages/torch/lib")
        for library, versions in missing_symbols(folder).items():
            write_library(os.path.join(folder, library), versions)
    except (OSError, ValueError, subprocess.CalledProcessError) as e:
        sys.exit(f"cpu_torch: {e}")
    if not works(python):
        sys.exit(f"cpu_torch: {a.folder}: torch does not work; run `{python} -c 'import torch'` to see why")
    print(f"{a.folder}: ready")


if __name__ == "__main__":
    main()
