"""The command `hushgate adapt`, registered as an entry point."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.training.extra import training_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hushgate.training.adapting.fit import Progress

_LINES = 8
_RECORDINGS = (
    ("--noise", "recordings of your noise alone, a minute or more: a file or a folder; may be repeated"),
    ("--target", "clean recordings of the voice or instrument to keep, two minutes or more; may be repeated"),
    ("--noisy", "recordings as they are, where there is nothing clean; may be repeated"),
    (
        "--clean",
        "clean recordings of what the model keeps, in place of the speech that ships; may be repeated",
    ),
)


class AdaptCommand:
    """Adapt a model to one's own recordings."""

    help = "teach a model your noise, your voice or your instrument, in minutes (extra: train)"

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "model", metavar="MODEL", help="shipped model (hushgate models), .onnx file, or checkpoint"
        )
        parser.add_argument(
            "-o", "--output", type=Path, required=True, metavar="MODEL.onnx",
            help="model to write; a card and a page with players come beside it",
        )  # fmt: skip
        for flag, text in _RECORDINGS:
            parser.add_argument(flag, action="append", default=[], metavar="PATH", help=text)
        parser.add_argument(
            "--only-target",
            action="store_true",
            help="keep --target only (experimental: minutes of sound lower other voices by about 1 dB)",
        )
        length = parser.add_mutually_exclusive_group()
        length.add_argument(
            "--minutes", type=float, default=5.0, help="time for training (default: %(default)g)"
        )
        length.add_argument(
            "--steps", type=int, metavar="N", help="training steps instead: the same result on every run"
        )
        parser.add_argument(
            "--preset-out", type=Path, metavar="FILE.toml", help="also write a preset that uses the model"
        )
        parser.add_argument("--resume", action="store_true", help="go on with an interrupted adaptation")
        parser.add_argument(
            "--force", action="store_true", help="write the model even if it is worse, or forgot its task"
        )
        parser.add_argument("--overwrite", action="store_true", help="replace existing files")
        parser.add_argument("--seed", type=int, default=1, help="of the mixtures (default: %(default)d)")
        parser.add_argument(
            "--threads", type=int, default=0, metavar="N", help="threads (default: one on each core)"
        )
        parser.add_argument("--quiet", action="store_true", help="no progress")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        with training_extra("adapt"):
            from hushgate.training.adapting.adapt import Request, run
            from hushgate.training.adapting.errors import AdaptationInterrupted
        request = Request(
            model=args.model,
            output=args.output,
            noise=args.noise,
            target=args.target,
            only_target=args.only_target,
            noisy=args.noisy,
            clean=args.clean,
            minutes=args.minutes,
            steps=args.steps,
            resume=args.resume,
            force=args.force,
            overwrite=args.overwrite,
            preset_output=args.preset_out,
            seed=args.seed,
            threads=args.threads,
        )
        try:
            with _progress(args.quiet) as report:
                adapted = run(request, report)
        except AdaptationInterrupted as interruption:
            print(interruption, file=sys.stderr)
            raise
        print(f"{adapted.model}: {adapted.summary}")
        print(f"{request.page}: listen before and after")
        how = f"--preset {args.preset_out}" if args.preset_out else f"--model {adapted.model}"
        print(f"use it with: hushgate denoise RECORDING {how}")
        return 0


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, lines elsewhere: time left, and the gains of the best so far."""
    from hushgate.commands.progress_bar import progress_bars

    if quiet:
        yield lambda progress: None
        return
    with progress_bars() as bars:
        if bars is None:
            yield _Lines()
            return
        task = bars.add_task("adapting", total=1.0)
        yield lambda progress: bars.update(task, completed=progress.done, description=_gains(progress))


class _Lines:
    """A line for every eighth of the way, on standard error."""

    def __init__(self) -> None:
        self._printed = 0

    def __call__(self, progress: Progress) -> None:
        if int(progress.done * _LINES) == self._printed:
            return
        self._printed = int(progress.done * _LINES)
        left = "" if progress.left_s is None else f", {progress.left_s:.0f} s left"
        print(f"{progress.done:.0%}{left}: {_gains(progress)}", file=sys.stderr, flush=True)


def _gains(progress: Progress) -> str:
    return f"yours {progress.own_gain_db:+.1f} dB, ours {progress.general_gain_db:+.1f} dB"
