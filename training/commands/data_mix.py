"""`hushgate data mix`: write pairs of clean and noisy files, with a manifest."""

from __future__ import annotations

import argparse
from pathlib import Path

from hushgate.training.commands.data_flags import add_source, with_progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate data mix`."""
    add_source(parser, optional=False)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the files"
    )
    amount = parser.add_mutually_exclusive_group(required=True)
    amount.add_argument("--num", type=int, metavar="N", help="how many mixtures")
    amount.add_argument("--hours", type=float, metavar="H", help="how much in all")
    parser.add_argument(
        "--format", choices=("flac", "wav"), default="flac", help="24 bit both (default flac)"
    )
    parser.add_argument("--noise", action="store_true", help="write the added noise, too")
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="processes that mix (default 0: this one alone)"
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")


def run(args: argparse.Namespace) -> int:
    """Run `hushgate data mix`; exit status 0.

    Raises:
        OSError, RuntimeError, ValueError: The command failed.
    """
    from hushgate.training.corpora.prepared_config import find_config
    from hushgate.training.mixtures.write_mixtures import MixJob, write_mixtures

    config = find_config(args.config, args.data, args.set)
    count = args.num
    if count is None:
        if not 0.0 < args.hours < float("inf"):
            raise ValueError(f"hours must be above 0 (got {args.hours:g}).")
        count = max(1, round(args.hours * 3600.0 / config.data.segment_s))
    manifest = write_mixtures(
        MixJob(config, args.split, args.seed, args.format, args.noise),
        args.output,
        count,
        workers=args.workers,
        progress=lambda rows, total: with_progress(rows, total, "mixing", args.quiet),
    )
    if not args.quiet:
        hours = count * config.data.segment_s / 3600.0
        print(f"{count} mixtures, {hours:.2f} h: {manifest}")
    return 0
