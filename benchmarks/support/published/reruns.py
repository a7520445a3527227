"""Published figures that a command on their page measures anew, from recordings or generated sound."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from support import ROOT

DATA, FIRST_DATA = "DATA", "FIRST_DATA"
# The recordings that the voice sets were published with; DATA has had more since.
_FIRST_RECORDINGS = ("speech/librispeech/", "speech/commands/", "speech/words/", "noise/esc10/")

Key = tuple[str, str, str]
"""(first heading, row, column) of a figure in a Markdown table."""

# How far a measure may lie from the page, by a word in its heading, the first that fits. Pages round; other
# processors and versions of onnxruntime round otherwise; the DNSMOS of older tables averaged other windows.
_TOLERANCES = (
    ("made worse", 1.0),
    ("PESQ", 0.03),
    ("STOI", 0.003),
    ("DNSMOS", 0.06),
    ("level dB", 0.03),
    ("above 8 kHz dB", 0.3),
    ("SI-SDR", 0.15),
    ("median error", 0.002),
    ("95 %", 0.02),
    ("largest", 0.2),
    ("first reading", 10.0),
)
_NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?"


class NotHere(Exception):
    """What a command needs is not on this machine."""


def read_tables(text: str) -> dict[Key, float]:
    """The first number of every cell of every Markdown table; cells without one are left out."""
    figures: dict[Key, float] = {}
    header: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            header = []
        elif not header:
            header = cells
        else:
            for column, cell in zip(header[1:], cells[1:], strict=False):
                found = re.match(_NUMBER, cell.strip("*"))
                if found:
                    figures[header[0], cells[0], column] = float(found[0].replace(",", ""))
    return figures


def section(text: str, name: str) -> str:
    """What stands between the marks of that name, or else below the heading of that name.

    Raises:
        ValueError: The page has neither.
    """
    marked = re.search(rf"<!-- {re.escape(name)} -->(.*?)<!-- end of {re.escape(name)} -->", text, re.DOTALL)
    headed = re.search(rf"^#+ {re.escape(name)}$(.*?)(?=^#+ |\Z)", text, re.DOTALL | re.MULTILINE)
    found = marked or headed
    if found is None:
        raise ValueError(f"the page has no section {name!r}.")
    return found[1]


def tolerance(key: Key) -> float:
    """Largest difference that counts as right."""
    heading = f"{key[2]} {key[0]}"
    return next(value for word, value in _TOLERANCES if word in heading)


class Bench:
    """Runs commands once each, on the folders of one machine.

    Args:
        data: Folder with a manifest of speech and noise; None without one.
    """

    def __init__(self, data: Path | None = None) -> None:
        self.data = data
        # Removed with the object.
        self._temporary = tempfile.TemporaryDirectory(prefix="hushgate-claims-")
        self._printed: dict[tuple[str, ...], str] = {}

    def output(self, words: Sequence[str], packages: Sequence[str] = ()) -> str:
        """What a command prints.

        Args:
            words: Of the command, without "python"; DATA and FIRST_DATA stand for folders.
            packages: Modules that it imports and that may be missing.

        Raises:
            NotHere: A folder or a package is missing.
            ValueError: The command failed.
        """
        missing = [name for name in packages if find_spec(name) is None]
        if missing:
            raise NotHere(f"without {', '.join(missing)}")
        key = tuple(words)
        if key not in self._printed:
            done = subprocess.run(
                [sys.executable, *(self.folder(word) for word in words)],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "benchmarks")},
                capture_output=True,
                text=True,
            )
            if done.returncode:
                raise ValueError(f"python {' '.join(words)} failed: {_last_line(done.stderr)}")
            self._printed[key] = done.stdout
        return self._printed[key]

    def folder(self, word: str) -> str:
        """The folder that a word of a command stands for, or the word.

        Raises:
            NotHere: There is no such folder here.
        """
        if word not in (DATA, FIRST_DATA):
            return word
        if self.data is None:
            raise NotHere("without --data")
        return str(self.data.resolve() if word == DATA else self._first_recordings(self.data.resolve()))

    def _first_recordings(self, data: Path) -> Path:
        folder = Path(self._temporary.name) / FIRST_DATA
        if not folder.exists():
            folder.mkdir()
            header, *rows = (data / "manifest.csv").read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [row for row in rows if row.startswith(_FIRST_RECORDINGS)]
            (folder / "manifest.csv").write_text("".join([header, *kept]), encoding="utf-8")
            for kind in {row.split("/", 1)[0] for row in kept}:
                (folder / kind).symlink_to(data / kind, target_is_directory=True)
        return folder


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]


@dataclass(frozen=True)
class Cell:
    """A figure in a table on a page, and where a command prints it.

    Attributes:
        page: File, relative to the repository.
        place: Name of the page's section: its marks, or its heading.
        key: Where it stands on the page.
        words: Of the command.
        printed: Where it stands in what the command prints.
        packages: Modules that the command needs.
    """

    page: str
    place: str
    key: Key
    words: tuple[str, ...]
    printed: Key
    packages: tuple[str, ...] = ()
    unit: str = ""

    @property
    def what(self) -> str:
        """Row and column of the figure."""
        first, row, column = self.key
        by = f" ({first})" if " by " in first else ""
        return f"{self.place}: {row}, {column}{by}"

    @property
    def tolerance(self) -> float:
        return tolerance(self.key)

    def published(self) -> float:
        """The figure on the page.

        Raises:
            ValueError: The page does not have it.
        """
        return _page_tables(self.page, self.place)[self.key]

    def measure(self, bench: Bench) -> float:
        """The figure anew.

        Raises:
            NotHere, ValueError: The command cannot run here, or does not print the figure.
        """
        figures = read_tables(bench.output(self.words, self.packages))
        if self.printed not in figures:
            raise ValueError(f"python {' '.join(self.words)} prints no {self.printed}.")
        return figures[self.printed]


@dataclass(frozen=True)
class Line:
    """A figure in the text of a page, and how it follows from what a command prints."""

    page: str
    what: str
    pattern: str
    words: tuple[str, ...]
    printed: str
    tolerance: float
    unit: str = ""
    packages: tuple[str, ...] = ()

    def published(self) -> float:
        """The figure on the page.

        Raises:
            ValueError: The page does not have it.
        """
        return _first(self.pattern, (ROOT / self.page).read_text(encoding="utf-8"), self.page)

    def measure(self, bench: Bench) -> float:
        """The figure anew: the first match in the output.

        Raises:
            NotHere, ValueError: The command cannot run here, or does not print the figure.
        """
        output = bench.output(self.words, self.packages)
        return _first(self.printed, output, f"python {' '.join(self.words)}")


def _first(pattern: str, text: str, source: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"{source} has no {pattern}.")
    return float(found[1].replace(",", ""))


@functools.cache
def _page_tables(page: str, place: str) -> dict[Key, float]:
    return read_tables(section((ROOT / page).read_text(encoding="utf-8"), place))


@dataclass(frozen=True)
class Table:
    """Rows of a section of a page, and the command that prints them.

    Attributes:
        rows: Name on the page -> name in the output.
        columns: Those that are compared; none for all that have a tolerance.
        first: First heading in the output, where the page's differs.
    """

    page: str
    place: str
    words: tuple[str, ...]
    rows: Mapping[str, str]
    columns: tuple[str, ...] = ()
    first: str | None = None
    packages: tuple[str, ...] = field(default=())

    def cells(self) -> Iterator[Cell]:
        """Every figure of these rows that the page has."""
        for key in _page_tables(self.page, self.place):
            first, row, column = key
            wanted = not self.columns or column in self.columns
            if row in self.rows and wanted and any(word in f"{column} {first}" for word, _ in _TOLERANCES):
                printed = (first if self.first is None else self.first, self.rows[row], column)
                yield Cell(self.page, self.place, key, self.words, printed, self.packages)
