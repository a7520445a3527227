"""Transcripts beside recordings, as LibriSpeech lays them out, and texts of files that hushgate writes."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

from hushgate.training.recordings.atomic_files import write_bytes

TEXTS_NAME = "texts.txt"
_PATTERN = "*.trans.txt"


def find_transcript(recording: Path) -> str | None:
    """Return what is said in a recording, or None where no `*.trans.txt` of its folder has a line for it.

    A line holds the name of a file, without extension, and its text.
    """
    return _transcripts(recording.parent).get(recording.stem)


def write_texts(folder: Path, texts: Iterable[tuple[str, str]]) -> None:
    """Write names and texts, a line each, into `folder`/texts.txt; no file without a text.

    Raises:
        OSError: It cannot be written.
    """
    lines = "".join(f"{name} {text}\n" for name, text in texts)
    if lines:
        write_bytes(folder / TEXTS_NAME, lines.encode("utf-8"))


@functools.lru_cache(maxsize=64)
def _transcripts(folder: Path) -> dict[str, str]:
    texts = {}
    for path in sorted(folder.glob(_PATTERN)):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, text = line.strip().partition(" ")
            if text:
                texts[name] = text
    return texts
