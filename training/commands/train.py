"""The command `hushgate train`, registered as an entry point."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from hushgate.training.config.flags import add_config_flags, config_overrides, config_path
from hushgate.training.extra import training_extra


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
            help="start a new training from the weights of a checkpoint or of an exported .onnx file",
        )
        parser.add_argument("--quiet", action="store_true", help="no progress bar")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        with training_extra("train"):
            from hushgate.training.config.schema import load_config

        path = config_path(args.config)
        config = load_config(path, config_overrides(args.set, args.data))
        with training_extra("train"):
            from hushgate.training.fitting.trainer import train
        output = args.output or Path("runs") / path.stem
        progress = not args.quiet and sys.stderr.isatty()
        last = train(config, output, resume=args.resume, init_from=args.init_from, progress=progress)
        # With torchrun only the first process prints.
        if int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) == 0:
            print(f"{last}: export it with: hushgate export {last} -o MODEL.onnx")
        return 0
