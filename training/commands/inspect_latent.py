"""The command `hushgate inspect-latent`, registered as an entry point."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.commands.flags.retired_flags import add_retired_flags
from hushgate.training.extra import training_extra

if TYPE_CHECKING:
    from hushgate.training.evaluate.latent_code import CodeStatistics


class InspectLatentCommand:
    """Print and plot the use of an autoencoder's code."""

    help = "measure which dimensions of an autoencoder's code are used (extra: train; pictures: plot)"

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "model", type=Path, metavar="CKPT|ONNX", help="checkpoint, or exported model, with a code"
        )
        parser.add_argument(
            "--data",
            type=Path,
            action="append",
            required=True,
            metavar="DIR",
            help="folder with recordings, or a manifest; may be repeated",
        )
        parser.add_argument(
            "--limit",
            type=int,
            default=200,
            metavar="N",
            help="recordings to use, spread evenly (default: 200)",
        )
        parser.add_argument(
            "--unused-below",
            type=float,
            default=0.01,
            metavar="SHARE",
            help="a dimension is unused below this share of the largest spread (default: 0.01)",
        )
        parser.add_argument(
            "-o", "--output", type=Path, metavar="DIR", help="folder for code.csv and code.png (extra: plot)"
        )
        add_retired_flags(parser, {"--csv": "-o DIR", "--plot": "-o DIR"})
        parser.add_argument("--no-plots", action="store_true", help="write the table only")
        parser.add_argument("--overwrite", action="store_true", help="replace existing files")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        if args.limit < 1:
            raise ValueError(f"limit must be at least 1 recording (got {args.limit}).")
        table, picture = _outputs(args.output, not args.no_plots, args.overwrite)
        with training_extra("inspect-latent"):
            import numpy as np

            from hushgate.pictures.figures import save_figure
            from hushgate.training.evaluate.latent_code import (
                CodeStatistics,
                collect_codes,
                load_encoder,
                plot_codes,
                write_csv,
            )
            from hushgate.training.recordings.clips import list_clips
        files = [clip.path for location in args.data for clip in list_clips(location)]
        chosen = np.linspace(0, len(files) - 1, min(args.limit, len(files))).astype(int)
        encoder = load_encoder(args.model)
        codes = collect_codes(encoder, [files[index] for index in chosen])
        statistics = CodeStatistics.of(codes, args.unused_below)
        print("\n".join(_table(statistics)))
        print(
            f"{statistics.num_codes:,} codes of {statistics.mean.size} dimensions, "
            f"{int(statistics.unused.sum())} unused, {statistics.effective:.1f} effective"
        )
        if table is not None:
            table.parent.mkdir(parents=True, exist_ok=True)
            write_csv(statistics, table)
        if picture is not None:
            save_figure(plot_codes(statistics, args.model.name), picture)
        return 0


def _outputs(folder: Path | None, with_plot: bool, overwrite: bool) -> tuple[Path | None, Path | None]:
    """Table and picture to write, each None where it is not wanted; refused before the work begins."""
    if folder is None:
        return None, None
    table, picture = folder / "code.csv", folder / "code.png" if with_plot else None
    for path in (table, picture):
        if path is not None and path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists. Use --overwrite to replace it.")
    if picture is not None:
        importlib.import_module("matplotlib")
    return table, picture


def _table(statistics: CodeStatistics) -> list[str]:
    rows = zip(statistics.mean, statistics.spread, statistics.unused, strict=True)
    return [
        f"{'dimension':>9}  {'mean':>10}  {'spread':>10}",
        *(
            f"{number:>9}  {mean:>10.4g}  {spread:>10.4g}{'  unused' if idle else ''}"
            for number, (mean, spread, idle) in enumerate(rows)
        ),
    ]
