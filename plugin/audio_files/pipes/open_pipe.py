"""Pipes as sources and sinks: WAV, or samples without a header."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO, Self, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.atomic_write import Original, refuse_originals
from hushgate.audio_files.audio_protocols import AudioReader, AudioWriter
from hushgate.audio_files.dither import dither_seed_for
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.output_format import describe_changes, output_format
from hushgate.audio_files.pipes.known_formats import NUM_HEAD_BYTES, known_format
from hushgate.audio_files.pipes.wav_pipe import (
    RawStreamReader,
    WavStreamReader,
    WavStreamWriter,
    pipe_format,
)
from hushgate.errors import errors_naming
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE

PIPE = "-"
_OUTPUT = "standard output"


def standard_buffer(stream: TextIO) -> BufferedIOBase:
    """The bytes below standard input or output."""
    return cast(BufferedIOBase, stream.buffer)


class _PipeReader:
    """A pipe as a source; only one that was opened for it is closed at the end."""

    def __init__(self, reader: RawStreamReader, owned: BufferedIOBase | None, *, is_pipe: bool) -> None:
        self._reader = reader
        self._owned = owned
        self._is_pipe = is_pipe
        self.format = reader.format
        self.warnings = reader.warnings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._owned is not None:
            self._owned.close()

    def blocks(self, block_size: int = DEFAULT_BLOCK_SIZE) -> Iterator[NDArray[np.float32]]:
        """See `AudioReader`."""
        yield from self._reader.blocks(block_size)
        # A producer that could not write what follows the sound would end with an error, SIGPIPE.
        if self._is_pipe:
            self._reader.skip_rest()


class _PipeWriter(WavStreamWriter):
    """Standard output as a sink; the stream is finished when it is left normally."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            with errors_naming(_OUTPUT):
                self.finish()

    def write(self, block: NDArray[np.float32]) -> None:
        """See `WavStreamWriter`."""
        with errors_naming(_OUTPUT):
            super().write(block)


class _ReadOnce:
    """`read1` for streams that have `read` only."""

    def __init__(self, stream: BinaryIO) -> None:
        self.read1 = stream.read


def open_pipe(
    path: str | os.PathLike[str] | BinaryIO, *, allow_truncated: bool, raw_format: AudioFormat | None
) -> AbstractContextManager[AudioReader]:
    """A context manager that reads WAV, or samples without a header, from front to back.

    Args:
        path: File name, name of a pipe, "-" for standard input, or a binary file object.
        allow_truncated: Take what is there of sound that is cut short, and say so in `warnings`.
        raw_format: Format of samples without a header; None for WAV.

    Raises:
        OSError, AudioFileError: See `WavStreamReader`.
    """
    stream: Any
    name, owned = str(path), None
    if not isinstance(path, str | os.PathLike):
        name = str(getattr(path, "name", path))
        stream = path if hasattr(path, "read1") else _ReadOnce(path)
    elif str(path) == PIPE:
        stream, name = standard_buffer(sys.stdin), "standard input"
    else:
        stream = owned = open(path, "rb")  # noqa: SIM115
    try:
        if raw_format is not None:
            reader = RawStreamReader(stream, name, raw_format, allow_truncated=allow_truncated)
            head = stream.peek(NUM_HEAD_BYTES) if hasattr(stream, "peek") else b""
            if kind := known_format(head):
                reader.warnings.append(
                    f"{name} looks like {kind}, and is read as samples without a header. "
                    "Leave raw=... out to decode it."
                )
        else:
            reader = WavStreamReader(stream, name, allow_truncated=allow_truncated)
    except BaseException:
        if owned is not None:
            owned.close()
        raise
    return _PipeReader(reader, owned, is_pipe=_is_pipe(stream))


def _is_pipe(stream: Any) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, AttributeError):  # not a file of the system
        return False


def open_standard_output(
    source: AudioFormat,
    from_file: Path | None,
    *,
    subtype: str | None,
    dither: bool,
    originals: Iterable[Original],
) -> AbstractContextManager[AudioWriter]:
    """A context manager that writes WAV to standard output.

    Args:
        source: Format of the input.
        from_file: The input, None for a pipe.
        subtype: soundfile's name of a sample format to use instead of the source's.
        dither: Add dither where samples get shorter.
        originals: Files that standard output must not lead to.

    Raises:
        ValueError: Standard output leads to one of the originals.
        AudioFileError: WAV in a pipe does not carry `subtype`.
    """
    stream = standard_buffer(sys.stdout)
    with contextlib.suppress(OSError, AttributeError):  # not a file of the system
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):  # appended to the input, say
            refuse_originals(_OUTPUT, stream.fileno(), originals)
    of_file = output_format(source, from_file, Path("standard output.wav"), subtype)
    format, changes = pipe_format(of_file, subtype)
    seed = dither_seed_for(source.subtype, format.subtype, _OUTPUT) if dither else None
    with errors_naming(_OUTPUT):
        writer = _PipeWriter(stream, format, dither_seed=seed)
    changes += describe_changes(source, format)
    writer.warnings += [f"{_OUTPUT}: {change}" for change in changes]
    return writer
