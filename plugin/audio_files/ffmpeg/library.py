"""PyAV, loaded when a file needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hushgate.audio_files.scanning.sound_parts import plan_reading
from hushgate.errors import AudioFileError


def load_av(name: str, *, verb: str = "read") -> Any:
    """The module `av`, with its messages to standard error switched off.

    Args:
        name: The file that needs it.
        verb: What is to be done with the file.

    Raises:
        AudioFileError: It is not installed.
    """
    try:
        import av
    except ModuleNotFoundError as error:
        raise AudioFileError(
            f"{name} cannot be {'read' if verb == 'read' else 'written'} without FFmpeg's libraries. "
            "Install them: pip install 'hushgate[formats]'"
        ) from error
    av.logging.set_level(None)
    return av


def refuse_other_files(*_: object, **__: object) -> Any:
    """For `io_open` of `av.open`: a file may name other files and addresses; none is opened."""
    raise OSError("a sound file must not refer to other files")


def open_source(av: Any, path: Path) -> Any:
    """Open a file with the demuxer that its first bytes call for, and no other.

    Raises:
        ValueError: Not a file for FFmpeg.
    """
    with path.open("rb") as file:
        demuxer = plan_reading(file, path.suffix.lower()).demuxer
        if not demuxer:
            raise ValueError(f"{path} is no film")
    return av.open(
        path.open("rb"), mode="r", format=demuxer, metadata_errors="replace", io_open=refuse_other_files
    )
