"""Manifest files: kind, split, label and source of every recording."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from hushgate.training.recordings.atomic_files import write_bytes

MANIFEST_NAME = "manifest.csv"
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class ManifestRow:
    """One line of a manifest; `path` and `noisy` are relative to the manifest's folder.

    Attributes:
        path: The recording.
        kind: Role in training, such as "speech", "noise", "guitar", "room".
        split: "train", "val" or "test".
        label: Speaker, class of noise, or program.
        sample_rate, seconds: Hz and length, s.
        license: Under which it came.
        source: The corpus or program it comes from.
        noisy: The same take with noise, where there is one.
    """

    path: str
    kind: str
    split: str
    label: str
    sample_rate: int
    seconds: float
    license: str
    source: str
    noisy: str = ""


COLUMNS = tuple(column.name for column in fields(ManifestRow))


def read_manifest(path: Path, required: Sequence[str] = ()) -> list[dict[str, str]]:
    """Return the lines of a manifest; none if it does not exist.

    Raises:
        ValueError: One of the columns `required` is missing.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [column for column in required if column not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} must have the columns {', '.join(required)} (lacks {missing[0]}).")
        return list(reader)


def write_manifest(path: Path, lines: Sequence[Mapping[str, object]]) -> None:
    """Write a manifest in one step, our columns first and others as they come; `noisy` only where used.

    Raises:
        OSError: It cannot be written; the old one is still there.
    """
    names = [name for name in COLUMNS if name != "noisy" or any(line.get("noisy") for line in lines)]
    names += [name for name in dict.fromkeys(key for line in lines for key in line) if name not in COLUMNS]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    write_bytes(path, text.getvalue().encode("utf-8"))


def update_manifest(
    path: Path, rows: Sequence[ManifestRow], replaces: Callable[[dict[str, str]], bool] | None = None
) -> None:
    """Add rows to a manifest, in place of those with the same path and those that `replaces` names."""
    new = {row.path for row in rows}
    kept = [
        line
        for line in read_manifest(path)
        if line["path"] not in new and not (replaces is not None and replaces(line))
    ]
    write_manifest(path, [*kept, *(asdict(row) for row in rows)])
