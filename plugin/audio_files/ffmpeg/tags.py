"""Tags and pictures of files that FFmpeg reads, in the names of Vorbis comments."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from hushgate.audio_files.ffmpeg.library import is_cover, load_av, open_source
from hushgate.audio_files.limits import MAX_METADATA_BYTES
from hushgate.errors import AudioFileError

_NAMES = {
    "ALBUM_ARTIST": "ALBUMARTIST",
    "TRACK": "TRACKNUMBER",
    "DISC": "DISCNUMBER",
    "PUBLISHER": "ORGANIZATION",
}
# What describes the container, not the recording.
_CONTAINER_FIELDS = (
    *("MAJOR_BRAND", "MINOR_VERSION", "COMPATIBLE_BRANDS", "ENCODER", "HANDLER_NAME", "VENDOR_ID"),
    *("CREATION_TIME", "DURATION", "BPS", "LANGUAGE", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES"),
)
_MIME = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"BM": "image/bmp"}
_FRONT_COVER = 3


def read_tags(path: Path) -> tuple[list[tuple[str, str]], list[bytes], list[tuple[float, float, str]]]:
    """Names and texts, pictures as FLAC picture blocks, and chapters: start and end, seconds, and title."""
    av = load_av(str(path))
    with contextlib.ExitStack() as files:
        try:
            source = files.enter_context(open_source(av, path))
        except (av.FFmpegError, ValueError) as error:
            raise AudioFileError(f"{path}: its tags cannot be read ({error}).") from error
        texts: list[tuple[str, str]] = []
        for metadata in (source.metadata, *(stream.metadata for stream in source.streams.audio[:1])):
            for key, text in metadata.items():
                name = key.upper()
                name = _NAMES.get(name, name)
                if name not in _CONTAINER_FIELDS and not name.startswith("_STATISTICS") and text:
                    texts.append((name, str(text)))
        return texts, _pictures(av, source), [_chapter(chapter) for chapter in source.chapters()]


def _chapter(chapter: dict[str, Any]) -> tuple[float, float, str]:
    start, end = (float(chapter[place] * chapter["time_base"]) for place in ("start", "end"))
    return start, end, str(chapter["metadata"].get("title", ""))


def picture_mime(data: bytes) -> str:
    """The kind of a picture by its first bytes; "" for others than PNG, JPEG, GIF and BMP."""
    return next((name for magic, name in _MIME.items() if data.startswith(magic)), "")


def _pictures(av: Any, source: Any) -> list[bytes]:
    from mutagen.flac import Picture

    covers = [stream for stream in source.streams.video if is_cover(av, stream)]
    if not covers:
        return []
    pictures = []
    for packet in source.demux(covers):
        data = bytes(packet) if 0 < packet.size <= MAX_METADATA_BYTES else b""
        mime = picture_mime(data)
        if data and mime:
            picture = Picture()
            picture.type, picture.mime, picture.data = _FRONT_COVER, mime, data
            pictures.append(picture.write())
        if len(pictures) == len(covers):
            break
    return pictures
