"""`hushgate plugin build`: compile the plugins from the sources."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from hushgate.commands.plugin.places import built_folder, built_plugins
from hushgate.errors import EngineError
from hushgate.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate plugin build`."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        help="where to write (default: the folder that install takes from)",
    )
    parser.add_argument(
        "--source",
        metavar="FOLDER",
        help="the folder native/ of hushgate's sources (default: this checkout's)",
    )
    parser.add_argument(
        "--dpf", metavar="FOLDER", default="/usr/share/dpf", help="DPF 1.6 (default: Debian's dpf-source)"
    )
    parser.add_argument(
        "--format", action="append", choices=["VST3", "CLAP", "LV2"], help="default: all three"
    )
    parser.add_argument(
        "--no-window",
        action="store_true",
        help="let hosts draw the parameters; such plugins load without libGL and libX11",
    )


def run(args: argparse.Namespace) -> int:
    """Compile the plugins and print their paths; exit status 0.

    Raises:
        EngineError: There are no sources, no compiler or no DPF, or the compiler failed.
    """
    from hushgate import engine

    source = Path(args.source) if args.source else Path(engine.__file__).resolve().parents[1] / "native"
    script = source / "build_plugins.py"
    if not script.is_file():
        raise EngineError(
            f"{source} does not hold hushgate's native sources. "
            "Name the folder native/ of a checkout with --source."
        )
    output = Path(args.output) if args.output else built_folder()
    command = [sys.executable, str(script), str(output), "--dpf", args.dpf]
    for format in args.format or ():
        command += ["--format", format]
    if args.no_window:
        command.append("--no-window")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines() or ["no reason given"]
        raise EngineError(f"the plugins could not be compiled: {reason[-1]}")
    for path in built_plugins(output):
        print(printable(path))
    return 0
