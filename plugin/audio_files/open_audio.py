"""Files, pipes and file objects opened for reading or writing sound block by block."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.atomic_write import Original, check_target, refuse_originals
from hushgate.audio_files.dither import word_gets_shorter
from hushgate.audio_files.excerpt import Excerpt, ExcerptReader, parse_time
from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats import (
    FFMPEG_SUBTYPES,
    FILM_SUFFIXES,
    AudioFormat,
    describe_changes,
    output_format,
    writable_suffix,
)
from hushgate.audio_files.metadata.copying import copy_metadata, family, leading_tags
from hushgate.audio_files.metadata.positions import shift_positions
from hushgate.audio_files.metadata.tag_source import tag_source
from hushgate.audio_files.part_files import PART_PREFIX
from hushgate.audio_files.wav_pipe import (
    PIPE_SUBTYPES,
    RawStreamReader,
    WavStreamReader,
    WavStreamWriter,
    parse_raw_format,
)
from hushgate.errors import AudioFileError
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE

__all__ = [
    "DEFAULT_BLOCK_SIZE",
    "PIPE",
    "AudioFormat",
    "AudioReader",
    "AudioWriter",
    "Excerpt",
    "FileReader",
    "FileWriter",
    "check_target",
    "film_source",
    "open_input",
    "open_output",
    "parse_time",
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

    def complete(self) -> None:
        """Do what can fail, so that all warnings are known; a file gets its name when the writer is left."""


class _PipeReader:
    """A pipe as a source; only one that was opened for it is closed at the end."""

    def __init__(self, reader: RawStreamReader, owned: BufferedIOBase | None) -> None:
        self._reader = reader
        self._owned = owned
        self.format = reader.format
        self.warnings = reader.warnings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._owned is not None:
            self._owned.close()

    def blocks(self, block_size: int = DEFAULT_BLOCK_SIZE) -> Iterator[NDArray[np.float32]]:
        """See `AudioReader`."""
        return self._reader.blocks(block_size)


class _PipeWriter(WavStreamWriter):
    """Standard output as a sink; the stream is finished when it is left normally."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish()


class _ObjectWriter:
    """A binary file object as a sink: a file in a temporary folder, copied when it is complete."""

    def __init__(self, file: BinaryIO, folder: str, writer: FileWriter) -> None:
        self._file = file
        self._folder = folder
        self._writer = writer
        self.format = writer.format
        self.warnings = writer.warnings
        self.num_clipped = 0

    def write(self, block: NDArray[np.float32]) -> None:
        """Append float32 (channels, samples)."""
        self._writer.write(block)
        self.num_clipped = self._writer.num_clipped

    def complete(self) -> None:
        """See `AudioWriter`."""
        self._writer.complete()

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: Any) -> None:
        try:
            self._writer.__exit__(kind, *details)
            if kind is None:
                with self._writer.path.open("rb") as done:
                    shutil.copyfileobj(done, self._file)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def open_input(
    path: str | os.PathLike[str] | BinaryIO,
    *,
    allow_truncated: bool = False,
    raw: str | None = None,
    excerpt: Excerpt | None = None,
) -> AbstractContextManager[AudioReader]:
    """A context manager that reads a sound file, the sound of a film, or WAV from a pipe.

    Args:
        path: File name, name of a pipe, "-" for standard input, or a binary file object: one that can seek
            may hold any format, another one WAV.
        allow_truncated: Take what is there of sound that is cut short, and say so in `warnings`.
        raw: RATE,CHANNELS,FORMAT of samples without a header; see `parse_raw_format`.
        excerpt: Read only this part.

    Raises:
        OSError, AudioFileError: See `FileReader` and `WavStreamReader`.
        ValueError: `raw` is not such a description.
    """
    reader = _open_whole(path, allow_truncated, raw)
    if excerpt is None or excerpt == Excerpt():
        return reader
    try:
        return ExcerptReader(reader, excerpt, str(getattr(path, "name", path)))
    except BaseException:
        reader.__exit__(None, None, None)
        raise


def _open_whole(
    path: str | os.PathLike[str] | BinaryIO, allow_truncated: bool, raw: str | None
) -> AbstractContextManager[AudioReader]:
    raw_format = None if raw is None else parse_raw_format(raw)
    stream: Any
    name, owned = str(getattr(path, "name", path)), None
    if not isinstance(path, str | os.PathLike):
        if path.seekable() and raw_format is None:
            return FileReader(path, allow_truncated=allow_truncated)
        stream = path if hasattr(path, "read1") else _ReadOnce(path)
    elif str(path) == PIPE:
        stream, name = _standard(sys.stdin), "standard input"
    elif raw_format is not None or stat.S_ISFIFO(os.stat(path).st_mode):
        stream = owned = open(path, "rb")  # noqa: SIM115
    else:
        return FileReader(path, allow_truncated=allow_truncated)
    try:
        if raw_format is not None:
            reader = RawStreamReader(stream, name, raw_format, allow_truncated=allow_truncated)
        else:
            reader = WavStreamReader(stream, name, allow_truncated=allow_truncated)
    except BaseException:
        if owned is not None:
            owned.close()
        raise
    return _PipeReader(reader, owned)


class _ReadOnce:
    """`read1` for streams that have `read` only."""

    def __init__(self, stream: BinaryIO) -> None:
        self.read1 = stream.read


def open_output(
    path: str | os.PathLike[str] | BinaryIO,
    source: AudioFormat,
    source_path: str | os.PathLike[str] | BinaryIO,
    *,
    subtype: str | None = None,
    overwrite: bool = False,
    dither: bool = True,
    excerpt: Excerpt | None = None,
    part_prefix: str = PART_PREFIX,
    keep_tags: bool = True,
    originals: Iterable[Original] = (),
) -> AbstractContextManager[AudioWriter]:
    """A context manager that writes what comes from `source_path` in the format of `source`.

    Between files, tags and markers go along. From a film to a name like a film, the pictures and all other
    streams do, untouched. What could not be kept, or had to be converted, is said in `warnings` at the end.

    Args:
        path: File name, "-" for WAV on standard output, or a binary file object, to which the complete file
            is written at the end, in the container of `source` if it can be written.
        source: Format of the input; see `output_format` for what becomes of it.
        source_path: Where the input comes from: file name, "-" or a file object.
        subtype: soundfile's name of a sample format to use instead of the source's; AAC, ALAC_16, ALAC_24
            too.
        overwrite: Replace a file that exists.
        dither: Add dither where samples get shorter, depending on the output's name alone.
        excerpt: The part of the recording that is written.
        part_prefix: How temporary names begin.
        keep_tags: Carry tags over.
        originals: Files besides `source_path` that are never replaced.

    Raises:
        ValueError: Input and output are the same file, under whatever names.
        OSError, AudioFileError: See `FileWriter`.
    """
    from_file = None
    if isinstance(source_path, str | os.PathLike) and str(source_path) != PIPE:
        from_file = Path(source_path)
    tags_from = None if str(source_path) == PIPE or not keep_tags else source_path
    if not isinstance(path, str | os.PathLike):
        carrier = _Carrier(tags_from, source, excerpt)
        return _open_object(path, source, carrier, subtype=subtype, dither=dither)
    if str(path) == PIPE:
        return _open_standard_output(source, from_file, source_path, subtype=subtype, dither=dither)
    target = Path(path)
    never_replaced = [*_originals(source_path), *originals]
    check_target(target, overwrite=True, originals=never_replaced)
    format = output_format(source, from_file, target, subtype)
    film = film_source(from_file, target, format, excerpt)

    carrier = _Carrier(tags_from, source, excerpt)
    writer = FileWriter(
        target,
        format,
        overwrite=overwrite,
        dither_seed=_dither_seed(source, format, target.name) if dither else None,
        finish=lambda part: carrier.finish(part, writer),
        part_prefix=part_prefix,
        source_rate=source.sample_rate,
        film=film,
        tags=carrier.leading_tags(format),
        originals=never_replaced,
    )
    writer.warnings += [f"{target}: {change}" for change in describe_changes(source, format)]
    return writer


class _Carrier:
    """Tags and markers on their way from the input to the output."""

    def __init__(
        self,
        tags_from: str | os.PathLike[str] | BinaryIO | None,
        source: AudioFormat,
        excerpt: Excerpt | None,
    ) -> None:
        self._tags_from = tags_from
        self._source = source
        self._excerpt = excerpt

    def leading_tags(self, target: AudioFormat) -> dict[str, str]:
        """Texts that must be written before the sound."""
        if family(target) != "Matroska":
            return {}
        with tag_source(self._tags_from) as file:
            return {} if file is None else leading_tags(file, self._source, target)

    def finish(self, part: Path, writer: FileWriter) -> None:
        """Give the complete file what belongs to it; the writer warns of what could not be kept."""
        with tag_source(self._tags_from) as file:
            lost = [] if file is None else copy_metadata(file, self._source, part, writer.format)
        if self._excerpt is not None:
            start = round(self._excerpt.start_s * self._source.sample_rate)
            lost += shift_positions(part, writer.format.container, start, writer.num_written)
        writer.warnings += [f"{writer.path}: {message}" for message in lost]


def _originals(source_path: str | os.PathLike[str] | BinaryIO) -> list[Original]:
    """The file that the sound comes from, also where standard input or a file object is read."""
    is_name = isinstance(source_path, str | os.PathLike)
    if isinstance(source_path, str | os.PathLike) and str(source_path) != PIPE:
        return [source_path]
    with contextlib.suppress(OSError, AttributeError):  # not a file of the system
        stream: Any = _standard(sys.stdin) if is_name else source_path
        return [int(stream.fileno())]
    return []


def _open_standard_output(
    source: AudioFormat,
    from_file: Path | None,
    source_path: str | os.PathLike[str] | BinaryIO,
    *,
    subtype: str | None,
    dither: bool,
) -> AbstractContextManager[AudioWriter]:
    stream = _standard(sys.stdout)
    with contextlib.suppress(OSError, AttributeError):  # not a file of the system
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):  # appended to the input, say
            refuse_originals("standard output", stream.fileno(), _originals(source_path))
    format = output_format(source, from_file, Path("standard output.wav"), subtype)
    if format.container in ("WAVEX", "RF64"):
        format = replace(format, container="WAV")
    if format.subtype not in PIPE_SUBTYPES:
        raise AudioFileError(
            f"standard output cannot carry {format.subtype}. "
            f"Use subtype=... with one of {', '.join(PIPE_SUBTYPES)}."
        )
    seed = _dither_seed(source, format, "standard output") if dither else None
    writer = _PipeWriter(stream, format, dither_seed=seed)
    writer.warnings += [f"standard output: {change}" for change in describe_changes(source, format)]
    return writer


def _open_object(
    file: BinaryIO, source: AudioFormat, carrier: _Carrier, *, subtype: str | None, dither: bool
) -> AbstractContextManager[AudioWriter]:
    name = getattr(file, "name", None)
    suffix = Path(name).suffix if isinstance(name, str) else ""
    if not suffix:  # the source's own container, if it can be written
        known = {"MP3": ".mp3", "OGG": ".opus" if source.subtype == "OPUS" else ".ogg"}
        suffix = known.get(source.container, f".{source.container.lower()}")
        suffix = {".mp4": ".m4a", ".matroska": ".mka", ".wavex": ".wav"}.get(suffix, suffix)
        suffix = writable_suffix(source, Path(f"output{suffix}"))
    folder = tempfile.mkdtemp(prefix="hushgate-")
    try:
        target = Path(folder) / f"output{suffix}"
        format = output_format(source, target if not name else None, target, subtype)
        seed = _dither_seed(source, format, target.name) if dither else None
        writer = FileWriter(
            target,
            format,
            dither_seed=seed,
            source_rate=source.sample_rate,
            finish=lambda part: carrier.finish(part, writer),
            tags=carrier.leading_tags(format),
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _ObjectWriter(file, folder, writer)


def film_source(
    from_file: Path | None, target: Path, format: AudioFormat, excerpt: Excerpt | None = None
) -> Path | None:
    """The film whose pictures go along; None where the output is sound alone.

    Args:
        from_file: The input, None for a pipe.
        target: The output.
        format: Its format.
        excerpt: The part of the recording that is written.

    Raises:
        AudioFileError: An excerpt of a film.
    """
    if from_file is None or target.suffix.lower() not in FILM_SUFFIXES or not from_file.is_file():
        return None
    if format.container not in FFMPEG_SUBTYPES or from_file.suffix.lower() not in FILM_SUFFIXES:
        return None
    from hushgate.audio_files.isolation.calls import call_isolated

    if not call_isolated("has_pictures", from_file):
        return None
    if excerpt is not None and excerpt != Excerpt():
        raise AudioFileError(
            f"{from_file} is a film, and films are not cut. Name a sound file with -o for the excerpt."
        )
    return from_file


def _dither_seed(source: AudioFormat, target: AudioFormat, name: str) -> int | None:
    """A seed that depends on the output's name alone, where dither is needed."""
    if not word_gets_shorter(source.subtype, target.subtype):
        return None
    return zlib.crc32(name.encode("utf-8", "surrogateescape"))


def _standard(stream: TextIO) -> BufferedIOBase:
    return cast(BufferedIOBase, stream.buffer)
