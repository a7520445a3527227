"""`hushgate data render`: render instruments with FluidSynth."""

from __future__ import annotations

import argparse
from pathlib import Path

from hushgate.commands.flags.retired_flags import add_retired_flags
from hushgate.training.recordings.manifest import MANIFEST_NAME, SPLITS
from hushgate.training.synthesis.render import COMPOSERS, Choice, render_minutes
from hushgate.training.synthesis.solo_scores import FAMILIES, GUITAR_STYLES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate data render`."""
    parser.add_argument("--kind", required=True, choices=sorted(COMPOSERS))
    parser.add_argument("--minutes", type=float, required=True, metavar="M", help="how much to render")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder for files and manifest.csv"
    )
    add_retired_flags(parser, {"--out": "-o DIR"})
    parser.add_argument("--seed", type=int, default=0, help="starts every choice (default 0)")
    parser.add_argument("--sample-rate", type=int, default=44_100, metavar="HZ", help="default 44100")
    parser.add_argument("--channels", type=int, choices=(1, 2), default=1, help="default 1")
    parser.add_argument("--split", choices=SPLITS, default="train", help="default train")
    parser.add_argument("--format", choices=("flac", "ogg"), default="flac", help="default flac, 16 bit")
    parser.add_argument(
        "--style", action="append", default=[], metavar="NAME",
        help=f"guitar: of {', '.join(GUITAR_STYLES)} (default all); may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--program", action="append", default=[], type=int, metavar="N",
        help="guitar: General MIDI program, 24 (nylon) to 31 (default all); may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--family", action="append", default=[], metavar="NAME",
        help=f"instrument: of {', '.join(FAMILIES)} (default all); may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=float, nargs=2, metavar=("LOW", "HIGH"),
        help="time in which phrases begin; their end and the tail come on top (default: the kind's own)",
    )  # fmt: skip
    parser.add_argument(
        "--as-kind", default="", metavar="KIND", help="kind in the manifest, such as noise (default: --kind)"
    )
    parser.add_argument(
        "--soundfont", type=Path, metavar="FILE", help="General MIDI .sf2 file (default: FluidR3, or "
        "what HUSHGATE_SOUNDFONT names)",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")


def run(args: argparse.Namespace) -> int:
    """Run `hushgate data render`; exit status 0.

    Raises:
        ImportError, OSError, ValueError: FluidSynth or its soundfont is missing, a flag is out of range, or a
            file cannot be written.
    """
    choice = Choice(
        tuple(args.style),
        tuple(args.program),
        tuple(args.family),
        (args.seconds[0], args.seconds[1]) if args.seconds else None,
    )
    rows = render_minutes(
        args.kind,
        args.minutes,
        args.output,
        seed=args.seed,
        sample_rate=args.sample_rate,
        num_channels=args.channels,
        split=args.split,
        suffix=args.format,
        choice=choice,
        as_kind=args.as_kind,
        soundfont=args.soundfont,
    )
    total = sum(row.seconds for row in rows) / 60.0
    if not args.quiet:
        print(f"{len(rows)} {args.kind} files, {total:.1f} minutes, in {args.output / MANIFEST_NAME}")
    return 0
