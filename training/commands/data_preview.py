"""`hushgate data preview`: draw spectrograms of clean, noisy and added noise."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.commands.flags.retired_flags import add_retired_flags
from hushgate.training.commands.data_flags import add_source

if TYPE_CHECKING:
    from hushgate.training.mixtures.mixture_record import MixtureRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate data preview`."""
    add_source(parser, optional=True)
    parser.add_argument("--index", type=int, default=0, metavar="N", help="number of the mixture (default 0)")
    parser.add_argument("--clean", type=Path, metavar="FILE", help="instead of a configuration: a clean file")
    parser.add_argument("--noisy", type=Path, metavar="FILE", help="and its noisy take")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="picture: .png, .pdf, .svg or .jpg"
    )
    add_retired_flags(parser, {"--figure": "-o FILE"})
    parser.add_argument("--overwrite", action="store_true", help="replace an existing picture")
    parser.add_argument(
        "--stft",
        action="append",
        default=[],
        metavar="FRAME/HOP",
        help="frame and hop in samples, a row each; may be repeated (default 512/128)",
    )
    parser.add_argument("--window", default="hann", help="as SciPy names it (default hann)")
    parser.add_argument("--range-db", type=float, default=80.0, metavar="DB", help="default 80")
    parser.add_argument("--scale", choices=("linear", "log"), default="linear", help="of the frequencies")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")


def run(args: argparse.Namespace) -> int:
    """Run `hushgate data preview`; exit status 0.

    Raises:
        OSError, RuntimeError, ValueError: The command failed.
    """
    from hushgate.pictures.figures import check_figure_path, save_figure
    from hushgate.training.mixtures.preview_plot import draw_preview, parse_stft

    check_figure_path(args.output, overwrite=args.overwrite)
    settings = [parse_stft(text, args.window) for text in args.stft or ["512/128"]]
    if (args.config is None) == (args.clean is None) or (args.clean is None) != (args.noisy is None):
        raise ValueError("preview must be given either CONFIG, or --clean and --noisy.")
    if args.config is None:
        from hushgate.training.mixtures.preview_plot import read_pair

        clean, noisy, sample_rate = read_pair(args.clean, args.noisy)
        title = f"{args.clean.name}, {args.noisy.name}"
    else:
        from hushgate.training.corpora.prepared_config import find_config
        from hushgate.training.mixtures.full_band_mixer import make_mixer

        config = find_config(args.config, args.data, args.set)
        mixer = make_mixer(config.data, config.mix, args.split)
        mixture = mixer.mixture(args.seed, args.index)
        clean, noisy, sample_rate = mixture.clean, mixture.noisy, mixer.rate
        title = f"{args.config}, {args.split}, seed {args.seed}, mixture {args.index}: "
        title += _describe(mixture.record)
    figure = draw_preview(
        clean, noisy, sample_rate, settings, range_db=args.range_db, scale=args.scale, title=title
    )
    save_figure(figure, args.output)
    if not args.quiet:
        print(f"figure   {args.output}")
    return 0


def _describe(record: MixtureRecord) -> str:
    # The last two parts of a path, class and file, identify a noise.
    short = ("/".join(name.split("/")[-2:]) for name in record.noises)
    noises = ", ".join(dict.fromkeys(short)) or "no noise"
    return noises if math.isnan(record.snr_db) else f"{noises} at {record.snr_db:.1f} dB SNR"
