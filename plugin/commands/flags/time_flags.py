"""Command-line flags for the part of a recording to take."""

from __future__ import annotations

import argparse


def add_time_flags(parser: argparse.ArgumentParser, scope: str = "") -> None:
    """Add `--start` and `--end`, as text that is a time.

    Args:
        parser: Gets the flags.
        scope: What they are for, in front of their help texts, such as "of a page: ".
    """
    for word in ("start", "end"):
        verb = "begin" if word == "start" else "end"
        text = f"{scope}{verb} here, seconds or h:mm:ss"
        parser.add_argument(f"--{word}", type=_time, metavar="TIME", help=text)


def _time(text: str) -> str:
    from hushgate.audio_files.excerpt import parse_time

    try:
        parse_time(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).rstrip(".")) from None
    return text
