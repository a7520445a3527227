"""Files written in one step: what cannot be finished leaves nothing behind."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

AUDIO_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff"}
_PART = ".hushgate-part-"


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under another name, then swap it in.

    Raises:
        OSError: It cannot be written; `path` is as before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{_PART}{os.getpid()}-{path.name}")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        # A full disk is reported without a name, others with the temporary one.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


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
    # Through memory: libsndfile reports a full disk late or not at all.
    buffer = io.BytesIO()
    soundfile.write(buffer, audio.T, sample_rate, subtype=subtype, format=path.suffix.lstrip(".").upper())
    write_bytes(path, buffer.getvalue())


def remove_parts(folder: Path) -> None:
    """Remove what an earlier run that was killed has left under its other names."""
    for part in folder.rglob(f"{_PART}*"):
        part.unlink(missing_ok=True)


def list_audio(folder: Path) -> list[Path]:
    """Return the sound files in a folder and below, sorted; hidden ones are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")
    )
