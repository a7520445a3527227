"""Progress bars on standard error, for every command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hushgate.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def progress_bars(*, quiet: bool = False, threaded: bool = True) -> Iterator[Progress | None]:
    """Bars for several things at once.

    Args:
        quiet: Show nothing.
        threaded: Redraw from a thread, so that the time left is current between two steps. Not for a process
            that forks: use False and call `refresh`.

    Yields:
        rich's `Progress`, to add tasks to (see `printable` for their names); None where `quiet`, or
        where standard output or standard error is not a terminal.
    """
    if quiet or not (sys.stderr.isatty() and sys.stdout.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=threaded) as progress:
        yield progress


@contextmanager
def progress_bar(
    description: str, total: float | None, *, quiet: bool = False
) -> Iterator[Callable[[float], None]]:
    """One bar. It needs no thread, so the process may fork.

    Args:
        description: Text beside the bar, such as a file name.
        total: Steps in all; None where that is not known.
        quiet: Show nothing.

    Yields:
        A function to call with the steps that were done since the last call.
    """
    with progress_bars(quiet=quiet, threaded=False) as progress:
        if progress is None:
            yield lambda steps: None
            return
        task = progress.add_task(printable(description), total=total)

        def advance(steps: float) -> None:
            progress.advance(task, steps)
            progress.refresh()

        yield advance
