"""The command `hushgate train`, registered as an entry point."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.training.config.flags import add_config_flags, config_overrides, config_path
from hushgate.training.extra import training_extra

if TYPE_CHECKING:
    from hushgate.training.config.schema import Config


class TrainCommand:
    """Train a model from a configuration."""

    help = "train a model from a TOML configuration (extra: train)"

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "config", type=Path, metavar="CONFIG", help="TOML file, or the name of a shipped one"
        )
        parser.add_argument(
            "-o", "--output", type=Path, metavar="DIR", help="checkpoints and logs (default: runs/CONFIG)"
        )
        add_config_flags(parser)
        start = parser.add_mutually_exclusive_group()
        start.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
        start.add_argument(
            "--init-from",
            type=Path,
            metavar="FILE",
            help="start from the weights of a shipped model, a checkpoint or an exported .onnx file",
        )
        parser.add_argument("--quiet", action="store_true", help="no progress bar")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        with training_extra("train"):
            from hushgate.training.config.schema import load_config

        path = config_path(args.config)
        config = load_config(path, config_overrides(args.set, args.data))
        is_shipped = not args.config.suffix
        _check_folders(config, args.config)
        if is_shipped and args.data:
            config = _fitted(config)
        with training_extra("train"):
            from hushgate.training.fitting.trainer import train
        output = args.output or Path("runs") / path.stem
        progress = not args.quiet and sys.stderr.isatty()
        try:
            last = train(config, output, resume=args.resume, init_from=args.init_from, progress=progress)
        except (KeyboardInterrupt, SystemExit):  # Lightning exits after a Ctrl-C
            _say_how_to_go_on(config, output)
            raise
        # With torchrun only the first process prints.
        if int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) == 0:
            print(f"{last}: export it with: hushgate export {last} -o MODEL.onnx")
        return 0


def _check_folders(config: Config, name: Path) -> None:
    """Say where recordings come from if those of the configuration are missing.

    Raises:
        FileNotFoundError: A folder does not exist.
    """
    missing = [folder for folder in config.data.folders if not Path(folder).exists()]
    if not missing and config.data.folders:
        return
    what = f"{missing[0]} does not exist" if missing else "data.folders is empty"
    raise FileNotFoundError(
        f"{name} needs recordings, and {what}. Name a folder of your own with --data FOLDER (clean ones in "
        "its subfolder speech/, noise in noise/), or make one with hushgate data prepare (docs/data.md). "
        "To teach a shipped model your noise or voice with a minute of recordings: hushgate adapt."
    )


def _fitted(config: Config) -> Config:
    """A shipped configuration for the user's folders; prints what is different."""
    from hushgate.training.mixtures.usable_sources import fit_to_recordings

    fitted = fit_to_recordings(config.mix, config.data.folders)
    if fitted.changes and int(os.environ.get("RANK", "0")) == 0:
        print(f"{', '.join(config.data.folders)}: {'; '.join(fitted.changes)}", file=sys.stderr)
    return dataclasses.replace(config, mix=fitted.mix)


def _say_how_to_go_on(config: Config, output: Path) -> None:
    if (output / "last.ckpt").is_file():
        print(f"{output} has a checkpoint: the same command with --resume goes on.", file=sys.stderr)
        return
    steps = config.train.steps_per_epoch
    print(
        f"No checkpoint yet: the first comes after {steps} steps. "
        f"--set train.steps_per_epoch={max(1, steps // 10)} writes them more often.",
        file=sys.stderr,
    )
