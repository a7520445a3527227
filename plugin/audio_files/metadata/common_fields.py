"""Tags in terms that all formats share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

# What wrote the file, and figures that follow from the sound: not worth a word when they are gone.
IGNORED = {"TSSE", "TENC", "TLEN", "ISFT", "ENCODER"}


class Chapter(NamedTuple):
    """A part of a recording with a name; times in seconds."""

    start_s: float
    end_s: float
    title: str


@dataclass
class Fields:
    """Tags in common terms.

    Attributes:
        texts: Values by upper-case name, at least one of each, none of them empty.
        pictures: FLAC picture blocks, as bytes.
        chapters: Of files that FFmpeg reads.
        lost: Names of what has no common term.
    """

    texts: dict[str, list[str]] = field(default_factory=dict)
    pictures: list[bytes] = field(default_factory=list)
    chapters: list[Chapter] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def add(self, name: str, text: str) -> None:
        """Append one value, unless it is empty or there already."""
        if text and text not in self.texts.get(name.upper(), ()):
            self.texts.setdefault(name.upper(), []).append(text)
