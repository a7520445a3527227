"""What to do about outputs that are there already: refuse, skip, replace, or count as done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hushgate.batching.planning.journal import Entry, Journal, changed_settings
from hushgate.batching.planning.plan import Job, Plan, PlanError
from hushgate.batching.planning.results import FileResult
from hushgate.batching.planning.storage import Fingerprint, store_for

_NUM_NAMED = 3


@dataclass(frozen=True)
class Policy:
    """What the user allowed.

    Attributes:
        overwrite: Replace outputs that are there.
        skip_existing: Leave inputs alone whose outputs are there.
        resume: Count what the journal says is done, and replace what it says is unfinished.
    """

    overwrite: bool = False
    skip_existing: bool = False
    resume: bool = False


@dataclass(frozen=True)
class Decision:
    """What remains to do.

    Attributes:
        pending: Jobs, each with whether it may replace files.
        settled: Results of the other jobs, by index.
    """

    pending: tuple[tuple[Job, bool], ...]
    settled: dict[int, FileResult]


def decide(plan: Plan, journal: Journal, policy: Policy) -> Decision:
    """Compare the plan with what lies in the output folder and what the journal says about it.

    Raises:
        PlanError: Outputs are there and may not be replaced, or finished ones were made with other
            settings.
    """
    pending: list[tuple[Job, bool]] = []
    settled: dict[int, FileResult] = {}
    existing: list[str] = []
    outdated: list[Entry] = []
    for job in plan.jobs:
        entry = journal.entries.get(job.output) if policy.resume else None
        if entry is not None and entry.source != store_for(job.source).absolute(job.source):
            entry = None  # another file's output
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
        raise PlanError(
            f"{_named(existing)} already there. Pass --overwrite, --skip-existing, or --resume for an "
            "interrupted batch. Nothing was written."
        )
    return Decision(tuple(pending), settled)


def _resumed(job: Job, entry: Entry) -> FileResult:
    """An earlier run's figures, under the names that this run uses."""
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
    raise PlanError(
        f"{len(outdated)} finished files were made with other settings "
        f"(changed: {', '.join(sorted(names))}). "
        "Use the same settings, or add --overwrite to do them again. Nothing was written."
    )


def _padded(entry: Entry, job: Job) -> list[Fingerprint | None]:
    """What was noted about each target; nothing about a residual that was not asked for then."""
    noted: list[Fingerprint | None] = [*entry.prints, None, None]
    return noted[: len(job.targets)]


def _fingerprint(path: str) -> Fingerprint | None:
    """None when there is nothing."""
    store = store_for(path)
    try:
        return store.fingerprint(path)
    except OSError:
        return [-1, "unreadable"] if store.exists(path) else None  # a dangling link, say


def _named(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:_NUM_NAMED])
    more = f" and {len(paths) - _NUM_NAMED} more" if len(paths) > _NUM_NAMED else ""
    return f"{shown}{more} {'is' if len(paths) == 1 else 'are'}"
