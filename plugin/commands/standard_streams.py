"""Standard streams that the caller has closed, or whose other end is gone."""

from __future__ import annotations

import os
import sys


def open_closed_streams() -> None:
    """Connect standard input, output and error to the null device where they are closed.

    Otherwise the next file that is opened, perhaps an output, would get the number of a standard stream, and
    text that libraries print would land in it. Python sets closed streams to None, which has no `isatty`.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:  # a lower number was free, too
                os.dup2(opened, number)
                os.close(opened)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def drop_standard_output() -> None:
    """Connect standard output to the null device, so that the flush at exit does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
