"""How a batch shows itself: bars on a terminal, plain lines elsewhere, little when asked to be quiet."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hushgate.batching.planning.plan import Job
from hushgate.batching.planning.results import FileResult
from hushgate.batching.planning.storage import file_size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from hushgate.batching.run import View


class QuietView:
    """Shows nothing while the batch runs."""

    def planned(self, jobs: Sequence[Job], results: Sequence[FileResult]) -> None:
        """See `View`."""

    def started(self, job: Job) -> None:
        """See `View`."""

    def progressed(self, job: Job, fraction: float) -> None:
        """See `View`."""

    def finished(self, result: FileResult) -> None:
        """See `View`."""


class PlainView(QuietView):
    """One line per finished file on standard output."""

    def __init__(self) -> None:
        self._num_jobs = 0
        self._num_finished = 0

    def planned(self, jobs: Sequence[Job], results: Sequence[FileResult]) -> None:
        """See `View`."""
        self._num_jobs = len(jobs)

    def finished(self, result: FileResult) -> None:
        """See `View`."""
        self._num_finished += 1
        print(f"[{self._num_finished}/{self._num_jobs}] {describe(result)}", flush=True)


class RichView(QuietView):
    """A bar for the whole batch with the time left, and one for every file that is in work.

    Files count by their size, so that the time left is right for a folder of long and short ones.

    Args:
        progress: Shows the bars; running.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        self._shares: dict[str, float] = {}
        self._sizes: dict[str, float] = {}
        self._whole: TaskID | None = None

    def planned(self, jobs: Sequence[Job], results: Sequence[FileResult]) -> None:
        """See `View`."""
        self._sizes = {job.source: max(1.0, file_size(job.source)) for job in jobs}
        self._whole = self._progress.add_task("all files", total=sum(self._sizes.values()))

    def started(self, job: Job) -> None:
        """See `View`."""
        self._remove(job.source)  # a second attempt
        self._bars[job.source] = self._progress.add_task(_shown(job.name), total=1.0)
        self._count(job.source, 0.0)

    def progressed(self, job: Job, fraction: float) -> None:
        """See `View`."""
        if job.source in self._bars:
            self._progress.update(self._bars[job.source], completed=fraction)
        self._count(job.source, fraction)

    def finished(self, result: FileResult) -> None:
        """See `View`."""
        self._count(result.source, 1.0)
        self._remove(result.source)
        self._progress.console.print(_shown(describe(result)), markup=False, highlight=False)

    def _count(self, source: str, fraction: float) -> None:
        """Move the bar of the batch by what has been added to, or lost of, a file."""
        added = fraction - self._shares.get(source, 0.0)
        self._shares[source] = fraction
        if self._whole is not None:
            self._progress.advance(self._whole, added * self._sizes.get(source, 0.0))

    def _remove(self, source: str) -> None:
        if (bar := self._bars.pop(source, None)) is not None:
            self._progress.remove_task(bar)


def describe(result: FileResult) -> str:
    """One line about a file.

    >>> describe(FileResult("in/a.wav", "a.wav", "failed", "", error="is empty"))
    'a.wav: failed: is empty'
    """
    if result.status == "failed":
        return f"{result.name}: failed: {result.error}"
    facts: list[str] = [result.status]
    if result.duration_s is not None:
        facts.append(f"{result.duration_s:.1f} s")
    if result.noise_removed_db is not None:
        facts.append(f"noise floor {-result.noise_removed_db:+z.1f} dB")
    if result.real_time_factor:
        facts.append(f"{1.0 / result.real_time_factor:.0f} times real time")
    if result.num_clipped:
        facts.append(f"{result.num_clipped} samples clipped")
    return f"{result.name}: {', '.join(facts)}"


@contextmanager
def view_for(quiet: bool) -> Iterator[View]:
    """Bars when a person sits before a terminal, lines when not, nothing when asked for."""
    if quiet:
        yield QuietView()
        return
    if not (sys.stderr.isatty() and sys.stdout.isatty()):
        yield PlainView()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield RichView(progress)


def _shown(text: str) -> str:
    """File names need not be valid text; what a terminal cannot show becomes visible."""
    return text.encode("utf-8", "backslashreplace").decode()
