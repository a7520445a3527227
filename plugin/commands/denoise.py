"""`hushgate denoise`: clean one sound file."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.commands.make_effect import add_effect_flags, make_effect
from hushgate.commands.progress_bar import progress_bar
from hushgate.commands.retired_flags import add_retired_flags, output_path
from hushgate.printable import printable

if TYPE_CHECKING:
    from hushgate.audio_files.open_audio import AudioFormat, Excerpt

PIPE = "-"
_CLIP_REMEDY = "Use --subtype FLOAT, or turn the input down."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate denoise`."""
    parser.add_argument("input", metavar="INPUT", help="sound file or film, or - for WAV on standard input")
    parser.add_argument(
        "-o",
        "--output",
        type=output_path,
        metavar="FILE",
        help="where to write, or - for WAV on standard output (default: INPUT's name with .denoised)",
    )
    parser.add_argument("--subtype", metavar="NAME", help="sample format, such as PCM_24 (default: INPUT's)")
    parser.add_argument("--start", metavar="TIME", help="begin here, seconds or h:mm:ss")
    parser.add_argument("--end", metavar="TIME", help="end here, seconds or h:mm:ss")
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
    """Denoise a file and print what was done; exit status 0.

    Raises:
        OSError, ValueError, RuntimeError: The file was not denoised; the reason in one line.
    """
    from hushgate.audio_files.open_audio import open_input, open_output
    from hushgate.rendering import check_streamable
    from hushgate.rendering.file_loop import FileLoop
    from hushgate.rendering.summary import columns, summarize

    excerpt = _excerpt(args.start, args.end)
    with open_input(
        args.input, allow_truncated=args.allow_truncated, raw=args.raw, excerpt=excerpt
    ) as reader:
        target = args.output or _default_target(args.input, args.residual, reader.format, excerpt)
        if target == PIPE and sys.stdout.isatty():
            raise ValueError("standard output is a terminal. Name a file with -o, or pipe the output on.")
        effect = make_effect(args)
        check_streamable(effect)
        source = reader.format
        loop = FileLoop(effect, reader, args.input, measure=True)
        with open_output(
            target, source, args.input, subtype=args.subtype, overwrite=args.overwrite, excerpt=excerpt
        ) as writer:
            started = time.perf_counter()
            with progress_bar(Path(args.input).name, source.num_samples, quiet=args.quiet) as advance:
                for block in loop.blocks():
                    writer.write(block)
                    advance(block.shape[1])
            elapsed_s = time.perf_counter() - started
    for warning in loop.warnings(writer, clip_remedy=_CLIP_REMEDY):
        print(f"hushgate: warning: {printable(warning)}", file=sys.stderr)
    if not args.quiet and target != PIPE:
        summary = summarize(effect, loop, elapsed_s, writer.num_clipped)
        files = [
            ("input", f"{args.input} ({source}, {loop.num_samples / source.sample_rate:.2f} s)"),
            ("output", target),
            *([("preset", args.preset)] if args.preset else []),
        ]
        for line in columns([*files, *summary.lines()]):
            print(printable(line))
    return 0


def _excerpt(start: str | None, end: str | None) -> Excerpt | None:
    from hushgate.audio_files.open_audio import Excerpt, parse_time

    if start is None and end is None:
        return None
    return Excerpt(parse_time(start or "0"), None if end is None else parse_time(end))


def _default_target(source: str, is_residual: bool, format: AudioFormat, excerpt: Excerpt | None) -> str:
    """INPUT's name with .denoised, and its extension or that of the nearest format that can be written."""
    from hushgate.audio_files.formats import FILM_SUFFIXES, writable_suffix

    if source == PIPE:
        return PIPE
    path = Path(source)
    kind = "residual" if is_residual else "denoised"
    # The extension decides the format, so a name without one must not get one.
    if not path.suffix:
        return str(path.with_name(f"{path.name}-{kind}"))
    suffix = writable_suffix(format, path)
    if excerpt is not None and suffix.lower() in FILM_SUFFIXES:  # films are not cut: the sound alone
        suffix = ".m4a"
    return str(path.with_name(f"{path.stem}.{kind}{suffix}"))
