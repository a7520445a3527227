"""Compile the plugins for Windows, on any system: VST3 and CLAP, for stereo and mono, without a window.

usage: python native/build_windows.py FOLDER [--dpf /usr/share/dpf]

Needs hushgate installed, DPF 1.6 (Debian's dpf-source) and the package ziglang, whose clang brings the
headers and libraries of Windows. The first run compiles those too.
"""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from build_plugins import DPF, build_plugins

FORMATS = ("VST3", "CLAP")
_TARGET = "x86_64-windows-gnu"


def make_compiler(folder: Path) -> str:
    """A command that calls zig's clang for Windows; written into a folder.

    Raises:
        FileNotFoundError: ziglang is not installed.
    """
    if importlib.util.find_spec("ziglang") is None:
        raise FileNotFoundError("there is no compiler for Windows: pip install ziglang")
    command = folder / "zig-windows"
    # Its undefined-behaviour checks would need a runtime; zig switches them on in plain builds.
    flags = f"-target {_TARGET} -fno-sanitize=undefined"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m ziglang c++ {flags} "$@"\n')
    command.chmod(0o755)
    return str(command)


def main() -> None:
    """Compile into the folder of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--dpf", type=Path, default=DPF)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compiler = make_compiler(Path(folder))
        for path in build_plugins(
            args.output,
            compiler,
            dpf=args.dpf,
            formats=FORMATS,
            has_window=False,
            for_windows=True,
        ):
            print(path)
    for rest in [*args.output.rglob("*.pdb"), *args.output.rglob("*.lib")]:
        rest.unlink()


if __name__ == "__main__":
    main()
