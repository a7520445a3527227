"""Tags and markers carried from a sound file to the file that is made from it."""

from __future__ import annotations

import contextlib
import functools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.metadata.chunk_copy import copy_chunks
from hushgate.audio_files.metadata.comment_fields import MASK_COMMENT, OGG_FAMILIES, open_ogg
from hushgate.audio_files.metadata.fields import read_fields, write_fields
from hushgate.audio_files.metadata.id3_fields import read_id3
from hushgate.audio_files.metadata.stale_figures import drop_stale_frames, drop_stale_items, is_stale

_FAMILIES = {
    "WAV": "RIFF",
    "WAVEX": "RIFF",
    "RF64": "RIFF",
    "AIFF": "AIFF",
    "W64": "W64",
    "CAF": "CAF",
    "FLAC": "FLAC",
    "MP3": "MP3",
    "MP4": "MP4",
    "MOV": "MP4",
    "MATROSKA": "Matroska",
    "WEBM": "Matroska",
}
_OGG_FAMILIES = {"VORBIS": "Vorbis", "OPUS": "Opus", "FLAC_16": "OggFLAC", "FLAC_24": "OggFLAC"}
# Families that only FFmpeg writes or reads the tags of.
_FFMPEG_FAMILY = "FFmpeg"
# FLAC's block types (RFC 9639, section 8): application, comments, cue sheet, picture.
_FLAC_METADATA = (2, 4, 5, 6)
_ID3V1_BYTES = 128
_FFMPEG_CONTAINERS = frozenset(
    "ASF ADTS AMR APE WV TTA TAK MPC MPC8 DSF FLV AVI MPEGTS RM IFF".split()  # noqa: SIM905
)
# What mutagen and our own parsers raise on tags that are damaged.
DAMAGE = (ValueError, KeyError, IndexError, EOFError, struct.error)

# Stores what was read from a source in a target; returns what could not be kept.
_Store = Callable[[Path], list[str]]


def copy_metadata(
    source: Path, source_format: AudioFormat, target: Path, target_format: AudioFormat
) -> list[str]:
    """Give `target` what `source` carries beside its sound.

    Between files of one family everything is kept as it is: chunks of WAV, AIFF, CAF and Wave64 byte
    for byte, ID3 frames, Vorbis comments, pictures, cue sheets and application blocks. Into another
    family go the fields that both know (title, artist, album, date, comment and the like) and pictures.

    Args:
        source: The file that was read.
        source_format: Its format.
        target: The complete new file, which is changed.
        target_format: Its format.

    Returns:
        What could not be kept, one sentence each. Damaged tags, and tags that do not fit in the target, are
        reported so too: they are no reason to lose the sound.

    Raises:
        OSError: The disk is full or fails.
    """
    from mutagen import MutagenError

    source_family, target_family = family(source_format), family(target_format)
    try:
        if source_family == target_family and source_family in _LOADERS:
            store = _LOADERS[source_family](source)
        else:
            store = _load_common(source, source_family, target_family)
    except (MutagenError, *DAMAGE) as error:
        return [f"tags were not kept, because they are damaged ({_describe(error)})."]
    try:
        return store(target)
    except MutagenError as error:
        if isinstance(error.__context__, OSError):  # mutagen wraps the system's errors
            raise error.__context__ from None
        return [f"tags were not kept, because they cannot be written ({_describe(error)})."]
    except DAMAGE as error:
        return [f"tags were not kept, because they cannot be written ({_describe(error)})."]


def family(format: AudioFormat) -> str | None:
    """Which kind of tags a format carries; None for formats that carry none we know.

    >>> family(AudioFormat(48_000, 1, None, "WAVEX", "PCM_24"))
    'RIFF'
    """
    if format.container == "OGG":
        return _OGG_FAMILIES.get(format.subtype)
    return _FAMILIES.get(format.container, _FFMPEG_FAMILY if format.container in _FFMPEG_CONTAINERS else None)


def _load_common(source: Path, source_family: str | None, target_family: str | None) -> _Store:
    fields = read_fields(source, source_family)

    def store(target: Path) -> list[str]:
        lost = sorted({*fields.lost, *write_fields(target, target_family, fields)})
        return [f"{target_family or 'this format'} cannot hold some tags: {', '.join(lost)}."] if lost else []

    return store


def _load_chunks(source: Path) -> _Store:
    return lambda target: copy_chunks(source, target)


def _load_mp3(source: Path) -> _Store:
    from mutagen.apev2 import APENoHeaderError, APEv2

    id3 = read_id3(source, translate=False)
    ape = None
    if id3 is not None:
        drop_stale_frames(id3)
    with contextlib.suppress(APENoHeaderError):
        ape = APEv2(source)
        drop_stale_items(ape)
    with source.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _ID3V1_BYTES))
        has_id3v1 = file.read(3) == b"TAG"

    def store(target: Path) -> list[str]:
        if id3:
            is_v23 = id3.version[:2] == (2, 3)
            id3.save(target, v1=2 if has_id3v1 else 0, v2_version=3 if is_v23 else 4)
        if ape:
            ape.save(target)
        return []

    return store


def _load_flac(source: Path) -> _Store:
    from mutagen.flac import FLAC

    old: Any = FLAC(source)
    from_id3 = read_fields(source, "FLAC", only_id3=True)  # in front: some programs put ID3v2 there

    def store(target: Path) -> list[str]:
        new: Any = FLAC(target)
        if old.tags is not None and new.tags is not None:
            old.tags.vendor = new.tags.vendor  # the encoder that made this file
        if old.tags is not None:
            old.tags[:] = [(name, text) for name, text in old.tags if not _is_left_behind(name)]
        kept = [block for block in old.metadata_blocks if block.code in _FLAC_METADATA]
        if kept:
            fresh = [block for block in new.metadata_blocks if block.code not in _FLAC_METADATA]
            new.metadata_blocks = fresh + kept
            new.save()
        known = {name.upper() for name, _ in old.tags or []}
        from_id3.texts = {name: texts for name, texts in from_id3.texts.items() if name not in known}
        if old.pictures:
            from_id3.pictures = []
        lost = sorted({*from_id3.lost, *write_fields(target, "FLAC", from_id3)})
        return [f"FLAC cannot hold some tags: {', '.join(lost)}."] if lost else []

    return store


def _load_mp4(source: Path) -> _Store:
    from mutagen.mp4 import MP4

    old: Any = MP4(source)

    def store(target: Path) -> list[str]:
        if old.tags:
            new: Any = MP4(target)
            if new.tags is None:
                new.add_tags()
            for key, values in old.tags.items():
                if not is_stale(key):
                    new.tags[key] = values
            new.save()
        return []

    return store


def _is_left_behind(name: str) -> bool:
    """The loudspeaker comment of FLAC is written anew."""
    return is_stale(name) or name.upper() == MASK_COMMENT


def _load_ogg(family: str, source: Path) -> _Store:
    old = open_ogg(source, family)

    def store(target: Path) -> list[str]:
        if old.tags:
            new = open_ogg(target, family)
            new.tags[:] = [(name, text) for name, text in old.tags if not is_stale(name)]
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
    "MP4": _load_mp4,
    **{family: functools.partial(_load_ogg, family) for family in OGG_FAMILIES},
}
