"""Figures in tags that were measured on the old sound (ReplayGain and its kin), to be dropped."""

from __future__ import annotations

import io
import re
from typing import Any

# Names of comments, of APE and MP4 items and of ID3's free frames, in capitals.
_STALE_NAME = re.compile(
    r"(REPLAYGAIN_|REPLAY_GAIN|R128_|MP3GAIN_|AACGAIN_|RVA$|RGAD|PEAK_LEVEL$|EBU_R128|LOUDNESS|ITUNNORM|ITUNSMPB|ITUNPGAP"
    r"|DYNAMIC RANGE|ALBUM DYNAMIC RANGE|DR14)"
)
# ID3 frames: relative volume (2.3 and 2.4), its forerunner, equalisation, audio seek points.
STALE_FRAMES = ("RVA2", "RVAD", "RGAD", "XRVA", "EQU2", "EQUA", "ASPI", "MLLT")
_STALE_XML = re.compile(
    rb"<(BWF_LOUDNESS_VALUE|BWF_LOUDNESS_RANGE|BWF_MAX_TRUE_PEAK_LEVEL|BWF_MAX_MOMENTARY_LOUDNESS"
    rb"|BWF_MAX_SHORT_TERM_LOUDNESS|loudnessMetadata)\b[^>]*>[^<]{0,4096}</\1>"
)


def is_stale(name: str) -> bool:
    """Whether a tag of this name holds a figure of the old sound.

    >>> is_stale("replaygain_track_gain"), is_stale("R128_ALBUM_GAIN"), is_stale("TITLE")
    (True, True, False)
    """
    return _STALE_NAME.match(name.upper().rpartition(":")[2]) is not None


def drop_stale_frames(tags: Any) -> bool:
    """Remove such frames from mutagen's ID3 tags; returns whether there were any."""
    stale = [
        key
        for key, frame in tags.items()
        if frame.FrameID in STALE_FRAMES
        or (frame.FrameID in ("TXXX", "COMM") and is_stale(str(frame.desc)))
        or (frame.FrameID == "UFID" and is_stale(str(frame.owner)))
    ]
    for key in stale:
        del tags[key]
    return bool(stale)


def drop_stale_items(tags: Any) -> None:
    """Remove such items from mutagen's APE tags."""
    for key in [key for key in tags if is_stale(str(key))]:
        del tags[key]


def clean_chunk(kind: bytes, body: bytes) -> bytes:
    """The body of a chunk without such figures; the same bytes if it has none."""
    if kind.upper() == b"ID3 ":
        return _clean_id3(body)
    if kind in (b"iXML", b"axml"):
        return _STALE_XML.sub(b"", body)
    return body


def _clean_id3(body: bytes) -> bytes:
    from mutagen import MutagenError
    from mutagen.id3 import ID3

    try:
        tags = ID3(io.BytesIO(body), translate=False)
        if not drop_stale_frames(tags):
            return body
        is_v23 = tags.version[:2] == (2, 3)
        if tags.version[:2] < (2, 3):  # 2.2 cannot be written: translated to 2.4
            tags = ID3(io.BytesIO(body))
            drop_stale_frames(tags)
        written = io.BytesIO()
        tags.save(written, v2_version=3 if is_v23 else 4, padding=lambda _: 0)
        return written.getvalue()
    except (MutagenError, ValueError, KeyError, IndexError, EOFError):
        return body  # damaged: carried as it is
