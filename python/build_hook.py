"""Adds the program and the library for C to the wheel, and tells for which systems they are.

`pip wheel python` in a clone builds them by cargo first. CHATTTS_RS_BUILT names a folder in which they are already.
"""

import os
import platform
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARIES = {"darwin": "libchattts.dylib", "win32": "chattts.dll"}


class BuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        root = Path(self.root).parent
        suffix = ".exe" if sys.platform == "win32" else ""
        folder = os.environ.get("CHATTTS_RS_BUILT")
        if folder is None:
            subprocess.run(["cargo", "build", "--release", "--locked"], cwd=root, check=True)
            folder = os.environ.get("CARGO_TARGET_DIR", root / "target")
            folder = Path(root, folder, "release")
        program = Path(folder, "chattts-rs" + suffix).resolve()
        library = Path(folder, LIBRARIES.get(sys.platform, "libchattts.so")).resolve()
        for file in (program, library):
            if not file.exists():
                raise FileNotFoundError(f"{file}: build it first by `cargo build --release`")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag([program, library])}"
        build_data["force_include"][str(library)] = f"chattts_rs/{library.name}"
        build_data["force_include"][str(root / "LICENSE")] = "chattts_rs/LICENSE"
        # What a release puts beside them.
        third_party = Path(folder, "THIRD-PARTY.txt")
        if third_party.exists():
            build_data["force_include"][str(third_party)] = "chattts_rs/THIRD-PARTY.txt"
        build_data["shared_scripts"][str(program)] = program.name


def platform_tag(files):
    """Returns the tag of the systems on which the files run; nothing of them depends on the version of Python."""
    machine = platform.machine()
    if sys.platform == "darwin":
        # The oldest system for which rustc compiles; a Python for both processors would say so of the library, too.
        oldest = os.environ.get("MACOSX_DEPLOYMENT_TARGET", "11.0" if machine == "arm64" else "10.12")
        return f"macosx_{oldest.replace('.', '_')}_{machine}"
    if sys.platform != "linux":
        return re.sub("[-.]", "_", sysconfig.get_platform())
    if platform.libc_ver()[0] != "glibc":
        raise RuntimeError("wheels are built for glibc; this system has another C library")
    # The newest of glibc's versions that they name is the oldest glibc with which they run.
    named = [re.findall(rb"GLIBC_2\.(\d+)", file.read_bytes()) for file in files]
    minor = max(int(minor) for minors in named for minor in minors)
    return f"manylinux_2_{minor}_{machine}"
