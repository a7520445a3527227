"""Vorbis comments of FLAC and Ogg files in common terms."""

from __future__ import annotations

import base64
import unicodedata
from pathlib import Path
from typing import Any

from hushgate.audio_files.formats.channel_layouts import default_mask, plain_mask
from hushgate.audio_files.metadata.common_fields import IGNORED, Fields

PICTURE_KEY = "METADATA_BLOCK_PICTURE"
MASK_COMMENT = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK"
OGG_FAMILIES = ("Vorbis", "Opus", "OggFLAC")


def open_ogg(path: Path, family: str | None) -> Any:
    from mutagen.oggflac import OggFLAC
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    kinds: dict[str | None, Any] = {"Opus": OggOpus, "Vorbis": OggVorbis, "OggFLAC": OggFLAC}
    return kinds[family](path)


def take_comments(comments: Any, fields: Fields) -> None:
    for name, text in comments:
        if name.upper() == PICTURE_KEY:
            _read_picture(text, fields)
        elif name.upper() not in IGNORED:
            fields.add(name, text)


def _read_picture(text: str, fields: Fields) -> None:
    from mutagen.flac import Picture, error

    try:
        fields.pictures.append(Picture(base64.b64decode(text)).write())
    except (ValueError, error):
        fields.lost.append("a damaged picture")


def comment_pairs(fields: Fields) -> list[tuple[str, str]]:
    """Names and texts as Vorbis comments. Their names are ASCII: accents go, and names with nothing else."""
    named = ((_comment_name(name), texts) for name, texts in fields.texts.items())
    return [(name, text) for name, texts in named if name for text in texts]


def _comment_name(name: str) -> str:
    """A name that a Vorbis comment may have; "" if nothing is left of it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain if " " <= letter <= "}" and letter != "=").strip()


def without_comment_name(fields: Fields) -> list[str]:
    return [name for name in fields.texts if not _comment_name(name)]


def write_mask_comment(path: Path, mask: int | None, num_channels: int) -> None:
    """Name the loudspeakers of a FLAC file in a comment where its header cannot (RFC 9639, section 8.6.2)."""
    from mutagen.flac import FLAC

    if mask is None or mask in (default_mask(num_channels), plain_mask(num_channels)):
        return
    flac: Any = FLAC(path)
    if flac.tags is None:
        flac.add_tags()
    flac[MASK_COMMENT] = f"0x{mask:04X}"
    flac.save()
