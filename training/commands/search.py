"""The command `hushgate search`, registered as an entry point."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from hushgate.training.config.flags import add_config_flags, config_overrides, config_path


class SearchCommand:
    """Search for a configuration's best settings."""

    help = "search for the best settings of a configuration (extras: train, search)"

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "config", type=Path, metavar="CONFIG", help="TOML file with a [search] table, or a shipped one"
        )
        parser.add_argument(
            "-o",
            "--output",
            type=Path,
            metavar="DIR",
            help="trials and results (default: runs/CONFIG-search)",
        )
        add_config_flags(parser)
        parser.add_argument(
            "--storage",
            metavar="PLACE",
            help="study to begin or go on with: SQLite file, journal (*.log) or database URL "
            "(default: study.db in the output folder); processes that name the same one share the work",
        )
        parser.add_argument("--trials", type=int, metavar="N", help="trials in all, instead of search.trials")
        parser.add_argument("--no-plots", action="store_true", help="do not draw the study")
        parser.add_argument("--quiet", action="store_true", help="no progress bars, no messages of trials")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from hushgate.training.config.toml_tables import read_values

        path = config_path(args.config)
        overrides = config_overrides(args.set, args.data)
        if args.trials is not None:
            overrides.append(f"search.trials={args.trials}")
        values = read_values(path, overrides)
        try:
            import optuna

            from hushgate.training.search.study import search, write_best
        except ModuleNotFoundError as error:
            raise RuntimeError(
                f"hushgate search needs two extras: pip install 'hushgate[train,search]' ({error})."
            ) from error
        # Optuna warns that parallel sampling and heartbeats are experimental.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if args.quiet:
            optuna.logging.set_verbosity(optuna.logging.ERROR)
        output = args.output or Path("runs") / f"{path.stem}-search"
        study = search(
            values,
            output,
            storage=args.storage,
            source=str(path),
            progress=not args.quiet and sys.stderr.isatty(),
        )
        if not study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)):
            print("every trial is taken by another process, and none is finished yet")
            return 0
        write_best(study, values, output / "best.toml")
        if not args.no_plots:
            from hushgate.training.search.plots import write_plots

            monitor = values.get("search", {}).get("monitor", "val/loss")
            write_plots(study, monitor, output)
        print(
            f"{output / 'best.toml'}: trial {study.best_trial.number} of {len(study.trials)}, "
            f"{study.best_value:.4g}; train it with: hushgate train {output / 'best.toml'}"
        )
        return 0
