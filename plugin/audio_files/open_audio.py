"""Open what a command was given, file or pipe, for reading or writing block by block."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from io import BufferedIOBase
from pathlib import Path
from typing import Protocol, Self, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.atomic_write import check_target
from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats import AudioFormat, output_format
from hushgate.audio_files.metadata_copy import copy_metadata
from hushgate.audio_files.wav_pipe import PIPE_SUBTYPES, WavStreamReader, WavStreamWriter
from hushgate.errors import AudioFileError
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE

__all__ = [
    "DEFAULT_BLOCK_SIZE",
    "PIPE",
    "AudioFormat",
    "AudioReader",
    "AudioWriter",
    "FileReader",
    "FileWriter",
    "check_target",
    "open_input",
    "open_output",
]

PIPE = "-"


class AudioReader(Protocol):
    """A source of sound: a file or a pipe."""

    format: AudioFormat
    warnings: list[str]

    def blocks(self, block_size: int = ...) -> Iterator[NDArray[np.float32]]:
        """Yield float32 (channels, samples) of at most `block_size` samples, to the end."""


class AudioWriter(Protocol):
    """A sink for sound: a file or a pipe."""

    format: AudioFormat
    num_clipped: int
    warnings: list[str]

    def write(self, block: NDArray[np.float32]) -> None:
        """Append float32 (channels, samples)."""


class _PipeReader(WavStreamReader):
    """A pipe as a source; only one that was opened for it is closed at the end."""

    def __init__(self, stream: BufferedIOBase, name: str, *, owned: bool, allow_truncated: bool) -> None:
        self._owned = stream if owned else None
        super().__init__(stream, name, allow_truncated=allow_truncated)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._owned is not None:
            self._owned.close()


class _PipeWriter(WavStreamWriter):
    """Standard output as a sink; the stream is finished when it is left normally."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish()


def open_input(
    path: str | os.PathLike[str], *, allow_truncated: bool = False
) -> AbstractContextManager[AudioReader]:
    """A context manager that reads `path`: a sound file, or WAV from a pipe.

    Args:
        path: File name, name of a pipe, or "-" for standard input.
        allow_truncated: Take what is there of sound that is cut short, and say so in `warnings`.

    Raises:
        OSError, AudioFileError: See `FileReader` and `WavStreamReader`.
    """
    if str(path) == PIPE:
        stdin = _standard(sys.stdin)
        return _PipeReader(stdin, "standard input", owned=False, allow_truncated=allow_truncated)
    if stat.S_ISFIFO(os.stat(path).st_mode):
        return _PipeReader(open(path, "rb"), str(path), owned=True, allow_truncated=allow_truncated)
    return FileReader(path, allow_truncated=allow_truncated)


def open_output(
    path: str | os.PathLike[str],
    source: AudioFormat,
    source_path: str | os.PathLike[str],
    *,
    subtype: str | None = None,
    overwrite: bool = False,
) -> AbstractContextManager[AudioWriter]:
    """A context manager that writes what comes from `source_path` in the form of `source`.

    Between files, tags and markers go along; what could not be kept is said in `warnings` at the end.

    Args:
        path: File name, or "-" for WAV on standard output.
        source: Form of the input; see `output_format` for what becomes of it.
        source_path: Where the input comes from, file name or "-".
        subtype: soundfile's name of a sample format to use instead of the source's.
        overwrite: Replace a file that is there.

    Raises:
        ValueError: Input and output are the same file.
        OSError, AudioFileError: See `FileWriter`.
    """
    from_file = None if str(source_path) == PIPE else Path(source_path)
    if str(path) == PIPE:
        form = output_format(source, from_file, Path("standard output.wav"), subtype)
        if form.subtype not in PIPE_SUBTYPES:
            raise AudioFileError(
                f"standard output cannot carry {form.subtype}. "
                f"Use --subtype with one of {', '.join(PIPE_SUBTYPES)}."
            )
        return _PipeWriter(_standard(sys.stdout), form)
    target = Path(path)
    check_target(target, overwrite=True)
    if from_file is not None and target.exists() and target.samefile(from_file):
        raise ValueError(f"{target} is both input and output. Name another output.")
    form = output_format(source, from_file, target, subtype)

    def carry_tags(part: Path) -> None:
        if from_file is not None and from_file.is_file():
            lost = copy_metadata(from_file, source, part, form)
            writer.warnings += [f"{target}: {message}" for message in lost]

    writer = FileWriter(target, form, overwrite=overwrite, finish=carry_tags)
    return writer


def _standard(stream: TextIO) -> BufferedIOBase:
    return cast(BufferedIOBase, stream.buffer)
