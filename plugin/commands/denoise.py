"""`hushgate denoise`: one sound file in, its cleaned twin out."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.commands.parameter_flags import add_parameter_flags, given_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from hushgate.audio_files.open_audio import AudioFormat, AudioReader, AudioWriter
    from hushgate.effects.chain import Chain
    from hushgate.effects.denoiser import Denoiser
    from hushgate.engine.parameters import Value

PIPE = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate denoise`."""
    parser.add_argument("input", metavar="INPUT", help="sound file, or - for WAV on standard input")
    parser.add_argument(
        "-o",
        "--output-file",
        metavar="FILE",
        help="where to write, or - for WAV on standard output (default: INPUT's name with .denoised)",
    )
    parser.add_argument(
        "--preset", metavar="NAME|FILE", help="shipped preset or preset file; flags change its denoiser"
    )
    parser.add_argument(
        "--model", metavar="NAME|PATH", help="shipped model or model file (default: the preset's, or voice)"
    )
    parser.add_argument("--subtype", metavar="NAME", help="sample format, such as PCM_24 (default: INPUT's)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output file")
    parser.add_argument(
        "--allow-truncated", action="store_true", help="clean what is there of a file that is cut short"
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    add_parameter_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Denoise a file and say what was done; exit status 0.

    Raises:
        OSError, ValueError, RuntimeError: Whatever kept it from being done, in one line.
    """
    from hushgate.audio_files.open_audio import open_input, open_output
    from hushgate.pedalboard_compat.streaming import stream
    from hushgate.rendering import check_streamable

    parameters = given_parameters(args)
    with open_input(args.input, allow_truncated=args.allow_truncated) as reader:
        target = args.output_file or _default_target(args.input, parameters.get("output") == "residual")
        if target == PIPE and sys.stdout.isatty():
            raise ValueError("standard output is a terminal. Name a file with -o, or pipe the output on.")
        effect = _make_effect(args.preset, args.model, parameters)
        check_streamable(effect)
        form = reader.format
        with open_output(target, form, args.input, subtype=args.subtype, overwrite=args.overwrite) as writer:
            before, after = _Level(), _Level()
            started = time.perf_counter()
            with _progress(args, form) as advance:
                blocks = before.measured(reader.blocks())
                for block in after.measured(stream(effect, blocks, form.sample_rate, 65_536)):
                    writer.write(block)
                    advance(block.shape[1])
            elapsed_s = time.perf_counter() - started
            if before.num_samples == 0:
                raise ValueError(f"{args.input} holds no sound.")
    for fault in _faults(args.input, reader, effect, writer):
        print(f"hushgate: warning: {fault}", file=sys.stderr)
    if not args.quiet and target != PIPE:
        print("\n".join(_summary(args, target, form, effect, before, after, elapsed_s)))
    return 0


def _make_effect(preset: str | None, model: str | None, parameters: Mapping[str, Value]) -> Denoiser | Chain:
    """A `Denoiser`, or a preset's chain; what was given on the command line goes before the preset."""
    if preset is None:
        from hushgate.effects.denoiser import Denoiser

        return Denoiser(model or "voice", **parameters)  # type: ignore[arg-type]
    from hushgate.effects.chain import Chain
    from hushgate.effects.preset_file import read_preset

    settings = dict(parameters) if model is None else {"model": model, **parameters}
    return Chain(read_preset(preset).make_effects(**settings))


def _default_target(source: str, is_residual: bool) -> str:
    if source == PIPE:
        return PIPE
    path = Path(source)
    kind = "residual" if is_residual else "denoised"
    # A name without extension must keep none: the extension decides the format.
    return str(path.with_name(f"{path.stem}.{kind}{path.suffix}" if path.suffix else f"{path.name}-{kind}"))


class _Level:
    """RMS level of everything that passes by."""

    def __init__(self) -> None:
        self.num_samples = 0
        self._num_values = 0
        self._energy = 0.0

    def measured(self, blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Hand blocks on unchanged, and count their energy; what is no number counts as silence."""
        import numpy as np

        for block in blocks:
            energy = float(np.sum(np.square(block, dtype=np.float64)))
            if not math.isfinite(energy):
                energy = float(np.sum(np.square(block[np.isfinite(block)], dtype=np.float64)))
            self._energy += energy
            self._num_values += block.size
            self.num_samples += block.shape[1]
            yield block

    @property
    def dbfs(self) -> float:
        """Level of a full-scale square wave is 0 dBFS; -inf for silence."""
        return 10.0 * math.log10(self._energy / self._num_values) if self._energy > 0.0 else -math.inf


def _summary(
    args: argparse.Namespace,
    target: str,
    form: AudioFormat,
    effect: Denoiser | Chain,
    before: _Level,
    after: _Level,
    elapsed_s: float,
) -> list[str]:
    from hushgate.effects.serialization import find_denoisers

    duration_s = before.num_samples / form.sample_rate
    latency_ms = 1000.0 * effect.latency_samples / form.sample_rate
    removed = f" ({before.dbfs - after.dbfs:z.1f} dB removed)" if after.dbfs > -math.inf else ""
    factor = max(elapsed_s, 1e-9) / duration_s
    models = ", ".join(denoiser.model for denoiser in find_denoisers(effect)) or "none"
    return [
        f"input    {args.input} ({form}, {duration_s:.2f} s)",
        f"output   {target}",
        *([f"preset   {args.preset}"] if args.preset else []),
        f"model    {models}, latency {latency_ms:.1f} ms ({effect.latency_samples} samples), taken out",
        f"level    {before.dbfs:.1f} dBFS -> {after.dbfs:.1f} dBFS{removed}",
        f"speed    {1.0 / factor:.0f} times real time (real-time factor {factor:.4f})",
    ]


def _faults(source: str, reader: AudioReader, effect: Denoiser | Chain, writer: AudioWriter) -> list[str]:
    """What the user must know about the result, one sentence each."""
    from hushgate.effects.serialization import find_denoisers

    faults = [*reader.warnings, *writer.warnings]
    if effect.num_nonfinite:
        faults.append(f"{source}: samples that were no numbers and became silence: {effect.num_nonfinite}.")
    for denoiser in find_denoisers(effect):
        if denoiser.num_faulty_frames:
            faults.append(
                f"{denoiser.model}: frames in which the model failed, now silent: "
                f"{denoiser.num_faulty_frames}."
            )
    if writer.num_clipped:
        faults.append(
            f"samples beyond full scale, clipped in {writer.format.subtype}: {writer.num_clipped}. "
            "Use --subtype FLOAT, or turn the input down."
        )
    return faults


@contextlib.contextmanager
def _progress(args: argparse.Namespace, form: AudioFormat) -> Iterator[Callable[[int], None]]:
    """A bar on standard error when a person sits before it; else nothing."""
    if args.quiet or not (sys.stderr.isatty() and sys.stdout.isatty()):
        yield lambda num_samples: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %")]
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(Path(args.input).name, total=form.num_samples)
        yield lambda num_samples: progress.advance(task, num_samples)
