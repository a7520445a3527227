"""Items of MP4 files from fields in common terms."""

from __future__ import annotations

from typing import Any

from hushgate.audio_files.metadata.common_fields import Fields

_MP4_ITEMS = {
    "TITLE": "\xa9nam",
    "ARTIST": "\xa9ART",
    "ALBUM": "\xa9alb",
    "ALBUMARTIST": "aART",
    "COMPOSER": "\xa9wrt",
    "GENRE": "\xa9gen",
    "DATE": "\xa9day",
    "COMMENT": "\xa9cmt",
    "COPYRIGHT": "cprt",
    "GROUPING": "\xa9grp",
    "LYRICS": "\xa9lyr",
    "DESCRIPTION": "desc",
}
_MP4_PAIRS = {"TRACKNUMBER": "trkn", "DISCNUMBER": "disk"}


def fill_mp4(tags: Any, fields: Fields) -> None:
    from mutagen.flac import Picture
    from mutagen.mp4 import MP4Cover, MP4FreeForm

    for name, texts in fields.texts.items():
        if name in _MP4_ITEMS:
            tags[_MP4_ITEMS[name]] = texts
        elif name == "COMPILATION":
            tags["cpil"] = texts[0].strip() not in ("", "0")
        elif name in _MP4_PAIRS and (numbers := _number_pair(texts[0])) is not None:
            tags[_MP4_PAIRS[name]] = [numbers]
        else:
            key = f"----:com.apple.iTunes:{name}".encode().decode("latin-1")  # mutagen's way with UTF-8
            tags[key] = [MP4FreeForm(text.encode()) for text in texts]
    covers = [Picture(data) for data in fields.pictures]
    if covers:
        kinds = {"image/png": MP4Cover.FORMAT_PNG}
        tags["covr"] = [MP4Cover(cover.data, kinds.get(cover.mime, MP4Cover.FORMAT_JPEG)) for cover in covers]


def _number_pair(text: str) -> tuple[int, int] | None:
    """Number and total of a text like 3/12 or 3."""
    parts = text.split("/")
    if not all(part.strip().isdecimal() for part in parts) or len(parts) > 2:
        return None
    numbers = [min(int(part), 65_535) for part in parts]
    return numbers[0], numbers[1] if len(numbers) == 2 else 0
