"""Transcripts beside recordings, as LibriSpeech lays them out."""

from __future__ import annotations

import functools
from pathlib import Path

_PATTERN = "*.trans.txt"


def find_transcript(recording: Path) -> str | None:
    """Return what is said in a recording, or None where no `*.trans.txt` of its folder has a line for it.

    A line holds the name of a file, without extension, and its text.
    """
    return _transcripts(recording.parent).get(recording.stem)


@functools.lru_cache(maxsize=64)
def _transcripts(folder: Path) -> dict[str, str]:
    texts = {}
    for path in sorted(folder.glob(_PATTERN)):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, text = line.strip().partition(" ")
            if text:
                texts[name] = text
    return texts
