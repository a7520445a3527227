"""Recordings and layout of a corpus, and checks that all corpora share."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SHOWN = 6


@dataclass(frozen=True)
class Recording:
    """One sound file of a corpus.

    Attributes:
        path: Where it is.
        kind: "speech", "noise" or another kind of the manifest.
        label: Speaker or class.
        split: "train", "val", "test", or "" where the corpus has no splits.
        group: Speaker or source recording, which a split keeps together.
        noisy: The same take with noise.
    """

    path: Path
    kind: str
    label: str
    split: str = ""
    group: str = ""
    noisy: Path | None = None


@dataclass(frozen=True)
class Options:
    """Options of single corpora.

    Args:
        subsets: Parts of LibriSpeech, such as "train-clean-100"; all there are by default.
        tables: Tables of Common Voice, such as "validated"; train, dev and test by default.
        esc10: Of ESC-50, only the ten classes that are free of the NonCommercial licence.
        val_fold, test_fold: Folds of UrbanSound8K and ESC-50; the last but one and the last by default.
        kinds: Kind of each folder for the corpora "folders" and "pairs".
    """

    subsets: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    esc10: bool = False
    val_fold: int | None = None
    test_fold: int | None = None
    kinds: tuple[str, ...] = ()


Finder = Callable[[Sequence[Path], Options], list[Recording]]


@dataclass(frozen=True)
class Corpus:
    """A known corpus: its layout, licence and the function that lists its recordings.

    Attributes:
        title: Name for people.
        layout: What the folder must hold.
        license: What its makers say of it.
        find: Lists the recordings, or raises ValueError for another layout.
        num_folders: Fewest and most folders it takes.
        options: Which of `Options` it uses.
    """

    title: str
    layout: str
    license: str
    find: Finder
    num_folders: tuple[int, int] = (1, 1)
    options: Mapping[str, str] = field(default_factory=dict)


def enter(folder: Path, *names: str) -> Path:
    """Return the folder of one of these names inside `folder`, as archives make it, or `folder` itself.

    Raises:
        FileNotFoundError: `folder` does not exist.
        NotADirectoryError: It is a file.
    """
    if not folder.exists():
        raise FileNotFoundError(f"folder {folder} does not exist.")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} must be a folder (got a file). Unpack archives first.")
    for name in names:
        if (folder / name).is_dir():
            return folder / name
    return folder


def wrong_layout(title: str, folder: Path, needs: str) -> ValueError:
    """Return the error for a folder that is not laid out as `title` is: what is needed, what is there."""
    there = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir())
    shown = ", ".join(there[:SHOWN]) + (f" and {len(there) - SHOWN} more" if len(there) > SHOWN else "")
    return ValueError(
        f"{folder} is not laid out as {title}: it must hold {needs} (holds {shown or 'nothing'})."
    )


def read_table(path: Path, columns: Sequence[str], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Yield the lines of a table that must have certain columns.

    Raises:
        ValueError: A column is missing.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        # Sentences of Common Voice hold unpaired quotation marks.
        reader = csv.DictReader(
            file, delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "	" else csv.QUOTE_MINIMAL
        )
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} must have the columns {', '.join(columns)} (lacks {missing[0]}).")
        yield from reader


def check_listed(title: str, table: Path, recordings: Sequence[Recording]) -> list[Recording]:
    """Return the recordings if every one that a table lists is there.

    Raises:
        FileNotFoundError: Some are not; names the first and counts the others.
    """
    missing = [recording.path for recording in recordings if not recording.path.is_file()]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise FileNotFoundError(
            f"{missing[0]}{others} of the {len(recordings)} files that {table.name} lists must be there: "
            f"unpack {title} again."
        )
    return list(recordings)
