"""The fields that tag formats have in common, for files that change their container."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from hushgate.audio_files.metadata.chunk_fields import take_chunks, write_info
from hushgate.audio_files.metadata.comment_fields import (
    MASK_COMMENT,
    OGG_FAMILIES,
    PICTURE_KEY,
    comment_pairs,
    open_ogg,
    take_comments,
    without_comment_name,
)
from hushgate.audio_files.metadata.common_fields import IGNORED, Chapter, Fields
from hushgate.audio_files.metadata.id3_fields import fill_id3, read_id3, take_id3
from hushgate.audio_files.metadata.mp4_fields import fill_mp4
from hushgate.audio_files.metadata.stale_figures import STALE_FRAMES, is_stale
from hushgate.audio_files.scanning.outer_tags import find_tags

# Kinds of tags that FFmpeg reads.
FFMPEG_FAMILIES = ("MP4", "Matroska", "FFmpeg")
# Blocks of FLAC have 24-bit sizes.
_MAX_FLAC_BLOCK_BYTES = 2**24 - 1


def read_fields(path: Path, family: str | None, *, only_id3: bool = False) -> Fields:
    """What a file says about itself, in common terms; nothing for formats that carry no tags we know.

    Args:
        path: The file.
        family: Kind of its tags, see `copying.family`.
        only_id3: Only what an ID3v2 tag in front of the file says.
    """
    fields = Fields()
    if only_id3:
        _take_leading_id3(path, fields)
        return _without_stale(fields)
    if family in ("RIFF", "AIFF", "W64", "CAF"):
        take_chunks(path, fields)
    elif family == "MP3":
        if (tags := read_id3(path)) is not None:
            take_id3(tags, fields)
    elif family == "FLAC":
        from mutagen.flac import FLAC

        flac: Any = FLAC(path)
        take_comments(flac.tags or [], fields)
        fields.pictures += [picture.write() for picture in flac.pictures]
        if flac.cuesheet is not None:
            fields.lost.append("cue sheet")
        _take_leading_id3(path, fields)
    elif family in OGG_FAMILIES:
        take_comments(open_ogg(path, family).tags or [], fields)
    elif family in FFMPEG_FAMILIES:
        from hushgate.audio_files.isolation.calls import call_isolated

        texts, fields.pictures, chapters = call_isolated("read_tags", path)
        fields.chapters = [Chapter(*chapter) for chapter in chapters]
        for name, text in texts:
            if name not in IGNORED:
                fields.add(name, text)
    return _without_stale(fields)


def _take_leading_id3(path: Path, fields: Fields) -> None:
    """Take what ID3v2 tags in front of a file say, if it has any."""
    with path.open("rb") as file:
        has_id3 = bool(find_tags(file))
    if has_id3:
        take_id3(read_id3(path), fields)


def _without_stale(fields: Fields) -> Fields:
    fields.texts = {name: texts for name, texts in fields.texts.items() if not is_stale(name)}
    fields.lost = [name for name in fields.lost if name not in STALE_FRAMES]
    fields.texts.pop(MASK_COMMENT, None)
    return fields


def write_fields(path: Path, family: str | None, fields: Fields) -> list[str]:
    """Store fields in a file; returns the names of those that its tags cannot hold."""
    if family in ("MP4", "Matroska"):  # chapters were written before the sound
        return _write_tags(path, family, fields)
    lost = ["chapters"] if fields.chapters else []
    return [*lost, *_write_tags(path, family, fields)]


def _write_tags(path: Path, family: str | None, fields: Fields) -> list[str]:
    if not fields.texts and not fields.pictures:
        return []
    if family == "RIFF":
        return write_info(path, fields)
    if family == "MP3":
        from mutagen.id3 import ID3

        tags = ID3()
        fill_id3(tags, fields)
        tags.save(path)
        return []
    if family == "AIFF":
        from mutagen.aiff import AIFF

        aiff = AIFF(path)
        aiff.add_tags()
        fill_id3(aiff.tags, fields)
        aiff.save()
        return []
    if family == "FLAC":
        from mutagen.flac import FLAC, Picture

        flac: Any = FLAC(path)
        if flac.tags is None:
            flac.add_tags()
        flac.tags.extend(comment_pairs(fields))
        large = [picture for picture in fields.pictures if len(picture) > _MAX_FLAC_BLOCK_BYTES]
        for picture in fields.pictures:
            if picture not in large:
                flac.add_picture(Picture(picture))
        flac.save()
        return [*without_comment_name(fields), *(f"a picture of {len(p) / 1e6:.1f} MB" for p in large)]
    if family == "MP4":
        from mutagen.mp4 import MP4

        mp4: Any = MP4(path)
        if mp4.tags is None:
            mp4.add_tags()
        fill_mp4(mp4.tags, fields)
        mp4.save()
        return []
    if family == "Matroska":  # all was written before the sound
        return []
    if family in OGG_FAMILIES:
        ogg = open_ogg(path, family)
        pictures = [(PICTURE_KEY, base64.b64encode(data).decode()) for data in fields.pictures]
        ogg.tags.extend([*comment_pairs(fields), *pictures])
        ogg.save()
        return without_comment_name(fields)
    return sorted({*fields.texts, *(["pictures"] if fields.pictures else [])})
