"""The command `hushgate evaluate`, registered as an entry point."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.commands.progress_bar import progress_bar
from hushgate.training.config.flags import add_config_flags, config_overrides, config_path

if TYPE_CHECKING:
    from hushgate.training.evaluate.sound_pairs import ItemSet
    from hushgate.training.evaluate.systems import System

_DEFAULT_MEASURES = "si_sdr,snr,mse,lsd"
_NOISY = "noisy"


class EvaluateCommand:
    """Measure denoisers on mixtures or on pairs of recordings."""

    help = "measure models, presets and other programs on noisy and clean sound (extra: evaluate)"

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "systems",
            nargs="+",
            metavar="SYSTEM",
            help="shipped model, preset:NAME, .onnx, .ckpt or preset file, or 'program {input} {output}'; "
            "NAME=SYSTEM gives it a name. The noisy input itself is always measured",
        )
        sounds = parser.add_argument_group("on which sound (one of them)")
        sounds.add_argument(
            "--config", metavar="CONFIG", help="mixtures of a configuration: TOML file or shipped name"
        )
        sounds.add_argument(
            "--pairs", type=Path, metavar="DIR", help="folder with clean/ and noisy/, as data mix writes it"
        )
        sounds.add_argument("--clean", type=Path, metavar="DIR", help="clean files, with --noisy")
        sounds.add_argument(
            "--noisy", type=Path, metavar="DIR", help="noisy files of the same names, with --clean"
        )
        mixtures = parser.add_argument_group("mixtures")
        add_config_flags(mixtures, config="CONFIG")
        mixtures.add_argument("--split", default="val", help="train, val or test (default: val)")
        mixtures.add_argument(
            "--examples", type=int, metavar="N", help="how many (default: data.val_examples)"
        )
        mixtures.add_argument(
            "--seed", type=int, default=0, help="of the mixtures; 0 is what training validates with"
        )
        how = parser.add_argument_group("how")
        how.add_argument(
            "--measures",
            default=_DEFAULT_MEASURES,
            metavar="LIST",
            help="of si_sdr, snr, mse, lsd, target_lsd, level_mse, level, upper_level, pesq, stoi, dnsmos, "
            f"visqol, wer, with commas (default: {_DEFAULT_MEASURES})",
        )
        how.add_argument(
            "--texts",
            type=Path,
            metavar="FILE",
            help="for wer: lines of a file's name and what is said in it",
        )
        how.add_argument("--baseline", metavar="NAME", help="compare with this system (default: the first)")
        how.add_argument(
            "--interval",
            default="bootstrap",
            choices=("bootstrap", "t"),
            help="confidence intervals of 95 %%",
        )
        how.add_argument(
            "--max-delay-ms",
            type=float,
            default=150.0,
            metavar="MS",
            help="largest delay of other programs that is taken out (default: 150)",
        )
        how.add_argument(
            "-j", "--jobs", type=int, default=1, metavar="N", help="worker processes (default: 1)"
        )
        how.add_argument(
            "-o", "--output", type=Path, metavar="DIR", help="folder for files.csv, report.md and plots"
        )
        how.add_argument("--no-plots", action="store_true", help="write tables only")
        how.add_argument("--overwrite", action="store_true", help="replace an earlier evaluation")
        how.add_argument("--quiet", action="store_true", help="no progress bar, no table")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        _check(args)
        import tempfile

        from hushgate.audio_files.atomic_write import write_atomically
        from hushgate.training.evaluate.examine import examine_all
        from hushgate.training.evaluate.measures import make_measures
        from hushgate.training.evaluate.report import Results, markdown, overall, write_csv
        from hushgate.training.evaluate.systems import prepare

        measures = [name.strip() for name in args.measures.split(",") if name.strip()]
        columns = [column for measure in make_measures(measures) for column in measure.columns]
        systems = _systems(args.systems)
        baseline = _baseline(args.baseline, systems)
        items, origin = _items(args)
        with (
            tempfile.TemporaryDirectory() as folder,
            progress_bar("evaluating", len(items), quiet=args.quiet) as advance,
        ):
            runnable = [prepare(system, Path(folder)) for system in systems]
            scores = examine_all(
                items,
                runnable,
                measures,
                max_delay_ms=args.max_delay_ms,
                jobs=args.jobs,
                advance=lambda: advance(1),
            )
        results = Results(scores, columns, args.interval)
        if args.output is not None:
            args.output.mkdir(parents=True, exist_ok=True)
            conditions = [
                f"{len(items)} items: {origin}",
                *(f"{system.name}: `{system.source}`" for system in systems),
                f"95 % confidence intervals: {args.interval}",
                f"command: `hushgate {shlex.join(sys.argv[1:])}`",
            ]
            write_csv(results, args.output / "files.csv")
            report = markdown(results, baseline, conditions)
            write_atomically(args.output / "report.md", report)
            if not args.no_plots:
                from hushgate.training.evaluate.plots import write_plots

                write_plots(results, args.output)
        if not args.quiet:
            print(overall(results))
        return 0


def _check(args: argparse.Namespace) -> None:
    chosen = [
        args.config is not None,
        args.pairs is not None,
        args.clean is not None or args.noisy is not None,
    ]
    if sum(chosen) != 1 or (args.clean is None) != (args.noisy is None):
        raise ValueError("evaluate needs one of --config, --pairs, or --clean together with --noisy.")
    if args.jobs < 1:
        raise ValueError(f"--jobs must be 1 or more (got {args.jobs}).")
    if args.examples is not None and args.examples < 1:
        raise ValueError(f"--examples must be 1 or more (got {args.examples}).")
    if not 0.0 <= args.max_delay_ms <= 10_000.0:
        raise ValueError(f"--max-delay-ms must be between 0 and 10000 ms (got {args.max_delay_ms:g}).")
    if args.output is not None and (args.output / "files.csv").exists() and not args.overwrite:
        raise FileExistsError(f"{args.output / 'files.csv'} exists. Use --overwrite to replace it.")


def _systems(texts: list[str]) -> list[System]:
    from hushgate.training.evaluate.systems import parse_system

    systems = [parse_system(text) for text in texts]
    systems = [parse_system(_NOISY), *(system for system in systems if system.source != _NOISY)]
    names = [system.name for system in systems]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two systems are called {name!r}. Give them names: NAME=SYSTEM.")
    return systems


def _baseline(name: str | None, systems: list[System]) -> str:
    names = [system.name for system in systems]
    if name is None:
        # The first system that was named, if there are others to compare with it.
        return names[1] if len(names) > 2 else names[0]
    if name not in names:
        raise ValueError(f"--baseline must be one of {', '.join(names)} (got {name!r}).")
    return name


def _items(args: argparse.Namespace) -> tuple[ItemSet, str]:
    from hushgate.training.evaluate.sound_pairs import MixtureSet, PairSet, read_texts

    if args.config is not None:
        path = config_path(args.config)
        overrides = tuple(config_overrides(args.set, args.data))
        mixtures = MixtureSet(path, overrides, args.split, args.examples, args.seed)
        return mixtures, f"mixtures of {path.name}, split {args.split}, seed {args.seed}"
    texts = read_texts(args.texts) if args.texts is not None else None
    clean = args.pairs / "clean" if args.pairs is not None else args.clean
    noisy = args.pairs / "noisy" if args.pairs is not None else args.noisy
    return PairSet(clean, noisy, texts), f"pairs of {noisy.name} and {clean.name}"
