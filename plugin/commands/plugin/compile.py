"""`hushgate plugin compile`: a weights file from a model file."""

from __future__ import annotations

import argparse
from pathlib import Path

from hushgate.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate plugin compile`."""
    parser.add_argument("model", metavar="MODEL", help="shipped model or model file (.onnx)")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="weights file to write (default: MODEL's name with .hush)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    parser.add_argument(
        "--trust-model", action="store_true", help="lift the limits on model files that did not ship"
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")


def run(args: argparse.Namespace) -> int:
    """Write the weights file; exit status 0.

    Raises:
        FileNotFoundError, ModelError: The model cannot be loaded, or is no hush network; nothing was written.
        OSError: The file cannot be written.
    """
    from hushgate.audio_files.atomic_write import check_target, write_atomically
    from hushgate.engine import load_model
    from hushgate.engine.native.compile_model import compile_model

    target = Path(args.output or Path(args.model).with_suffix(".hush").name)
    check_target(target, overwrite=args.overwrite)
    content = compile_model(load_model(args.model, trusted=args.trust_model))
    write_atomically(target, content, overwrite=args.overwrite)
    if not args.quiet:
        print(f"weights  {printable(target)} ({len(content):,} bytes)")
    return 0
