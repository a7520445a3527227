"""PyAV, loaded when a file needs it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from hushgate.audio_files.scanning.file_region import from_place
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


def _refuse_other_files(*_: object, **__: object) -> Any:
    """For `io_open` of `av.open`: a file may name other files and addresses; none is opened."""
    raise OSError("a sound file must not refer to other files")


@contextlib.contextmanager
def open_source(av: Any, path: Path) -> Iterator[Any]:
    """PyAV's container of a file, opened with the demuxer that its first bytes call for, and no other.

    Raises:
        ValueError: Not a file for FFmpeg.
    """
    with path.open("rb") as file:
        plan = plan_reading(file, path.suffix.lower())
        if not plan.demuxer:
            raise ValueError(f"{path} is no film")
        with open_container(av, from_place(file, plan.start), plan.demuxer) as container:
            yield container


def open_container(av: Any, file: BinaryIO, demuxer: str, *, parse: bool = True) -> Any:
    """PyAV's container of an open file; the file stays open.

    Args:
        av: PyAV.
        file: Open for reading, seekable.
        demuxer: FFmpeg's name of the container.
        parse: Let FFmpeg's parsers look through packets; they replace the durations that the container gives.
    """
    file.seek(0)
    options = {} if parse else {"fflags": "+noparse"}
    return av.open(
        file,
        mode="r",
        format=demuxer,
        options=options,
        metadata_errors="replace",
        io_open=_refuse_other_files,
    )


def is_cover(av: Any, stream: Any) -> bool:
    """Whether a stream of pictures is a cover, not moving pictures."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)
