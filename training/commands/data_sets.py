"""`hushgate data sets`: copy free recordings out of cloned repositories."""

from __future__ import annotations

import argparse
from pathlib import Path

from hushgate.training.commands.data_flags import with_progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate data sets`."""
    parser.add_argument(
        "clones", type=Path, metavar="FOLDER", help="folder with the clones, under their repositories' names"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder for copies and manifest.csv"
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")


def run(args: argparse.Namespace) -> int:
    """Do what `hushgate data sets` was asked for; exit status 0.

    Raises:
        OSError, ValueError: Whatever kept it from being done, in one line.
    """
    from hushgate.training.corpora.open_sets import write_open_sets
    from hushgate.training.corpora.prepare import summarize

    rows = write_open_sets(
        args.clones,
        args.output,
        progress=lambda rows, total: with_progress(rows, total, "copying", args.quiet),
    )
    if not args.quiet:
        print("\n".join(summarize(rows)))
    return 0
