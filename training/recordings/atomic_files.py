"""Sound files and tables written in one step, and folders of sound files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.audio_files.atomic_write import write_atomically
from hushgate.audio_files.formats.containers import AUDIO_SUFFIXES

PART = ".hushgate-part-"


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step, replacing an old one; its folder is made where it is missing.

    Raises:
        OSError: It cannot be written; `path` is as before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content, part_prefix=PART)


def write_audio(
    path: Path, audio: NDArray[np.floating], sample_rate: int, subtype: str | None = None
) -> None:
    """Write a sound file in one step; the same samples always give the same bytes.

    Args:
        path: File ending in .wav, .flac or .ogg.
        audio: (samples,) or (channels, samples), -1.0 to 1.0.
        sample_rate: Hz.
        subtype: "PCM_16", "PCM_24"; the format's default without.

    Raises:
        OSError: It cannot be written.
    """
    # Encoded in memory first, because libsndfile reports a full disk late or not at all.
    buffer = io.BytesIO()
    soundfile.write(buffer, audio.T, sample_rate, subtype=subtype, format=path.suffix.lstrip(".").upper())
    write_bytes(path, buffer.getvalue())


def remove_parts(folder: Path) -> None:
    """Remove temporary files of an earlier run that was killed."""
    for part in folder.rglob(f"{PART}*"):
        part.unlink(missing_ok=True)


def list_audio(folder: Path) -> list[Path]:
    """Return the sound files in a folder and below, sorted; hidden ones are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")
    )
