"""`hushgate data rooms`: simulate room responses."""

from __future__ import annotations

import argparse
from pathlib import Path

from hushgate.training.commands.data_flags import with_progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate data rooms`."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the files and manifest.csv",
    )
    parser.add_argument("--num", type=int, default=100, metavar="N", help="how many rooms (default 100)")
    parser.add_argument("--seed", type=int, default=0, help="starts every choice (default 0)")
    parser.add_argument("--sample-rate", type=int, default=16_000, metavar="HZ", help="default 16000")
    parser.add_argument("--split", choices=("train", "val", "test"), default="train")
    for flag, (low, high), text in (
        ("--width-m", (2.5, 10.0), "walls"),
        ("--height-m", (2.2, 4.0), "ceiling"),
        ("--rt60-s", (0.1, 0.8), "reverberation time (fall by 60 dB)"),
        ("--distance-m", (0.3, 3.0), "source to microphone"),
    ):
        parser.add_argument(
            flag,
            type=float,
            nargs=2,
            default=(low, high),
            metavar=("LOW", "HIGH"),
            help=f"{text} (default {low:g} {high:g})",
        )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")


def run(args: argparse.Namespace) -> int:
    """Run `hushgate data rooms`; exit status 0.

    Raises:
        OSError, RuntimeError, ValueError: The command failed.
    """
    from hushgate.training.mixtures.rooms import RoomRange
    from hushgate.training.mixtures.write_rooms import write_rooms

    rooms = RoomRange(tuple(args.width_m), tuple(args.height_m), tuple(args.rt60_s), tuple(args.distance_m))
    manifest = write_rooms(
        rooms,
        args.output,
        args.num,
        seed=args.seed,
        sample_rate=args.sample_rate,
        split=args.split,
        progress=lambda rows, total: with_progress(rows, total, "simulating", args.quiet),
    )
    if not args.quiet:
        print(f"{args.num} rooms: {manifest}")
    return 0
