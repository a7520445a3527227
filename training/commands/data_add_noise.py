"""`hushgate data add-noise`: copy sound files clean and with noise."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from hushgate.commands.progress_bar import progress_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate data add-noise`."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="folder of sound files, or one; only read"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for clean/, noisy/, manifest.csv",
    )
    parser.add_argument(
        "--noise", action="append", default=[], metavar="NOISE",
        help="white (default; Gaussian static), pink, hum, interference or another generator, or a recording "
        "or folder of recordings; may be repeated: one is drawn for each file",
    )  # fmt: skip
    parser.add_argument(
        "--band-hz", type=float, nargs=2, default=(0.0, 0.0), metavar=("LOW", "HIGH"),
        help="keep only this band of the noise, such as 4000 8000",
    )  # fmt: skip
    parser.add_argument(
        "--snr-db", type=float, nargs="+", default=[0.0, 5.0], metavar="DB",
        help="SNR, or lowest and highest (default 0 5)",
    )  # fmt: skip
    parser.add_argument(
        "--snr-of", choices=("file", "active"), default="file",
        help="power of the clean file: all of it (default), or 20 ms windows within 30 dB of the loudest",
    )  # fmt: skip
    parser.add_argument(
        "--split", metavar="SAMPLES", help="cut into clips of so many samples, such as 2^16 or 65536"
    )
    parser.add_argument(
        "--last",
        choices=("pad", "drop"),
        default="pad",
        help="last clip that is shorter (default pad: zeros)",
    )
    parser.add_argument(
        "--quiet-copies", type=float, default=0.0, metavar="SHARE",
        help="share of the pairs that get a second, quieter pair, 0 to 1 (default 0)",
    )  # fmt: skip
    parser.add_argument(
        "--quiet-db", type=float, nargs=2, default=(-24.0, -6.0), metavar=("LOW", "HIGH"),
        help="gain of quiet copies (default -24 -6)",
    )  # fmt: skip
    parser.add_argument(
        "--shares", default="", metavar="SHARES",
        help="train/val/test, such as 60/20/20; first subfolders stay together (default: all train)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="starts every choice (default 0)")
    parser.add_argument(
        "--skip-unreadable", action="store_true", help="leave out files that cannot be read, and list them"
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")


def run(args: argparse.Namespace) -> int:
    """Run `hushgate data add-noise`; exit status 0.

    Raises:
        OSError, RuntimeError, ValueError: The command failed.
    """
    from hushgate.training.mixtures.noised_files.noise_streams import NoiseSpec
    from hushgate.training.mixtures.noised_files.noised_folder import NoiseJob, add_noise
    from hushgate.training.recordings.manifest import MANIFEST_NAME

    if len(args.snr_db) > 2:
        raise ValueError(f"--snr-db must have one or two values (got {len(args.snr_db)}).")
    band_hz = (args.band_hz[0], args.band_hz[1])
    job = NoiseJob(
        tuple(NoiseSpec(name, band_hz) for name in args.noise or ["white"]),
        snr_db=(args.snr_db[0], args.snr_db[-1]),
        snr_of=args.snr_of,
        clip_samples=0 if args.split is None else parse_samples(args.split),
        last=args.last,
        quiet=args.quiet_copies,
        quiet_db=(args.quiet_db[0], args.quiet_db[1]),
        shares=args.shares,
        seed=args.seed,
    )
    done = add_noise(
        args.folder,
        args.output,
        job,
        skip_unreadable=args.skip_unreadable,
        progress=lambda total: progress_bar("adding noise", total, quiet=args.quiet),
    )
    for path, reason in done.unreadable:
        print(f"hushgate: warning: left out {path}: {reason}", file=sys.stderr)
    if not done.rows:
        raise ValueError(f"no sound could be read in {args.folder}.")
    if not args.quiet:
        hours = sum(float(row["seconds"]) for row in done.rows) / 3600.0
        print(f"{len(done.rows)} pairs, {hours:.2f} h: {args.output / MANIFEST_NAME}")
    return 0


def parse_samples(text: str) -> int:
    """A number of samples, 1 or more, from a text like 65536 or 2^16.

    Raises:
        ValueError: Neither.

    >>> parse_samples("2^16"), parse_samples("48000")
    (65536, 48000)
    """
    match = re.fullmatch(r"(\d{1,10})(?:\^(\d{1,2}))?", text.strip())
    number = int(match[1]) ** int(match[2] or 1) if match else 0
    if not 1 <= number <= 2**31:
        raise ValueError(f"--split must be 1 to 2^31 samples, such as 65536 or 2^16 (got {text!r}).")
    return number
