"""Plan of a batch: the output of every input, checked before any work starts."""

from __future__ import annotations

import errno
import os
import posixpath
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

from hushgate.audio_files.atomic_write import file_identity
from hushgate.audio_files.formats.containers import container_for, output_suffix
from hushgate.batching.planning.inputs import Source
from hushgate.batching.planning.recipe import BatchSettings
from hushgate.batching.planning.run_parts import PART_PREFIX
from hushgate.batching.planning.storage import Store, residual_name, store_for
from hushgate.errors import AudioFileError, HushgateError

DEFAULT_TEMPLATE = "{stem}.{ext}"
TEMPLATE_FIELDS = ("stem", "ext", "preset", "model", "parent")
_NUM_NAMED = 3
_MEMORY_SCHEME = "memory://"
MAX_NAME_BYTES = 255
"""The longest name of a file on every common file system."""


class PlanError(HushgateError, ValueError):
    """A batch was refused before it began; nothing has been written."""


@dataclass(frozen=True)
class Job:
    """One file, from source to outputs.

    Attributes:
        index: Its number, from 0.
        source: Path or URL to read.
        name: Its path relative to the input folder, for messages.
        target: Path or URL to write.
        residual: Path or URL for the removed sound; None for none.
        output: `target` relative to the output folder, with `/` between folders.
    """

    index: int
    source: str
    name: str
    target: str
    residual: str | None
    output: str

    @property
    def targets(self) -> tuple[str, ...]:
        """All files that it writes."""
        return (self.target,) if self.residual is None else (self.target, self.residual)


@dataclass(frozen=True)
class Plan:
    """All jobs of a batch.

    Attributes:
        output_dir: Path or URL that all targets lie under.
        jobs: Jobs in the order of the inputs.
        settings: Settings of the batch.
    """

    output_dir: str
    jobs: tuple[Job, ...]
    settings: BatchSettings = field(repr=False)


def make_plan(
    sources: Sequence[Source], output_dir: str, settings: BatchSettings, template: str = DEFAULT_TEMPLATE
) -> Plan:
    """Give every source its outputs.

    Args:
        sources: Files to clean. The same source with the same output counts once.
        output_dir: Folder in which the tree is mirrored; need not exist.
        settings: Settings of the batch.
        template: Name of each output, made of fields in braces: `{stem}` and `{ext}` of the input (or
            of the chosen format), `{preset}`, `{model}`, `{parent}` (name of the input's folder). A
            `/` makes a folder.

    Raises:
        PlanError: Two inputs have one output, an output is an input under any name, an output must also be a
            folder for another one, a file cannot have its name or would lie outside the folder, or the
            template cannot be used. The message names files.
    """
    store = store_for(output_dir)
    if store.is_local and store.exists(output_dir) and not store.is_folder(output_dir):
        raise NotADirectoryError(errno.ENOTDIR, "is no folder. Name one with -o", output_dir)
    jobs: list[Job] = []
    seen: set[tuple[str, str]] = set()
    for source in sources:
        output = output_name(source, settings, template)
        target = store.join(output_dir, output)
        pair = (store_for(source.path).key(source.path), target)
        if pair in seen:
            continue
        seen.add(pair)
        residual = residual_name(target) if settings.output_residual else None
        jobs.append(Job(len(jobs), source.path, source.name, target, residual, output))
    _refuse_collisions(jobs, store)
    _refuse_originals(jobs)
    _refuse_names(jobs, store)
    return Plan(output_dir, tuple(jobs), settings)


def output_name(source: Source, settings: BatchSettings, template: str) -> str:
    """The path of an output relative to the output folder.

    Raises:
        PlanError: The template has an unknown field, or the path leads out of the folder.
    """
    if not is_inside(source.name):
        raise PlanError(
            f"{source.path}: its output would lie outside the output folder ({source.name!r}). "
            "Leave it out with exclude=..., or name it without dots. Nothing was written."
        )
    folder, name = posixpath.split(source.name)
    stem, extension = posixpath.splitext(name)
    models = settings.recipe.models
    values = {
        "stem": stem,
        "ext": settings.extension or output_suffix(extension).lstrip("."),
        "preset": settings.recipe.label,
        "model": Path(models[0].name).stem if models else settings.recipe.label,
        "parent": posixpath.basename(folder),
    }
    try:
        own = "".join(_filled(part, values) for part in string.Formatter().parse(template))
    except (ValueError, KeyError) as error:
        fields = ", ".join(f"{{{name}}}" for name in TEMPLATE_FIELDS)
        detail = f"unknown field {error}" if isinstance(error, KeyError) else str(error)
        raise PlanError(f"template must be a name made of {fields} (got {template!r}: {detail}).") from None
    own = own.removesuffix(".")  # an input without an extension
    parts = own.split("/")
    if not parts[-1] or any(part in ("", ".", "..") for part in parts) or "\0" in own or os.path.isabs(own):
        raise PlanError(f"template must lead to a file under the output folder (got {template!r}: {own!r}).")
    if parts[-1].startswith(PART_PREFIX):
        raise PlanError(f"{source.path}: names that begin with {PART_PREFIX} are for temporary files.")
    return posixpath.join(folder, own)


def is_inside(name: object) -> TypeGuard[str]:
    """True for a relative path, with `/` between folders, that stays in its folder."""
    if not isinstance(name, str) or "\0" in name or os.path.isabs(name):
        return False
    return not any(part in ("", ".", "..") for part in name.replace(os.sep, "/").split("/"))


def _filled(part: tuple[str, str | None, str | None, str | None], values: dict[str, str]) -> str:
    literal, name, spec, conversion = part
    if name is None:
        return literal
    if spec or conversion:
        raise ValueError(f"{{{name}}} takes no format")
    value = values[name]
    if "/" in value or (os.sep != "/" and os.sep in value):
        raise ValueError(f"{{{name}}} is {value!r}, which is no part of a name")
    return literal + value


def _refuse_collisions(jobs: Sequence[Job], store: Store) -> None:
    inputs = {store_for(job.source).key(job.source): job.source for job in jobs}
    owners: dict[str, Job] = {}
    problems: list[str] = []
    for job in jobs:
        for target in job.targets:
            key = store.key(target)
            if key in inputs:
                what = "its own input" if inputs[key] == job.source else f"the input {inputs[key]}"
                problems.append(f"{job.source} would overwrite {what}")
            elif key in owners:
                other = owners[key]
                problems.append(
                    f"{job.source} and its residual would both become {target}"
                    if other is job
                    else f"{other.source} and {job.source} would both become {target}"
                )
            owners.setdefault(key, job)
    for key, job in owners.items():
        parent = os.path.dirname(key)
        while parent and parent != os.path.dirname(parent):
            if parent in owners:
                problems.append(
                    f"{owners[parent].target} would have to be a file and a folder (for {job.source})"
                )
                break
            parent = os.path.dirname(parent)
    _raise_problems(problems)


def _refuse_originals(jobs: Sequence[Job]) -> None:
    """Refuse outputs that are an input under another name: a hard link, or a folder mounted twice."""
    inputs = {file_identity(job.source): job.source for job in jobs}
    inputs.pop(None, None)  # remote or missing
    problems = [
        f"{job.source} would overwrite the input {inputs[identity]} (as {target})"
        for job in jobs
        for target in job.targets
        if (identity := file_identity(target)) in inputs
    ]
    _raise_problems(problems)


def _refuse_names(jobs: Sequence[Job], store: Store) -> None:
    """Refuse names that cannot be written: folders in their place, files in place of folders, long names."""
    problems: list[str] = []
    for job in jobs:
        source_suffix = os.path.splitext(job.source)[1].lower()
        if os.path.splitext(job.target)[1].lower() != source_suffix:  # otherwise the input's own container
            try:
                container_for(Path(job.target))
            except AudioFileError as error:
                problems.append(str(error).rstrip("."))
                continue
        for target in job.targets if store.is_local else ():
            if len(os.fsencode(os.path.basename(target))) > MAX_NAME_BYTES:
                problems.append(f"{target}: the name is longer than {MAX_NAME_BYTES} bytes")
            elif store.is_folder(target):
                problems.append(f"{target} is a folder")
            elif (parent := _nearest_existing(target)) is not None and not os.path.isdir(parent):
                problems.append(f"{parent} is a file and would have to be a folder (for {job.source})")
            elif parent is not None and not os.access(parent, os.W_OK):
                problems.append(f"the folder {parent} is not writable (for {job.source})")
    _raise_problems(problems)


def check_apart(files: Sequence[Path], plan: Plan) -> None:
    """Refuse a report or a journal that is also an input, an output or another one, under any name.

    Raises:
        PlanError: It is.
    """
    paths = [path for job in plan.jobs for path in (job.source, *job.targets)]
    names = {store_for(path).key(path): path for path in paths}
    identities = {file_identity(path): path for path in paths}
    identities.pop(None, None)  # remote or missing
    for file in files:
        key, identity = store_for(str(file)).key(str(file)), file_identity(file)
        if other := names.get(key) or identities.get(identity):
            raise PlanError(f"{file} is a report or journal and also {other}. Name another file.")
        names[key] = str(file)
        if identity is not None:
            identities[identity] = str(file)


def check_reach(plan: Plan, jobs: int | None, scheduler: str | None) -> None:
    """Refuse memory:// paths, which are not visible to worker processes.

    Raises:
        PlanError: There are some, and `jobs` or a scheduler asks for workers.
    """
    if jobs == 0 and scheduler is None:
        return
    for job in plan.jobs:
        for path in (job.source, job.target):
            if path.startswith(_MEMORY_SCHEME):
                raise PlanError(
                    f"{path} lies in the memory of this process, where no other can reach it. Use jobs=0."
                )


def _nearest_existing(target: str) -> str | None:
    """The nearest folder (or file in its place) above a target that exists."""
    parent = os.path.dirname(os.path.abspath(target))
    while not os.path.lexists(parent):
        above = os.path.dirname(parent)
        if above == parent:
            return None
        parent = above
    return parent


def _raise_problems(problems: Sequence[str]) -> None:
    if problems:
        shown = "; ".join(problems[:_NUM_NAMED])
        more = f"; and {len(problems) - _NUM_NAMED} more" if len(problems) > _NUM_NAMED else ""
        raise PlanError(
            f"{shown}{more}. Use another template=..., base=... or output folder. Nothing was written."
        )
