"""Journal of an output folder: its finished files, their sources and settings.

Each line is a JSON object, appended and flushed to the disk at once, so a crash loses at most the last
line. A planned file without a "done" line is unfinished, whatever file has its name; a resumed batch may
write it again.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeGuard

from hushgate.batching.planning.plan import is_inside
from hushgate.batching.planning.remote_store import Fingerprint
from hushgate.batching.planning.results import FileResult
from hushgate.batching.planning.run_parts import is_run, new_run
from hushgate.batching.planning.storage import residual_name, store_for

JOURNAL_NAME = ".hushgate-journal.jsonl"
_VERSION = 1
_LOCK_SUFFIX = ".lock"
_TYPES = ("run", "plan", "done")
_FIRST_BYTES = b'{"type": "run", "version": 1, '
# Longest line that is read. A line of a file with spectrograms for HTML reports has 40 kB.
_MAX_LINE_BYTES = 2**20


@dataclass
class Entry:
    """The latest state of one output.

    Attributes:
        source: Absolute path or URL of its source.
        settings_hash: Fingerprint of its settings.
        done: True if it is finished.
        source_print: Fingerprint of the source when it was read.
        prints: Fingerprints of the written files: the output, then the residual.
        result: The figures.
    """

    source: str
    settings_hash: str
    done: bool = False
    source_print: Fingerprint = field(default_factory=list)
    prints: list[Fingerprint] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)


def earlier_outputs(path: Path, output_dir: str) -> set[str]:
    """Keys of every file that earlier runs into an output folder planned to write.

    Args:
        path: Journal of the folder; need not exist.
        output_dir: The folder.
    """
    if not _is_regular(path):
        return set()
    store = store_for(output_dir)
    try:
        with path.open("rb") as file:
            outputs = {record["output"] for record in _records(file) if is_inside(record.get("output"))}
    except OSError:
        return set()
    targets = [store.join(output_dir, output) for output in outputs]
    return {store.key(name) for target in targets for name in (target, residual_name(target))}


class Journal:
    """Open the journal of an output folder for this batch alone.

    Args:
        path: The file; made if missing.

    Attributes:
        entries: State of every output, by its relative path.
        settings: Settings of earlier runs, by hash.
        run: Number of this run.
        earlier_runs: Numbers of earlier runs. They have ended, because a run holds the lock of its journal:
            their temporary files belong to nobody.
        fault: Reason for which the journal can no longer be written; None while it can.

    Raises:
        RuntimeError: Another batch is writing to it.
        ValueError: The file is not a journal, or a link or a device.
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}
        self.settings: dict[str, Mapping[str, Any]] = {}
        self.run = new_run()
        self.earlier_runs: set[str] = set()
        self.fault: str | None = None
        if os.path.lexists(path) and not _is_regular(path):
            raise ValueError(f"{path} is a link, a folder or a device. Set journal=... to a plain file.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            stack.enter_context(_locked(path))
            # A link that has taken the place since is not followed.
            no_links = getattr(os, "O_NOFOLLOW", 0)
            self._file: BinaryIO = stack.enter_context(
                open(path, "ab+", opener=lambda name, flags: os.open(name, flags | no_links, 0o666))
            )
            self._read()
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def plan(self, outputs: Mapping[str, str], settings_hash: str, settings: Mapping[str, Any]) -> None:
        """Write down the planned outputs: their absolute sources, by output."""
        records: list[dict[str, Any]] = [
            {
                "type": "run",
                "version": _VERSION,
                "run": self.run,
                "settings_hash": settings_hash,
                "settings": settings,
            }
        ]
        for output, source in outputs.items():
            self.entries[output] = Entry(source, settings_hash)
            records.append(
                {"type": "plan", "output": output, "source": source, "settings_hash": settings_hash}
            )
        self.settings[settings_hash] = settings
        self._append(records)
        if self.fault is not None:  # refuse the batch before any work
            raise OSError(errno.EIO, f"the journal cannot be written ({self.fault})", str(self.path))

    def done(
        self,
        output: str,
        *,
        source_print: Fingerprint,
        prints: Sequence[Fingerprint],
        result: Mapping[str, Any],
    ) -> None:
        """Write down a finished output. A failure to write is kept in `fault`."""
        entry = self.entries[output]
        entry.done, entry.source_print = True, source_print
        entry.prints, entry.result = list(prints), dict(result)
        record = {
            "type": "done",
            "output": output,
            "source": entry.source,
            "settings_hash": entry.settings_hash,
            "source_print": source_print,
            "prints": entry.prints,
            "result": entry.result,
        }
        self._append([record])

    def _append(self, records: Iterable[Mapping[str, Any]]) -> None:
        if self.fault is not None:
            return
        lines = b"".join(json.dumps(record).encode() + b"\n" for record in records)
        try:
            self._file.write(lines)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self.fault = error.strerror or str(error)
            with contextlib.suppress(OSError):  # closing writes the failed data again
                self._file.close()

    def _read(self) -> None:
        self._file.seek(0)
        first = self._file.readline(_MAX_LINE_BYTES)
        if first and not _begins_journal(first):
            raise ValueError(f"{self.path} is not a journal of a batch. Set journal=... to another file.")
        self._file.seek(0)
        for record in _records(self._file):
            settings = record.get("settings")
            if record.get("type") == "run" and isinstance(settings, dict):
                self.settings[str(record.get("settings_hash"))] = settings
                if is_run(run := record.get("run")):
                    self.earlier_runs.add(run)
            elif (entry := _entry(record)) is not None:
                self.entries[record["output"]] = entry
        if self._file.tell():
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")  # end a line that a crash cut short


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of the settings that differ; those of a single effect separately.

    >>> changed_settings({"dither": True, "effect": {"mix": 1.0}}, {"dither": True, "effect": {"mix": 0.5}})
    ['mix']
    """
    names: list[str] = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            names += changed_settings(old, new)
        elif json.dumps(old) != json.dumps(new):
            names.append(key)
    return names


def default_journal_path(output_dir: str, *, is_local: bool) -> Path:
    """Path of the journal: in the output folder, or for a URL with this user's state files."""
    if is_local:
        return Path(output_dir) / JOURNAL_NAME
    import hashlib

    import platformdirs

    name = hashlib.sha256(output_dir.rstrip("/").encode()).hexdigest()[:16]
    return platformdirs.user_state_path("hushgate", appauthor=False) / f"batch-{name}.jsonl"


def _records(file: BinaryIO) -> Iterator[dict[str, Any]]:
    while line := file.readline(_MAX_LINE_BYTES):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):  # cut short by a crash or a full disk, or no journal's line
            continue
        if isinstance(record, dict) and record.get("version", _VERSION) == _VERSION:
            yield record


def _begins_journal(line: bytes) -> bool:
    """True for the first line of a journal, or a beginning of it that a crash has left."""
    if not line.endswith(b"\n"):
        return line.startswith(_FIRST_BYTES) or _FIRST_BYTES.startswith(line)
    first = next(_records(io.BytesIO(line)), {})
    return first.get("type") in _TYPES and isinstance(first.get("settings_hash"), str)


def _entry(record: Mapping[str, Any]) -> Entry | None:
    """The entry of a "plan" or "done" record; None if a field is missing or has another type.

    A journal is a file in a folder of sound, so any program may have written it.
    """
    kind, output, source = record.get("type"), record.get("output"), record.get("source")
    settings_hash = record.get("settings_hash")
    if kind not in ("plan", "done") or not is_inside(output):
        return None
    if not isinstance(source, str) or not isinstance(settings_hash, str):
        return None
    if kind == "plan":
        return Entry(source, settings_hash)
    source_print, prints, result = record.get("source_print"), record.get("prints"), record.get("result")
    if not _is_fingerprint(source_print) or not isinstance(prints, list) or not isinstance(result, dict):
        return None
    if not all(_is_fingerprint(fingerprint) for fingerprint in prints):
        return None
    try:
        FileResult.from_dict(result)
    except ValueError:
        return None
    return Entry(source, settings_hash, True, source_print, prints, result)


def _is_fingerprint(value: object) -> TypeGuard[Fingerprint]:
    return isinstance(value, list) and all(isinstance(part, int | str) for part in value)


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file beside a journal, against other batches."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}{_LOCK_SUFFIX}", blocking=False, thread_local=False)
    try:
        with lock:
            try:
                yield
            finally:
                if os.name == "posix":  # while it is held: elsewhere an open file cannot be removed
                    Path(lock.lock_file).unlink(missing_ok=True)
    except Timeout:
        raise RuntimeError(
            f"another batch is writing to this output folder ({path} is in use). Wait for it to end."
        ) from None
