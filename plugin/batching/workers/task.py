"""Task of one file: fetch, clean, publish, and turn errors into results."""

from __future__ import annotations

import os
import posixpath
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hushgate.batching.planning.plan import Job
from hushgate.batching.planning.recipe import BatchSettings
from hushgate.batching.planning.remote_store import Fingerprint, RemoteStore
from hushgate.batching.planning.results import FileResult
from hushgate.batching.planning.run_parts import part_prefix, scratch_prefix
from hushgate.batching.planning.storage import store_for
from hushgate.errors import AudioFileError, describe_error, interruptions_unwrapped

if TYPE_CHECKING:
    from hushgate.batching.cleaning.clean_file import Paths


@dataclass(frozen=True)
class Task:
    """Work for a worker.

    Attributes:
        job: The file.
        settings: Settings of the batch.
        run: Number of the run, in the names of temporary files.
        overwrite: Replace existing files.
        pictures: Draw spectrograms for a report.
        removed_copy: Where its page finds what was removed; None without a page.
    """

    job: Job
    settings: BatchSettings = field(repr=False)
    run: str
    overwrite: bool = False
    pictures: bool = False
    removed_copy: str | None = None


@dataclass(frozen=True)
class Outcome:
    """Result of a task.

    Attributes:
        job: The file.
        result: Figures or error.
        source_print: Fingerprint of the source when it was read.
        prints: Fingerprints of the written files: the output, then the residual.
    """

    job: Job
    result: FileResult
    source_print: Fingerprint = field(default_factory=list)
    prints: list[Fingerprint] = field(default_factory=list)


def run_task(task: Task, on_progress: Callable[[float], None] = lambda fraction: None) -> Outcome:
    """Clean a file. An error with this file is returned as its result.

    Args:
        task: The file and the settings.
        on_progress: Called with the share that is done, 0.0 to 1.0.
    """
    job = task.job
    staging = _Staging(job, task.run)
    try:
        with interruptions_unwrapped(), staging:
            return _run(task, staging, on_progress)
    except Exception as error:  # one bad file never stops the rest
        text = staging.in_users_terms(describe_error(error))
        return Outcome(job, failure(job, task.settings, text))


def failure(job: Job, settings: BatchSettings, error: str) -> FileResult:
    """The result of a file that failed."""
    return FileResult(job.source, job.name, "failed", settings.hash, error=error)


def _run(task: Task, staging: _Staging, on_progress: Callable[[float], None]) -> Outcome:
    from hushgate.batching.cleaning.clean_file import clean_file

    job, settings = task.job, task.settings
    if store_for(job.source).is_local and not stat.S_ISREG(os.stat(job.source).st_mode):
        raise AudioFileError(f"{job.source} is no regular file.")  # a pipe would block
    source_print = store_for(job.source).fingerprint(job.source)
    checksums = staging.fetch()
    figures = clean_file(
        staging.paths,
        job.output,
        settings,
        overwrite=task.overwrite,
        pictures=task.pictures,
        removed_copy=None if task.removed_copy is None else Path(task.removed_copy),
        part_prefix=part_prefix(task.run),
        on_progress=on_progress,
    )
    figures["warnings"] = tuple(map(staging.in_users_terms, figures["warnings"]))
    checksums.update(staging.publish(overwrite=task.overwrite))
    result = FileResult(
        job.source,
        job.name,
        "done",
        settings.hash,
        output=job.target,
        residual=job.residual,
        **figures,
    )
    prints = [store_for(target).fingerprint(target) for target in job.targets]
    return Outcome(job, replace(result, **checksums), source_print, prints)


class _Staging:
    """Local copies of remote files; a local file is its own copy.

    Use it in a `with` statement, which makes the folder of the copies and removes it.

    Attributes:
        paths: The local files.
    """

    paths: Paths

    def __init__(self, job: Job, run: str) -> None:
        self._job = job
        self._run = run
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._copies: dict[str, str] = {}

    def __enter__(self) -> Self:
        from hushgate.batching.cleaning.clean_file import Paths

        job = self._job
        self.paths = Paths(
            self._local(job.source, "in"),
            self._local(job.target, "out"),
            None if job.residual is None else self._local(job.residual, "out"),
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()

    def fetch(self) -> dict[str, Any]:
        """Copy the source to this machine and make the folders of the outputs.

        Returns:
            The checksum of the source, if it is remote.
        """
        for path in (self.paths.target, self.paths.residual):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
        store = store_for(self._job.source)
        if not isinstance(store, RemoteStore):
            return {}
        self.paths.source.parent.mkdir(parents=True, exist_ok=True)
        return {"source_sha256": store.fetch(self._job.source, self.paths.source)}

    def publish(self, *, overwrite: bool) -> dict[str, Any]:
        """Upload the outputs, the residual first.

        Returns:
            The checksum of the output, if it is remote.
        """
        job, paths, store = self._job, self.paths, store_for(self._job.target)
        if not isinstance(store, RemoteStore):
            return {}
        if job.residual is not None and paths.residual is not None:
            store.publish(paths.residual, job.residual, overwrite=overwrite, run=self._run)
        return {"output_sha256": store.publish(paths.target, job.target, overwrite=overwrite, run=self._run)}

    def in_users_terms(self, text: str) -> str:
        """A message with the paths of the user in place of those of the copies."""
        for copy, path in self._copies.items():
            text = text.replace(copy, path)
        return text

    def _local(self, path: str, folder: str) -> Path:
        if store_for(path).is_local:
            return Path(path)
        self._scratch = self._scratch or tempfile.TemporaryDirectory(
            prefix=scratch_prefix(self._run), ignore_cleanup_errors=True
        )
        copy = Path(self._scratch.name) / folder / posixpath.basename(path)
        self._copies[str(copy)] = path
        return copy
