"""Files, pipes and file objects opened for reading or writing sound block by block."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

from hushgate.audio_files.atomic_write import Original, check_target
from hushgate.audio_files.audio_protocols import AudioReader, AudioWriter
from hushgate.audio_files.dither import dither_seed_for
from hushgate.audio_files.excerpt import Excerpt, ExcerptReader, parse_time
from hushgate.audio_files.file_objects import open_object
from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.containers import FFMPEG_SUBTYPES, FILM_SUFFIXES
from hushgate.audio_files.formats.output_format import describe_changes, output_format
from hushgate.audio_files.metadata.metadata_carrier import MetadataCarrier
from hushgate.audio_files.part_files import PART_PREFIX
from hushgate.audio_files.pipes.open_pipe import PIPE, open_pipe, open_standard_output, standard_buffer
from hushgate.audio_files.pipes.wav_pipe import parse_raw_format
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
    "open_input",
    "open_output",
    "parse_time",
]


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
    if raw_format is None and _can_seek(path):
        return FileReader(path, allow_truncated=allow_truncated)
    return open_pipe(path, allow_truncated=allow_truncated, raw_format=raw_format)


def _can_seek(path: str | os.PathLike[str] | BinaryIO) -> bool:
    if not isinstance(path, str | os.PathLike):
        return path.seekable()
    return str(path) != PIPE and not stat.S_ISFIFO(os.stat(path).st_mode)


def open_output(
    path: str | os.PathLike[str] | BinaryIO,
    source: AudioFormat,
    source_path: str | os.PathLike[str] | BinaryIO,
    *,
    subtype: str | None = None,
    overwrite: bool = False,
    dither: bool = True,
    dither_name: str | None = None,
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
        dither: Add dither where samples get shorter.
        dither_name: What alone its noise depends on; None for the file name of the output.
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
    carrier = MetadataCarrier(tags_from, source, excerpt)
    if not isinstance(path, str | os.PathLike):
        return open_object(path, source, carrier, subtype=subtype, dither=dither)
    never_replaced = [*_originals(source_path), *originals]
    if str(path) == PIPE:
        return open_standard_output(
            source, from_file, subtype=subtype, dither=dither, originals=never_replaced
        )
    target = Path(path)
    check_target(target, overwrite=True, originals=never_replaced)
    format = output_format(source, from_file, target, subtype)
    film = _film_source(from_file, target, format, excerpt)
    seed = dither_seed_for(source.subtype, format.subtype, dither_name or target.name) if dither else None
    writer = FileWriter(
        target,
        format,
        overwrite=overwrite,
        dither_seed=seed,
        finish=lambda part: carrier.finish(part, writer),
        part_prefix=part_prefix,
        source_rate=source.sample_rate,
        film=film,
        parts=carrier.leading_parts(format),
        originals=never_replaced,
    )
    writer.warnings += [f"{target}: {change}" for change in describe_changes(source, format)]
    return writer


def _originals(source_path: str | os.PathLike[str] | BinaryIO) -> list[Original]:
    """The file that the sound comes from, also where standard input or a file object is read."""
    is_name = isinstance(source_path, str | os.PathLike)
    if isinstance(source_path, str | os.PathLike) and str(source_path) != PIPE:
        return [source_path]
    with contextlib.suppress(OSError, AttributeError):  # not a file of the system
        stream: Any = standard_buffer(sys.stdin) if is_name else source_path
        return [int(stream.fileno())]
    return []


def _film_source(
    from_file: Path | None, target: Path, format: AudioFormat, excerpt: Excerpt | None
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
