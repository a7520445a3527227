"""`hushgate denoise`: clean one sound file."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.commands.flags.retired_flags import add_retired_flags, output_path
from hushgate.commands.flags.time_flags import add_time_flags
from hushgate.commands.make_effect import (
    add_effect_flags,
    add_loudness_flag,
    given_loudness,
    make_effect,
    warn_of_gate_off,
)
from hushgate.commands.parser import error_line, in_flags
from hushgate.commands.progress_bar import progress_bar
from hushgate.errors import interruptions_unwrapped
from hushgate.printable import printable

if TYPE_CHECKING:
    from hushgate.audio_files.open_audio import AudioFormat, Excerpt
    from hushgate.rendering.file_loop import Block

PIPE = "-"
_KINDS = ("denoised", "residual")
_CLIP_REMEDY = "Use --subtype FLOAT, or turn the input down."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate denoise`."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="sound file, film or folder of them, or - for WAV on standard input",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=output_path,
        metavar="PATH",
        help="file or folder, or - for WAV on standard output (default: INPUT's name with .denoised, or "
        ".residual with --residual)",
    )
    parser.add_argument("--subtype", metavar="NAME", help="sample format, such as PCM_24 (default: INPUT's)")
    add_loudness_flag(parser)
    add_time_flags(parser)
    parser.add_argument(
        "--raw",
        metavar="RATE,CHANNELS,FORMAT",
        help="INPUT is samples without a header, such as 48000,2,s16le (u8 s8 s16 s24 s32 f32 f64, le or be)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output file")
    parser.add_argument(
        "--allow-truncated", action="store_true", help="clean what is there of a file that is cut short"
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    add_effect_flags(parser, residual="write what is removed instead of what is left")
    add_retired_flags(parser, {"--output-file": "-o FILE", "--output-residual": "--residual"})


def run(args: argparse.Namespace) -> int:
    """Denoise files and print what was done; exit status 0, or 1 when one of several failed.

    Raises:
        OSError, ValueError, RuntimeError: The file was not denoised; the reason in one line.
    """
    inputs = _inputs(args.inputs)
    warn_of_gate_off(args)
    if args.output is not None and args.output.endswith(os.sep) and not _names_folder(args.output):
        raise NotADirectoryError(f"the folder {args.output} does not exist. Make it first.")
    if len(inputs) == 1 and not _names_folder(args.output):
        _denoise(args, inputs[0], args.output)
        return 0
    if PIPE in inputs or args.output == PIPE:
        raise ValueError("standard input and output take one sound. Name a folder with -o.")
    if args.output is not None and not Path(args.output).is_dir():
        raise NotADirectoryError(
            f"{args.output} is no folder, and {len(inputs)} inputs need one. Make it first."
        )
    num_failed = 0
    for number, source in enumerate(inputs):
        if number and not args.quiet:
            print()
        try:
            with interruptions_unwrapped():
                _denoise(args, source, None)
        except Exception as error:  # one bad file never stops the rest
            if args.debug or len(inputs) == 1:
                raise
            num_failed += 1
            print(f"hushgate: error: {printable(error_line(error))}", file=sys.stderr)
    return 1 if num_failed else 0


def _denoise(args: argparse.Namespace, path: str, output: str | None) -> None:
    """Denoise one file to `output`; None for its usual name, in the folder of `-o` if that names one."""
    from hushgate.audio_files.excerpt import given_excerpt
    from hushgate.audio_files.open_audio import open_input, open_output
    from hushgate.effects.preset_or_model import loudness_of
    from hushgate.rendering import check_streamable
    from hushgate.rendering.file_loop import FileLoop
    from hushgate.rendering.loudness import LoudnessNormalizer, normalized
    from hushgate.rendering.summary import columns, summarize

    excerpt = given_excerpt(args.start, args.end)
    lufs = loudness_of(given_loudness(args), None if args.residual else args.preset)
    with contextlib.ExitStack() as files:
        reader = files.enter_context(
            open_input(path, allow_truncated=args.allow_truncated, raw=args.raw, excerpt=excerpt)
        )
        source = reader.format
        target = output or _default_target(path, args.residual, source, excerpt, args.output)
        if target == PIPE and sys.stdout.isatty():
            raise ValueError("standard output is a terminal. Name a file with -o, or pipe the output on.")
        effect = make_effect(args)
        check_streamable(effect)
        loop = FileLoop(effect, reader, path, measure=True, learn=path != PIPE)
        writer = files.enter_context(
            open_output(target, source, path, subtype=args.subtype, overwrite=args.overwrite, excerpt=excerpt)
        )
        normalizer = None
        if lufs is not None:
            folder = None if target == PIPE else Path(target).parent
            normalizer = files.enter_context(
                LoudnessNormalizer(source.sample_rate, source.num_channels, lufs, folder=folder)
            )
        started = time.perf_counter()
        with progress_bar(Path(path).name, source.num_samples, quiet=args.quiet) as advance:
            for block in normalized(_advancing(loop.blocks(), advance), normalizer):
                writer.write(block)
        writer.complete()
        elapsed_s = time.perf_counter() - started
        # Before the output gets its name: if nothing can be printed, the command fails, and leaves none.
        for warning in loop.warnings(writer, clip_remedy=_CLIP_REMEDY):
            print(f"hushgate: warning: {printable(in_flags(warning))}", file=sys.stderr)
        if args.quiet or target == PIPE:
            return
        loudness = normalizer.figures if normalizer else None
        summary = summarize(effect, loop, elapsed_s, writer.num_clipped, loudness)
        names = [
            ("input", f"{path} ({source}, {loop.num_samples / source.sample_rate:.2f} s)"),
            ("output", target),
            *([("preset", args.preset)] if args.preset else []),
        ]
        for line in columns([*names, *summary.lines()]):
            print(printable(line))
        sys.stdout.flush()


def _advancing(blocks: Iterable[Block], advance: Callable[[float], None]) -> Iterator[Block]:
    for block in blocks:
        yield block
        advance(block.shape[1])


def _inputs(paths: Sequence[str]) -> list[str]:
    """The files to denoise: those that were named, and the recordings in folders that were named."""
    if not any(os.path.isdir(path) for path in paths):
        return list(paths)
    from hushgate.audio_files.formats.containers import AUDIO_SUFFIXES

    found: list[str] = []
    for path in paths:
        if not os.path.isdir(path):
            found.append(path)
            continue
        names = sorted(entry.name for entry in os.scandir(path) if entry.is_file())
        inside = [
            os.path.join(path, name)
            for name in names
            if Path(name).suffix.lower() in AUDIO_SUFFIXES
            and Path(name).stem.rpartition(".")[2] not in _KINDS
            and not name.startswith(".")
        ]
        if not inside:
            raise FileNotFoundError(f"{path} holds no sound file. hushgate batch -r looks into its folders.")
        found += inside
    return found


def _names_folder(output: str | None) -> bool:
    return output is not None and os.path.isdir(output)


def _default_target(
    source: str, is_residual: bool, format: AudioFormat, excerpt: Excerpt | None, folder: str | None
) -> str:
    """INPUT's name with .denoised, and its extension or that of the nearest format that can be written."""
    from hushgate.audio_files.formats.containers import FILM_SUFFIXES, writable_suffix

    if source == PIPE:
        return PIPE
    path = Path(source) if folder is None else Path(folder) / Path(source).name
    kind = "residual" if is_residual else "denoised"
    # The extension decides the format, so a name without one must not get one.
    if not path.suffix:
        return str(path.with_name(f"{path.name}-{kind}"))
    suffix = writable_suffix(format, path)
    if excerpt is not None and suffix.lower() in FILM_SUFFIXES:  # films are not cut: the sound alone
        suffix = ".m4a"
    return str(path.with_name(f"{path.stem}.{kind}{suffix}"))
