"""`hushgate plot`: what was there, what is left, and what was removed, for eyes."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate plot`."""
    parser.add_argument("input", metavar="INPUT", help="sound file")
    parser.add_argument("output", nargs="?", metavar="OUTPUT", help="the same recording, processed")
    parser.add_argument(
        "-o", "--figure", required=True, metavar="FILE", help="picture to write, .png, .pdf, .svg or .jpg"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing picture")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")


def run(args: argparse.Namespace) -> int:
    """Draw the picture; exit status 0.

    Raises:
        OSError, ValueError: Whatever kept it from being drawn, in one line.
        ModuleNotFoundError: matplotlib is not installed.
    """
    from hushgate.pictures.before_after import check_figure_path, plot_file, save_figure

    target = Path(args.figure)
    check_figure_path(target, overwrite=args.overwrite)
    save_figure(plot_file(args.input, args.output), target)
    if not args.quiet:
        print(f"figure   {target}")
    return 0
