"""Carry tags and markers from a sound file to its cleaned twin."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hushgate.audio_files.container_chunks import copy_chunks
from hushgate.audio_files.formats import AudioFormat
from hushgate.errors import AudioFileError

_FAMILIES = {
    "WAV": "RIFF",
    "WAVEX": "RIFF",
    "RF64": "RIFF",
    "AIFF": "AIFF",
    "W64": "W64",
    "CAF": "CAF",
    "FLAC": "FLAC",
    "MP3": "MP3",
}
_OGG_FAMILIES = {"VORBIS": "Vorbis", "OPUS": "Opus"}
# FLAC's block types (RFC 9639, section 8): application, comments, cue sheet, picture.
_FLAC_METADATA = (2, 4, 5, 6)
_ID3V1_BYTES = 128
# What mutagen and our own parsers raise on tags that are damaged.
_DAMAGE = (ValueError, KeyError, IndexError, EOFError, struct.error)

# Stores what was read from a source in a target; returns what could not be kept.
_Store = Callable[[Path], list[str]]


def copy_metadata(
    source: Path, source_form: AudioFormat, target: Path, target_form: AudioFormat
) -> list[str]:
    """Give `target` what `source` carries beside its sound.

    Between files of one family everything is kept as it is: chunks of WAV, AIFF, CAF and Wave64 byte
    for byte, ID3 frames, Vorbis comments, pictures, cue sheets and application blocks. Into another
    family go the fields that both know (title, artist, album, date, comment and the like) and pictures.

    Args:
        source: The file that was read.
        source_form: Its form.
        target: The complete new file, which is changed.
        target_form: Its form.

    Returns:
        What could not be kept, one sentence each. Damaged tags are reported so too: they are no
        reason to lose the sound.

    Raises:
        OSError: The disk is full or fails.
        AudioFileError: The tags do not fit in the target.
    """
    from mutagen import MutagenError

    source_family, target_family = family(source_form), family(target_form)
    try:
        if source_family == target_family and source_family in _LOADERS:
            store = _LOADERS[source_family](source)
        else:
            store = _load_common(source, source_family, target_family)
    except (MutagenError, *_DAMAGE) as error:
        return [f"tags were not kept, because they are damaged ({_describe(error)})."]
    try:
        return store(target)
    except MutagenError as error:
        if isinstance(error.__context__, OSError):  # mutagen wraps the system's errors
            raise error.__context__ from None
        raise AudioFileError(f"{target.name}: tags cannot be written ({_describe(error)}).") from error


def family(form: AudioFormat) -> str | None:
    """Which kind of tags a form carries; None for forms that carry none we know.

    >>> family(AudioFormat(48_000, 1, None, "WAVEX", "PCM_24"))
    'RIFF'
    """
    if form.container == "OGG":
        return _OGG_FAMILIES.get(form.subtype)
    return _FAMILIES.get(form.container)


def _load_common(source: Path, source_family: str | None, target_family: str | None) -> _Store:
    from hushgate.audio_files.metadata_fields import read_fields, write_fields

    fields = read_fields(source, source_family)

    def store(target: Path) -> list[str]:
        lost = sorted({*fields.lost, *write_fields(target, target_family, fields)})
        return [f"{target_family or 'this format'} cannot hold some tags: {', '.join(lost)}."] if lost else []

    return store


def _load_chunks(source: Path) -> _Store:
    return lambda target: copy_chunks(source, target)


def _load_mp3(source: Path) -> _Store:
    from mutagen.apev2 import APENoHeaderError, APEv2
    from mutagen.id3 import ID3, ID3NoHeaderError

    id3 = ape = None
    try:
        id3 = ID3(source, translate=False)
        if id3.version[:2] < (2, 3):
            id3 = ID3(source)  # 2.2 cannot be written: its frames are translated to 2.4
    except ID3NoHeaderError:
        pass
    with contextlib.suppress(APENoHeaderError):
        ape = APEv2(source)
    with source.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _ID3V1_BYTES))
        has_id3v1 = file.read(3) == b"TAG"

    def store(target: Path) -> list[str]:
        if id3 is not None:
            is_v23 = id3.version[:2] == (2, 3)
            id3.save(target, v1=2 if has_id3v1 else 0, v2_version=3 if is_v23 else 4)
        if ape is not None:
            ape.save(target)
        return []

    return store


def _load_flac(source: Path) -> _Store:
    from mutagen.flac import FLAC

    old: Any = FLAC(source)

    def store(target: Path) -> list[str]:
        new: Any = FLAC(target)
        if old.tags is not None and new.tags is not None:
            old.tags.vendor = new.tags.vendor  # the encoder that made this file
        kept = [block for block in old.metadata_blocks if block.code in _FLAC_METADATA]
        if kept:
            fresh = [block for block in new.metadata_blocks if block.code not in _FLAC_METADATA]
            new.metadata_blocks = fresh + kept
            new.save()
        return []

    return store


def _load_vorbis(source: Path) -> _Store:
    from mutagen.oggvorbis import OggVorbis

    return _store_comments(OggVorbis(source), OggVorbis)


def _load_opus(source: Path) -> _Store:
    from mutagen.oggopus import OggOpus

    return _store_comments(OggOpus(source), OggOpus)


def _store_comments(old: Any, kind: Callable[[Path], Any]) -> _Store:
    def store(target: Path) -> list[str]:
        if old.tags:
            new = kind(target)
            new.tags[:] = list(old.tags)
            new.save()
        return []

    return store


def _describe(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


_LOADERS: dict[str | None, Callable[[Path], _Store]] = {
    "RIFF": _load_chunks,
    "AIFF": _load_chunks,
    "W64": _load_chunks,
    "CAF": _load_chunks,
    "MP3": _load_mp3,
    "FLAC": _load_flac,
    "Vorbis": _load_vorbis,
    "Opus": _load_opus,
}
