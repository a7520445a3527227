"""Journal of an output folder: its finished files, their sources and settings.

Each line is a JSON object, appended and flushed to the disk at once, so a crash loses at most the last
line. A planned file without a "done" line is unfinished, whatever file has its name; a resumed batch may
write it again.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeGuard

from hushgate.batching.planning.results import FileResult
from hushgate.batching.planning.storage import Fingerprint, residual_name, store_for

JOURNAL_NAME = ".hushgate-journal.jsonl"
_VERSION = 1
_FIRST_BYTES = b'{"type": "'


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
    try:
        content = path.read_bytes()
    except OSError:
        return set()
    store = store_for(output_dir)
    targets = [
        store.join(output_dir, record["output"])
        for record in _records(content)
        if _is_inside(record.get("output"))
    ]
    return {store.key(name) for target in targets for name in (target, residual_name(target))}


class Journal:
    """Open the journal of an output folder for this batch alone.

    Args:
        path: The file; made if missing.

    Attributes:
        entries: State of every output, by its relative path.
        settings: Settings of earlier runs, by hash.
        fault: Reason for which the journal can no longer be written; None while it can.

    Raises:
        RuntimeError: Another batch is writing to it.
        ValueError: The file is not a journal.
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}
        self.settings: dict[str, Mapping[str, Any]] = {}
        self.fault: str | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("ab+")
        try:
            _lock(self._file, path)
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()  # which unlocks it

    def plan(self, outputs: Mapping[str, str], settings_hash: str, settings: Mapping[str, Any]) -> None:
        """Write down the planned outputs: their absolute sources, by output."""
        records: list[dict[str, Any]] = [
            {"type": "run", "version": _VERSION, "settings_hash": settings_hash, "settings": settings}
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
        content = self._file.read()
        if content and not content.startswith(_FIRST_BYTES):
            raise ValueError(f"{self.path} is not a journal of a batch. Name another file with --journal.")
        if content and not content.endswith(b"\n"):
            self._file.write(b"\n")  # end a line that a crash cut short
        for record in _records(content):
            settings = record.get("settings")
            if record.get("type") == "run" and isinstance(settings, dict):
                self.settings[str(record.get("settings_hash"))] = settings
            elif (entry := _entry(record)) is not None:
                self.entries[record["output"]] = entry


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

    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    name = hashlib.sha256(output_dir.rstrip("/").encode()).hexdigest()[:16]
    return Path(state) / "hushgate" / f"batch-{name}.jsonl"


def _records(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:  # cut short by a crash or a full disk
            continue
        if isinstance(record, dict) and record.get("version", _VERSION) == _VERSION:
            yield record


def _entry(record: Mapping[str, Any]) -> Entry | None:
    """The entry of a "plan" or "done" record; None if a field is missing or has another type.

    A journal is a file in a folder of sound, so any program may have written it.
    """
    kind, output, source = record.get("type"), record.get("output"), record.get("source")
    settings_hash = record.get("settings_hash")
    if kind not in ("plan", "done") or not _is_inside(output):
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


def _is_inside(output: object) -> bool:
    """True for a relative path that stays in the output folder."""
    if not isinstance(output, str) or not output or output.startswith("/") or os.path.isabs(output):
        return False
    return ".." not in output.replace(os.sep, "/").split("/") and "\0" not in output


def _lock(file: BinaryIO, path: Path) -> None:
    """Lock the journal against other batches, where the system and the file system have locks."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            return  # a file system without locks
        raise RuntimeError(
            f"another batch is writing to this output folder ({path} is in use). Wait for it to end."
        ) from None
