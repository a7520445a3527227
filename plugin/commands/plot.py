"""`hushgate plot`: a recording before and after, as a picture or as a page to listen to."""

from __future__ import annotations

import argparse
from pathlib import Path

from hushgate.commands.flags.retired_flags import add_retired_flags
from hushgate.commands.flags.time_flags import add_time_flags
from hushgate.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate plot`."""
    parser.add_argument("input", metavar="INPUT", help="sound file")
    parser.add_argument("processed", nargs="?", metavar="PROCESSED", help="the same recording, processed")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="picture to write, .png, .pdf, .svg or .jpg; or .html, a page with pictures and players",
    )
    add_time_flags(parser, "of a page: ")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    add_retired_flags(parser, {"--figure": "-o FILE"})


def run(args: argparse.Namespace) -> int:
    """Draw the picture or write the page; exit status 0.

    Raises:
        OSError, ValueError: Nothing was written; the reason in one line.
        ModuleNotFoundError: matplotlib, which pictures need, is not installed.
    """
    from hushgate.audio_files.excerpt import given_excerpt

    target = Path(args.output)
    recordings = [args.input] if args.processed is None else [args.input, args.processed]
    excerpt = given_excerpt(args.start, args.end)
    kind = "page" if target.suffix.lower() == ".html" else "figure"

    def say() -> None:
        if not args.quiet:
            print(f"{kind:<8} {printable(target)}", flush=True)

    if kind == "page":
        from hushgate.audio_files.atomic_write import check_target
        from hushgate.pictures.listening.recording_page import write_recording_page

        check_target(target, overwrite=args.overwrite, originals=recordings)
        write_recording_page(
            target,
            *recordings,
            excerpt=excerpt,
            overwrite=args.overwrite,
            originals=recordings,
            on_written=say,
        )
        return 0
    if excerpt is not None:
        raise ValueError("--start and --end are for pages, .html; a picture shows the whole recording.")
    from hushgate.pictures.before_after import plot_file
    from hushgate.pictures.figures import FORMATS, check_figure_path, save_figure

    if target.suffix.lower() not in FORMATS:
        raise ValueError(f"the output must be a {', '.join(FORMATS)} or .html file (got {args.output!r}).")
    check_figure_path(target, overwrite=args.overwrite, originals=recordings)
    figure = plot_file(args.input, args.processed)
    save_figure(figure, target, overwrite=args.overwrite, originals=recordings, on_written=say)
    return 0
