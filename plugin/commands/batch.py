"""`hushgate batch`: clean many sound files."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from hushgate.commands.flags.parameter_flags import given_parameters
from hushgate.commands.flags.retired_flags import add_retired_flags
from hushgate.commands.make_effect import (
    add_effect_flags,
    add_loudness_flag,
    given_device,
    given_loudness,
    trust,
    warn_of_gate_off,
)
from hushgate.commands.parser import in_flags
from hushgate.commands.progress_bar import progress_bars
from hushgate.printable import printable

if TYPE_CHECKING:
    from hushgate.batching.planning.results import BatchResult

_EXIT_SOME_FAILED = 1
_NUM_NAMED = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate batch`."""
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="sound files and folders, or URLs")
    parser.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="folder or URL for the cleaned files"
    )
    parser.add_argument(
        "--allow-truncated", action="store_true", help="clean what is there of files that are cut short"
    )

    files = parser.add_argument_group("files")
    files.add_argument("-r", "--recursive", action="store_true", help="look into folders in folders")
    files.add_argument(
        "--glob",
        action="append",
        default=[],
        metavar="PATTERN",
        help="files to take from folders, such as '*_vox.wav'; may be repeated (default: all sound files)",
    )
    files.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="files in folders to leave out, such as '*_raw.wav'; may be repeated",
    )
    files.add_argument(
        "--list", action="append", default=[], metavar="FILE", help="text file with one input per line"
    )

    names = parser.add_argument_group("names and formats")
    names.add_argument("--base", metavar="DIR", help="folder that the names of the outputs are relative to")
    names.add_argument(
        "--template",
        default="{stem}.{ext}",
        help="names of the outputs, of {stem} {ext} {preset} {model} {parent} (default: {stem}.{ext})",
    )
    names.add_argument(
        "--format", metavar="EXT", help="wav, flac, ogg, opus, mp3, aiff... (default: as the input)"
    )
    names.add_argument(
        "--subtype", metavar="NAME", help="sample format, such as PCM_24 (default: as the input)"
    )
    names.add_argument(
        "--clip-mode",
        choices=("report", "limit", "rescale"),
        default="report",
        help="samples beyond full scale: clip and report them, limit peaks, or turn the file down",
    )
    add_loudness_flag(names)
    names.add_argument(
        "--no-dither", action="store_true", help="round without dither where the word gets shorter"
    )

    work = parser.add_argument_group("work")
    work.add_argument(
        "-j",
        "--jobs",
        type=int,
        metavar="N",
        help="worker processes (default: one per core; 0: work in this process)",
    )
    work.add_argument(
        "--scheduler", metavar="ADDRESS", help="run on the Dask cluster of this scheduler instead"
    )
    existing = work.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    existing.add_argument("--skip-existing", action="store_true", help="leave out inputs that have an output")
    work.add_argument(
        "--resume", action="store_true", help="continue an interrupted batch: do only what is unfinished"
    )
    work.add_argument("--journal", metavar="FILE", help="file of the journal (default: in the output folder)")
    work.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FILE",
        help="write a report, .json, .csv or .html; may be repeated",
    )
    work.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    add_effect_flags(
        parser,
        residual="also write NAME.residual.EXT: the input minus what the effect gives, "
        "before loudness and limiter",
    )
    add_retired_flags(parser, {"--output-dir": "-o DIR", "--output-residual": "--residual"})


def run(args: argparse.Namespace) -> int:
    """Clean the files; exit status 0 when all are done, 1 when a file or a report failed.

    Raises:
        OSError, ValueError, RuntimeError: The batch was refused; the reason in one line.
    """
    from hushgate.batching.progress_views import PlainView, QuietView, RichView, View
    from hushgate.batching.run import batch

    if not args.inputs and not args.list:
        raise ValueError("batch needs files or folders to clean, or --list.")
    warn_of_gate_off(args)
    with progress_bars(quiet=args.quiet) as bars, trust(args):
        view: View = PlainView(in_flags) if bars is None else RichView(bars, in_flags)
        if args.quiet:
            view = QuietView()
        result = batch(
            args.inputs,
            args.output,
            preset=args.preset,
            model=args.model,
            lists=args.list,
            recursive=args.recursive,
            globs=args.glob,
            exclude=args.exclude,
            base=args.base,
            template=args.template,
            format=args.format,
            subtype=args.subtype,
            clip_mode=args.clip_mode,
            loudness=given_loudness(args),
            dither=not args.no_dither,
            output_residual=args.residual,
            allow_truncated=args.allow_truncated,
            jobs=args.jobs,
            scheduler=args.scheduler,
            overwrite=args.overwrite,
            skip_existing=args.skip_existing,
            resume=args.resume,
            journal=args.journal,
            reports=args.report,
            view=view,
            **given_parameters(args),
            **given_device(args),
        )
    _summarize(result, args.quiet)
    return _EXIT_SOME_FAILED if result.failed or result.faults else 0


def _summarize(result: BatchResult, quiet: bool) -> None:
    """Print warnings, totals, and at the end the files that failed."""
    for warning in result.warnings:
        _complain(f"warning: {warning}")
    for file in result.files:
        for warning in file.warnings:
            _complain(f"warning: {file.name}: {warning}")
    if not quiet:
        for line in _ignored(result):
            print(printable(in_flags(line)))
        print(_totals(result))
        sys.stdout.flush()
    for fault in result.faults:
        _complain(f"error: {fault}")
    for file in result.failed:
        _complain(f"error: {file.name}: {file.error}")


def _ignored(result: BatchResult) -> list[str]:
    """Files that were left alone, by reason; the first few of each."""
    by_reason: dict[str, list[str]] = {}
    for path, reason in result.ignored:
        by_reason.setdefault(reason, []).append(path)
    lines = []
    for reason, paths in by_reason.items():
        lines += [f"left alone: {path} ({reason})" for path in paths[:_NUM_NAMED]]
        if len(paths) > _NUM_NAMED:
            lines.append(f"left alone: {len(paths) - _NUM_NAMED} more ({reason}; --verbose names all)")
    return lines


def _totals(result: BatchResult) -> str:
    from hushgate.measuring.wording import speed_text

    summary = result.summary()
    counts = ", ".join(
        f"{summary[f'num_{status}']} {status}"
        for status in ("done", "resumed", "skipped", "failed")
        if summary[f"num_{status}"] or status == "done"
    )
    ignored = f", {result.num_ignored} other files left alone" if result.num_ignored else ""
    factor = summary["real_time_factor"]
    speed = f", {speed_text(factor)}" if factor else ""
    return (
        f"{summary['num_files']} file{'s' * (summary['num_files'] != 1)}: {counts}{ignored} "
        f"({summary['duration_s']:.1f} s of sound in {result.elapsed_s:.1f} s{speed})"
    )


def _complain(text: str) -> None:
    print(f"hushgate: {printable(in_flags(text))}", file=sys.stderr)
