"""The command `hushgate export`, registered as an entry point."""

from __future__ import annotations

import argparse
from pathlib import Path

from hushgate.training.extra import training_extra


class ExportCommand:
    """Turn a checkpoint into a model file."""

    help = "turn a checkpoint into an ONNX model, checked against PyTorch (extra: train)"

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "checkpoint", type=Path, metavar="CHECKPOINT", help="last.ckpt or best.ckpt of a run"
        )
        parser.add_argument(
            "-o", "--output", type=Path, required=True, metavar="MODEL.onnx", help="file to write"
        )
        parser.add_argument(
            "--average", type=Path, nargs="+", default=[], metavar="MODEL",
            help="average its weights with those of what it was trained on from, in equal shares: "
            "checkpoints, .onnx files, names of shipped models",
        )  # fmt: skip
        parser.add_argument(
            "--without-upper", action="store_true",
            help="leave out the head for the bands above the network's bins: one gain holds there",
        )  # fmt: skip
        parser.add_argument("--overwrite", action="store_true", help="replace an existing file")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        if args.output.exists() and not args.overwrite:
            raise FileExistsError(f"{args.output} exists. Use --overwrite to replace it.")
        if not args.output.parent.is_dir():
            raise FileNotFoundError(f"folder {args.output.parent} does not exist.")
        with training_extra("export"):
            from hushgate.training.exporting.checkpoint import export_checkpoint
        info = export_checkpoint(
            args.checkpoint, args.output, args.average, without_upper=args.without_upper
        ).info
        print(
            f"{args.output}: {info.name}, {info.num_parameters:,} parameters, "
            f"{info.latency_ms:g} ms latency, the same as in PyTorch"
        )
        return 0
