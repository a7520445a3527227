"""`hushgate plot`: draw a recording before and after."""

from __future__ import annotations

import argparse
from pathlib import Path

from hushgate.commands.flags.retired_flags import add_retired_flags
from hushgate.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate plot`."""
    parser.add_argument("input", metavar="INPUT", help="sound file")
    parser.add_argument("processed", nargs="?", metavar="PROCESSED", help="the same recording, processed")
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="picture to write, .png, .pdf, .svg or .jpg"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing picture")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    add_retired_flags(parser, {"--figure": "-o FILE"})


def run(args: argparse.Namespace) -> int:
    """Draw the picture; exit status 0.

    Raises:
        OSError, ValueError: The picture was not drawn; the reason in one line.
        ModuleNotFoundError: matplotlib is not installed.
    """
    from hushgate.pictures.before_after import plot_file
    from hushgate.pictures.figures import check_figure_path, save_figure

    target = Path(args.output)
    recordings = [args.input] if args.processed is None else [args.input, args.processed]
    check_figure_path(target, overwrite=args.overwrite, originals=recordings)
    figure = plot_file(args.input, args.processed)

    def say() -> None:
        if not args.quiet:
            print(f"figure   {printable(target)}", flush=True)

    save_figure(figure, target, overwrite=args.overwrite, originals=recordings, on_written=say)
    return 0
