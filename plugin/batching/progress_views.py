"""Views of a running batch: bars, plain lines, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from hushgate.batching.planning.plan import Job
from hushgate.batching.planning.results import FileResult
from hushgate.batching.planning.storage import file_size
from hushgate.measuring.wording import noise_text, speed_text
from hushgate.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class View(Protocol):
    """Shows a batch while it runs: a view of the command line, or your own."""

    def planned(self, jobs: Sequence[Job], results: Sequence[FileResult]) -> None:
        """Called once with the jobs to do, and the results of the files that need no work."""

    def started(self, job: Job) -> None:
        """Called when the work on a file begins."""

    def progressed(self, job: Job, fraction: float) -> None:
        """Called while a file is worked on, with the share that is done, 0.0 to 1.0."""

    def finished(self, result: FileResult) -> None:
        """Called when a file is done or has failed."""


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
    """One line per finished file on standard output.

    Args:
        worded: Puts a line into other words; as it is by default.
    """

    def __init__(self, worded: Callable[[str], str] = str) -> None:
        self._worded = worded
        self._num_jobs = 0
        self._num_finished = 0

    def planned(self, jobs: Sequence[Job], results: Sequence[FileResult]) -> None:
        """See `View`."""
        self._num_jobs = len(jobs)

    def finished(self, result: FileResult) -> None:
        """See `View`."""
        self._num_finished += 1
        line = self._worded(describe(result))
        print(f"[{self._num_finished}/{self._num_jobs}] {printable(line)}", flush=True)


class RichView(QuietView):
    """A bar for the whole batch with the time left, and one for each file being worked on.

    The whole is counted in bytes, so that the time left is right for files of different lengths.

    Args:
        progress: Shows the bars; running.
        worded: Puts a line into other words; as it is by default.
    """

    def __init__(self, progress: Progress, worded: Callable[[str], str] = str) -> None:
        self._worded = worded
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
        self._bars[job.source] = self._progress.add_task(printable(job.name), total=1.0)
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
        line = printable(self._worded(describe(result)))
        self._progress.console.print(line, markup=False, highlight=False)

    def _count(self, source: str, fraction: float) -> None:
        """Move the bar of the batch by the change of a file's share, negative after a restart."""
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
    parts: list[str] = [result.status]
    if result.duration_s is not None:
        parts.append(f"{result.duration_s:.1f} s")
    if result.duration_s is not None and result.status != "skipped":
        floors = result.floor_before_dbfs, result.floor_after_dbfs
        parts.append(f"noise floor {noise_text(*floors, result.floor_from_hz, result.floor_unknown)}")
    if result.target_change_db is not None:
        parts.append(f"target {result.target_change_db:+z.1f} dB")
    if result.real_time_factor:
        parts.append(speed_text(result.real_time_factor))
    if result.num_clipped:
        parts.append(f"{result.num_clipped} samples clipped")
    return f"{result.name}: {', '.join(parts)}"
