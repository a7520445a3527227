"""`hushgate plugin build`: compile the plugins from the sources."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from hushgate.commands.plugin.places import FORMATS, built_folder, copy_into
from hushgate.engine.native.package import run_build_script
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
        OSError: The folder cannot be written.
    """
    output = Path(args.output) if args.output else built_folder()
    arguments = ["--dpf", args.dpf]
    for format in args.format or ():
        arguments += ["--format", format]
    if args.no_window:
        arguments.append("--no-window")
    what = "the plugins could not be compiled"
    with tempfile.TemporaryDirectory(prefix="hushgate-plugins-") as folder:
        run_build_script("build_plugins.py", [folder, *arguments], args.source, what, _report)
        for path in sorted(Path(folder).iterdir()):
            target = copy_into(path, output)
            if path.suffix.removeprefix(".") in FORMATS:
                print(printable(target))
    return 0


def _report(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)
