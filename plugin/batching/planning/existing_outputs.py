"""Existing outputs: refuse, skip, replace, or count as done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hushgate.batching.planning.journal import Entry, Journal, changed_settings
from hushgate.batching.planning.plan import Job, Plan, PlanError
from hushgate.batching.planning.remote_store import Fingerprint
from hushgate.batching.planning.results import FileResult
from hushgate.batching.planning.storage import store_for

_NUM_NAMED = 3


@dataclass(frozen=True)
class Policy:
    """Permissions of the user.

    Attributes:
        overwrite: Replace existing outputs.
        skip_existing: Leave out inputs whose outputs exist.
        resume: Count files that are done in the journal, and replace unfinished ones.
    """

    overwrite: bool = False
    skip_existing: bool = False
    resume: bool = False


@dataclass(frozen=True)
class Decision:
    """The jobs to do, and the results of the others.

    Attributes:
        pending: Jobs to do, each with True if it may replace files.
        settled: Results of the other jobs, by index.
    """

    pending: tuple[tuple[Job, bool], ...]
    settled: dict[int, FileResult]


def decide(plan: Plan, journal: Journal, policy: Policy) -> Decision:
    """Compare the plan with the files in the output folder and with the journal.

    Raises:
        PlanError: Outputs exist and may not be replaced, or finished ones were made with other settings.
    """
    pending: list[tuple[Job, bool]] = []
    settled: dict[int, FileResult] = {}
    existing: list[str] = []
    outdated: list[Entry] = []
    for job in plan.jobs:
        entry = journal.entries.get(job.output) if policy.resume else None
        if entry is not None and entry.source != store_for(job.source).absolute(job.source):
            entry = None  # the output of another file
        found = [_fingerprint(target) for target in job.targets]
        is_ours = entry is not None and (
            not entry.done
            or all(now in (None, noted) for now, noted in zip(found, _padded(entry, job), strict=True))
        )
        if entry is not None and entry.done and is_ours and None not in found:
            if entry.settings_hash != plan.settings.hash:
                outdated.append(entry)
            elif entry.source_print == _fingerprint(job.source):
                settled[job.index] = _resumed(job, entry)
                continue
        if found.count(None) == len(found):
            pending.append((job, policy.overwrite))
        elif policy.overwrite or is_ours:
            pending.append((job, True))
        elif policy.skip_existing and None not in found:
            settled[job.index] = FileResult(
                job.source, job.name, "skipped", plan.settings.hash, output=job.target, residual=job.residual
            )
        else:
            existing += [
                target for target, fingerprint in zip(job.targets, found, strict=True) if fingerprint
            ]
    if outdated and not policy.overwrite:
        _refuse_outdated(outdated, plan, journal)
    if existing:
        verb = "is" if len(existing) == 1 else "are"
        raise PlanError(
            f"{named(existing)} {verb} already there. Pass overwrite=True, skip_existing=True, or "
            "resume=True for an interrupted batch. Nothing was written."
        )
    return Decision(tuple(pending), settled)


def _resumed(job: Job, entry: Entry) -> FileResult:
    """The figures of an earlier run, with the names of this run."""
    result = FileResult.from_dict(entry.result)
    return replace(
        result, status="resumed", source=job.source, name=job.name, output=job.target, residual=job.residual
    )


def _refuse_outdated(outdated: Sequence[Entry], plan: Plan, journal: Journal) -> None:
    now = plan.settings.identity()
    names = {
        name
        for entry in outdated
        for name in changed_settings(journal.settings.get(entry.settings_hash, {}), now)
    }
    files = "1 finished file was" if len(outdated) == 1 else f"{len(outdated)} finished files were"
    raise PlanError(
        f"{files} made with other settings "
        f"(changed: {', '.join(sorted(names))}). "
        "Use the same settings, or add overwrite=True to do them again. Nothing was written."
    )


def _padded(entry: Entry, job: Job) -> list[Fingerprint | None]:
    """The fingerprint in the journal for each target; None for a residual that was not written then."""
    noted: list[Fingerprint | None] = [*entry.prints, None, None]
    return noted[: len(job.targets)]


def _fingerprint(path: str) -> Fingerprint | None:
    """The fingerprint of a file; None for a missing one."""
    store = store_for(path)
    try:
        return store.fingerprint(path)
    except OSError:
        return [-1, "unreadable"] if store.exists(path) else None  # a dangling link, say


def named(paths: Sequence[str]) -> str:
    """The first few of some paths, and how many more there are.

    >>> named(["a.wav"]), named(["a.wav", "b.wav", "c.wav", "d.wav"])
    ('a.wav', 'a.wav, b.wav, c.wav and 1 more')
    """
    more = f" and {len(paths) - _NUM_NAMED} more" if len(paths) > _NUM_NAMED else ""
    return ", ".join(paths[:_NUM_NAMED]) + more
