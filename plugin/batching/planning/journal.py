"""The log of an output folder: which files are finished, from what, and with which settings.

One JSON object per line, appended and flushed to the disk as things happen, so a crash loses at most
the last line. A file that was planned but is not noted as done is unfinished, whatever lies under
its name; whoever resumes may write it again.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

from hushgate.batching.planning.storage import Fingerprint

JOURNAL_NAME = ".hushgate-journal.jsonl"
_VERSION = 1


@dataclass
class Entry:
    """The last word about one output.

    Attributes:
        source: Absolute path or URL it is made from.
        settings_hash: What it was, or is to be, made with.
        done: Whether it is finished.
        source_print: Fingerprint of the source when it was read.
        prints: Fingerprints of what was written: the output, then the residual.
        result: The figures.
    """

    source: str
    settings_hash: str
    done: bool = False
    source_print: Fingerprint = field(default_factory=list)
    prints: list[Fingerprint] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)


class Journal:
    """Open the journal of an output folder for this batch alone.

    Args:
        path: The file; made when it is not there.

    Attributes:
        entries: What it says, by output.
        settings: Settings of earlier runs, by hash.
        fault: Why the journal cannot be written any more, None while it can.

    Raises:
        RuntimeError: Another batch is writing to it.
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
        """Note what is about to be made: absolute sources by output."""
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
        if self.fault is not None:  # before the work begins there is time to say so
            raise OSError(errno.EIO, f"the journal cannot be written ({self.fault})", str(self.path))

    def done(
        self,
        output: str,
        *,
        source_print: Fingerprint,
        prints: Sequence[Fingerprint],
        result: Mapping[str, Any],
    ) -> None:
        """Note that an output is finished. A journal that cannot be written says so in `fault`."""
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
            with contextlib.suppress(OSError):  # what could not be flushed would be tried again at the end
                self._file.close()

    def _read(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        if content and not content.endswith(b"\n"):
            self._file.write(b"\n")  # a line that a crash cut short must not swallow the next
        for record in _records(content):
            kind, settings_hash = record.get("type"), str(record.get("settings_hash"))
            if kind == "run":
                self.settings[settings_hash] = record.get("settings", {})
            elif kind == "plan":
                self.entries[record["output"]] = Entry(record["source"], settings_hash)
            elif kind == "done":
                self.entries[record["output"]] = Entry(
                    record["source"],
                    settings_hash,
                    True,
                    record["source_print"],
                    record["prints"],
                    record["result"],
                )


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of the settings that differ, those of a single effect one by one.

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
    """Where the journal of an output folder lies: in it, or for a remote one with this user's state."""
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


def _lock(file: BinaryIO, path: Path) -> None:
    """Keep other batches out. Where the system has no such locks, nothing keeps them out."""
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
