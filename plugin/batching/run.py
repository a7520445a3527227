"""`batch`: plan, checks, work, journal and reports of a batch."""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from hushgate.batching.planning.existing_outputs import Decision, Policy, decide, named
from hushgate.batching.planning.inputs import Inputs, Source, find_inputs
from hushgate.batching.planning.journal import Journal, default_journal_path, earlier_outputs
from hushgate.batching.planning.plan import (
    DEFAULT_TEMPLATE,
    Job,
    Plan,
    PlanError,
    check_apart,
    check_reach,
    make_plan,
)
from hushgate.batching.planning.recipe import BatchSettings, ClipMode, make_recipe
from hushgate.batching.planning.remote_store import INTERRUPTED_CLEANUP_S, within
from hushgate.batching.planning.results import BatchResult, FileResult
from hushgate.batching.planning.run_parts import remove_scratch
from hushgate.batching.planning.storage import file_size, local_path, store_for
from hushgate.batching.progress_views import QuietView, View
from hushgate.batching.reports.html_page import copies_folder, removed_copy
from hushgate.batching.reports.write_report import check_report, write_report
from hushgate.batching.workers.process_pool import (
    Listener,
    leave_unguarded_script,
    run_here,
    run_in_processes,
)
from hushgate.batching.workers.task import Outcome, Task
from hushgate.effects.preset_or_model import loudness_of
from hushgate.engine.errors import did_you_mean
from hushgate.engine.parameters import PARAMETERS

PathLike = str | os.PathLike[str]
_log = logging.getLogger("hushgate.batching")
# The end of a batch does not wait longer for a store that hangs.
_REMOTE_CLEANUP_S = 10.0


def batch(
    inputs: PathLike | Iterable[PathLike],
    output_dir: PathLike,
    *,
    preset: PathLike | None = None,
    model: PathLike | None = None,
    lists: PathLike | Iterable[PathLike] = (),
    recursive: bool = False,
    globs: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    base: PathLike | None = None,
    template: str = DEFAULT_TEMPLATE,
    format: str | None = None,
    subtype: str | None = None,
    clip_mode: ClipMode = "report",
    loudness: float | Literal["preset"] | None = "preset",
    dither: bool = True,
    output_residual: bool = False,
    allow_truncated: bool = False,
    jobs: int | None = None,
    scheduler: str | None = None,
    overwrite: bool = False,
    skip_existing: bool = False,
    resume: bool = False,
    journal: PathLike | None = None,
    reports: PathLike | Iterable[PathLike] = (),
    view: View | None = None,
    **parameters: Any,
) -> BatchResult:
    """Clean many sound files: same names, same format, same length to the sample, tags kept.

    Every check that can refuse the batch is made before any work starts. After that a bad file does not
    stop the others: see `BatchResult.failed`. Every output is written under a temporary name, flushed
    to the disk and renamed; a journal in the output folder lists the finished files.

    Args:
        inputs: Files and folders; URLs (s3://...) with the extra `cluster`.
        output_dir: Folder or URL in which the tree of the inputs is mirrored. It is made if missing.
        preset: Shipped name or TOML file. Without one, `model` alone.
        model: Shipped name or file, also in the place of the preset's; "voice" without a preset.
        lists: Text file that names inputs, one per line; or several.
        recursive: Look into folders in folders.
        globs: Pattern for files in folders, or several; without any, the usual extensions of sound files.
        exclude: Pattern for files in folders to leave out, or several. Outputs of earlier runs are left
            out anyway.
        base: Folder that the mirrored tree is relative to, instead of each input folder.
        template: Names of the outputs, see `hushgate.batching.planning.plan.make_plan`.
        format: Extension of another container, such as "flac"; None keeps each file's own.
        subtype: soundfile's name of another sample format, such as "PCM_24"; None keeps each file's.
        clip_mode: Treatment of samples beyond full scale, which integer formats cannot hold:
            "report" clips and counts them, "limit" turns peaks down ahead of time, "rescale" turns
            the whole file down and reports the gain.
        loudness: Loudness of the outputs, LUFS, with true peaks of at most -1 dBTP; None for that which the
            effect gives, "preset" for that of the preset. The residual is as the effect gives it.
        dither: Dither where the output has fewer bits than the input.
        output_residual: Also write the removed sound, as NAME.residual.EXT, before loudness and limiter.
        allow_truncated: Clean the readable part of files that are cut short.
        jobs: Worker processes, one thread each; None for one per core, 0 to work in this process.
        scheduler: Address of a Dask scheduler to run on, instead of `jobs`.
        overwrite: Replace existing outputs.
        skip_existing: Leave out inputs whose outputs exist.
        resume: Continue an interrupted batch: only unfinished files are done again.
        journal: File of the journal; in the output folder by default (for a URL: with this
            user's state files).
        reports: File to write a report to, .json, .csv or .html; or several.
        view: Shows the progress.
        **parameters: Any parameter of `hushgate.Denoiser`, and `device`, for every one in the preset.

    Returns:
        Figures for every file, in the order of the inputs.

    Raises:
        PlanError: Collisions, existing outputs, changed settings: nothing was written.
        FileNotFoundError, ModelError, PresetError, TypeError, ValueError: An argument cannot be used.
        RuntimeError: Another batch is writing to the same folder, or workers do not start.
        KeyboardInterrupt: Ctrl-C. Finished files are kept, in the journal and in the reports.

    >>> import hushgate
    >>> result = hushgate.batch("stems", "cleaned", preset="podcast", recursive=True)  # doctest: +SKIP
    >>> [file.name for file in result.failed]  # doctest: +SKIP
    []
    """
    leave_unguarded_script()
    started = time.monotonic()
    _check_names(parameters)
    settings = BatchSettings(
        make_recipe(preset, model, parameters),
        extension=None if format is None else format.lstrip(".").lower(),
        subtype=subtype,
        clip_mode=clip_mode,
        dither=dither,
        output_residual=output_residual,
        allow_truncated=allow_truncated,
        loudness=loudness_of(loudness, preset),
    )
    if jobs is not None and (isinstance(jobs, bool) or jobs < 0):
        raise ValueError(f"jobs must be 0 or more worker processes (got {jobs}).")
    if overwrite and skip_existing:
        raise ValueError("overwrite and skip_existing contradict each other. Choose one.")
    folder = local_path(os.fspath(output_dir))
    report_paths = [Path(report) for report in _paths(reports)]
    sources = [preset, *_paths(lists), *(model.name for model in settings.recipe.models)]
    kept = [path for path in sources if path is not None]
    is_local = store_for(folder).is_local
    made = Path(folder) if is_local else None
    for report in report_paths:
        check_report(report, kept, made)
    journal_path = Path(journal) if journal is not None else default_journal_path(folder, is_local=is_local)
    found = find_inputs(
        _paths(inputs),
        lists=_paths(lists),
        recursive=recursive,
        globs=_patterns(globs),
        exclude=_patterns(exclude),
        base=None if base is None else local_path(os.fspath(base)),
        output_dir=folder,
        outputs=earlier_outputs(journal_path, folder),
        copies=[str(copies_folder(page)) for page in _pages(report_paths)],
    )
    for path, reason in found.ignored:
        _log.info("%s is left alone: %s", path, reason)
    if scheduler is not None:  # workers have working folders of their own
        folder = store_for(folder).absolute(folder)
        found.sources = [
            Source(store_for(source.path).absolute(source.path), source.name) for source in found.sources
        ]
    plan = make_plan(found.sources, folder, settings, template)
    if not plan.jobs and not found.problems:
        ignored = f" ({len(found.ignored)} other files)" if found.ignored else ""
        raise PlanError(
            f"no sound files found in {named([*_paths(inputs), *_paths(lists)])}{ignored}. "
            "recursive=True and globs=... widen the search."
        )
    check_apart([*report_paths, journal_path], plan)
    check_reach(plan, jobs, scheduler)
    if made is not None and any(report.absolute().parent == made.absolute() for report in report_paths):
        made.mkdir(parents=True, exist_ok=True)
    with Journal(journal_path) as log:
        decision = decide(plan, log, Policy(overwrite, skip_existing, resume))
        log.plan(
            {job.output: store_for(job.source).absolute(job.source) for job, _ in decision.pending},
            settings.hash,
            settings.identity(),
        )
        for result in decision.settled.values():
            _log.info("%s: %s, an earlier run wrote %s", result.name, result.status, result.output)
        _log.info("%d files to clean, %d settled", len(decision.pending), len(decision.settled))
        _remove_parts(plan, report_paths, log.earlier_runs, _REMOTE_CLEANUP_S)
        shown = view or QuietView()
        run = _Run(plan, found, decision, log, shown, report_paths, kept, has_folders=scheduler is None)
        return run.run(lambda tasks: _outcomes(tasks, jobs, scheduler, run.view), started)


class _Run:
    """A batch after its plan."""

    def __init__(
        self,
        plan: Plan,
        found: Inputs,
        decision: Decision,
        log: Journal,
        view: View,
        reports: list[Path],
        kept: list[PathLike],
        *,
        has_folders: bool,
    ) -> None:
        self.view = view
        self._plan = plan
        self._found = found
        self._decision = decision
        self._log = log
        self._reports = reports
        self._kept = kept
        self._has_folders = has_folders
        self._results = dict(decision.settled)

    def run(self, outcomes_of: Callable[[list[Task]], Iterator[Outcome]], started: float) -> BatchResult:
        """Do the pending jobs; write the reports, also after an error."""
        tasks = [
            Task(
                job,
                self._plan.settings,
                self._log.run,
                overwrite=overwrite,
                pictures=bool(_pages(self._reports)),
                # Workers of a cluster need not reach the folder of the page.
                removed_copy=_removed_copy(self._reports, job) if self._has_folders else None,
            )
            for job, overwrite in self._decision.pending
        ]
        self.view.planned([task.job for task in tasks], list(self._decision.settled.values()))
        try:
            try:
                with contextlib.closing(outcomes_of(tasks)) as outcomes:  # type: ignore[type-var]
                    for outcome in outcomes:
                        self._take(outcome)
            finally:
                self._remove_copies(tasks)
        except BaseException as error:
            self._report(started)
            is_interrupted = not isinstance(error, Exception)
            limit_s = INTERRUPTED_CLEANUP_S if is_interrupted else _REMOTE_CLEANUP_S
            _remove_parts(self._plan, self._reports, {self._log.run}, limit_s)  # of workers that died
            raise
        _remove_parts(self._plan, self._reports, {self._log.run}, _REMOTE_CLEANUP_S)
        return self._report(started)

    def _take(self, outcome: Outcome) -> None:
        self._results[outcome.job.index] = outcome.result
        if outcome.result.status == "done":
            self._log.done(
                outcome.job.output,
                source_print=outcome.source_print,
                prints=outcome.prints,
                result=outcome.result.to_dict(pictures=True),
            )
        self.view.finished(outcome.result)

    def _remove_copies(self, tasks: list[Task]) -> None:
        """Remove sounds for the page of files that did not get as far as an output."""
        for task in tasks:
            result = self._results.get(task.job.index)
            if task.removed_copy is not None and (result is None or result.status != "done"):
                with contextlib.suppress(OSError):
                    os.unlink(task.removed_copy)

    def _report(self, started: float) -> BatchResult:
        settings = self._plan.settings
        lost = tuple(
            FileResult(path, path, "failed", settings.hash, error=f"cannot look into this folder ({reason})")
            for path, reason in self._found.problems
        )
        files = tuple(
            self._results.get(job.index) or FileResult(job.source, job.name, "unfinished", settings.hash)
            for job in self._plan.jobs
        )
        warnings = []
        if self._log.fault is not None:
            warnings.append(
                f"the journal could not be written ({self._log.fault}): "
                "files finished since then would be done again with resume=True."
            )
        result = BatchResult(
            files + lost,
            settings.identity(),
            settings.hash,
            time.monotonic() - started,
            tuple(self._found.ignored),
            tuple(warnings),
        )
        faults = []
        for report in self._reports:
            try:
                write_report(report, result, self._log.run, self._kept)
            except (OSError, ValueError) as error:  # the sound files are complete
                reason = getattr(error, "strerror", None) or error
                faults.append(f"{report} could not be written ({reason}).")
        return replace(result, faults=tuple(faults))


def _outcomes(
    tasks: list[Task], jobs: int | None, scheduler: str | None, listener: Listener
) -> Iterator[Outcome]:
    if scheduler is not None:
        from hushgate.batching.workers.dask_cluster import run_on_cluster

        return run_on_cluster(tasks, scheduler, listener)
    if jobs == 0:
        return run_here(tasks, listener)
    # The longest files first, so that all workers end at about the same time.
    ordered = sorted(tasks, key=lambda task: file_size(task.job.source), reverse=True)
    num_workers = min(jobs or _num_cores(), max(1, len(tasks)))
    return run_in_processes(ordered, num_workers, listener)


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _paths(paths: PathLike | Iterable[PathLike]) -> list[str]:
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    return [local_path(os.fspath(path)) for path in paths]


def _check_names(parameters: Iterable[str]) -> None:
    known = [*inspect.signature(batch).parameters, *PARAMETERS, "device"]
    known.remove("parameters")
    for name in parameters:
        if name not in known:
            near = did_you_mean(name, known) or f" Settings: {', '.join(known)}."
            raise TypeError(f"batch has no setting {name!r}.{near}")


def _patterns(patterns: str | Iterable[str]) -> list[str]:
    return [patterns] if isinstance(patterns, str) else list(patterns)


def _pages(reports: Iterable[Path]) -> list[Path]:
    return [report for report in reports if report.suffix.lower() == ".html"]


def _removed_copy(reports: Iterable[Path], job: Job) -> str | None:
    """Where what was removed goes for the first page among the reports; None without one."""
    for page in _pages(reports):
        copy = removed_copy(page.resolve(), job.name)
        return None if copy is None else str(copy)
    return None


def _remove_parts(plan: Plan, reports: Iterable[Path], runs: Collection[str], limit_s: float) -> None:
    """Remove what runs that have ended left behind, in the folders of the outputs and among copies."""
    if not runs:
        return
    remove_scratch(runs)
    copies = [_removed_copy(reports, job) for job in plan.jobs]
    for beside in {os.path.dirname(copy) for copy in copies if copy is not None}:
        store_for(beside).remove_parts(beside, runs)
    store = store_for(plan.output_dir)
    folders = {store.folder_of(target) for job in plan.jobs for target in job.targets}

    def remove() -> None:
        for folder in folders:
            store.remove_parts(folder, runs)

    if store.is_local:
        remove()
    else:
        within(limit_s, remove)
