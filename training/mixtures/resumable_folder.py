"""A folder that a run fills file by file, with a journal, so that a stopped run can be continued."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hushgate.training.recordings.atomic_files import remove_parts, write_bytes
from hushgate.training.recordings.manifest import MANIFEST_NAME, read_manifest, write_manifest

Row = dict[str, str]
_FILES = ("path", "noisy", "noise")


class ResumableFolder:
    """Settings, journal and manifest of an output folder.

    Args:
        path: New or empty folder, or one of an earlier run with the same settings.
        settings: Everything that the files depend on, as plain data.
        columns: Of the manifest. Those named path, noisy and noise hold files, relative to the folder.
        name: Word of `hushgate data` that writes it; the files of settings and journal are named after it.

    Raises:
        FileExistsError, ValueError: The folder holds something else, or files made with other settings.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], columns: Sequence[str], name: str) -> None:
        self.path = path
        self._settings, self._columns, self._name = settings, columns, name
        self._settings_file = path / f"{name}.json"
        self._journal_file = path / f".{name}-journal.csv"
        self._check_settings()

    def complete_rows(self) -> list[Row]:
        """Record the settings, and return the rows of earlier runs whose files are there."""
        write_bytes(self._settings_file, (json.dumps(self._settings, indent=1) + "\n").encode("utf-8"))
        remove_parts(self.path)
        rows = [*read_manifest(self.path / MANIFEST_NAME), *self._read_journal()]
        return [row for row in rows if all(path.is_file() for path in self._files(row))]

    def remove_files(self, rows: Iterable[Row]) -> None:
        """Remove the files of rows."""
        for row in rows:
            for path in self._files(row):
                path.unlink(missing_ok=True)

    def journalled(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on; each is in the journal before it is passed on."""
        with open(self._journal_file, "a", newline="", encoding="utf-8") as file:
            for row in rows:
                text = io.StringIO(newline="")
                csv.DictWriter(text, self._columns, restval="", lineterminator="\n").writerow(row)
                file.write(text.getvalue())
                file.flush()
                yield row

    def finish(self, rows: Sequence[Row]) -> Path:
        """Write the manifest, remove the journal, and return the manifest's path."""
        manifest = self.path / MANIFEST_NAME
        write_manifest(manifest, [{name: row.get(name, "") for name in self._columns} for row in rows])
        self._journal_file.unlink(missing_ok=True)
        return manifest

    def _check_settings(self) -> None:
        if not self._settings_file.exists():
            if self.path.is_dir() and any(self.path.iterdir()):
                raise FileExistsError(
                    f"{self.path} must be a new or empty folder, or one of hushgate data {self._name}."
                )
            return
        try:
            before = json.loads(self._settings_file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{self._settings_file} is damaged: {error}. Use another folder.") from error
        if differs := differences(before, self._settings):
            raise ValueError(
                f"{self.path} holds mixtures made with another {', '.join(differs)}. Use another folder."
            )

    def _read_journal(self) -> list[Row]:
        if not self._journal_file.exists():
            return []
        text = self._journal_file.read_text(encoding="utf-8")
        # A line without newline was being written when the run was stopped.
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            write_bytes(self._journal_file, whole.encode("utf-8"))
        return list(csv.DictReader(io.StringIO(whole), self._columns))

    def _files(self, row: Row) -> list[Path]:
        return [self.path / row[name] for name in _FILES if row.get(name)]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Keys of `now` whose values differ; of a table, "table.key" for all keys in it."""
    differs: list[str] = []
    for name, new in now.items():
        old = before.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            differs += [f"{name}.{key}" for key in {**old, **new} if not _is_same(old.get(key), new.get(key))]
        elif not _is_same(old, new):
            differs.append(name)
    return differs


def _is_same(old: Any, new: Any) -> bool:
    """Whether two values are one in a file, where tuples are lists."""
    same: bool = json.loads(json.dumps(old)) == json.loads(json.dumps(new))
    return same
