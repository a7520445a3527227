"""Positions in the sound (markers, loops, cue points, time references) after its beginning was cut off."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hushgate.audio_files.metadata.chunk_positions import shift_chunks

# ID3 frames that hold times: chapters, their contents, event codes, lyrics and tempo with times.
_TIMED_FRAMES = ("CHAP", "CTOC", "ETCO", "SYLT", "SYTC")
_TIMED_COMMENT = re.compile(r"CHAPTER\d+|CUESHEET|CUE_TRACK\d+", re.IGNORECASE)


def shift_positions(target: Path, container: str, start: int, num_samples: int) -> list[str]:
    """Let the positions of a finished file count from sample `start` of the whole recording.

    Cue points, markers and loops of WAV, AIFF and CAF files move, and those outside of what is left go, with
    what refers to them; the time references of `bext` and iXML grow. Positions in other tags (cue sheets,
    chapters, timed lyrics) are removed.

    Args:
        target: The file, changed in place.
        container: soundfile's name of its format.
        start: Samples that were cut off in front.
        num_samples: Samples per channel that are left.

    Returns:
        What was removed, one sentence.
    """
    if container == "FLAC":
        removed = _clean_flac(target)
    elif container == "MP3":
        removed = _clean_id3(target)
    elif container == "OGG":
        removed = _clean_comments(target)
    else:
        removed = shift_chunks(target, start, num_samples)
    names = ", ".join(sorted(set(removed)))
    return (
        [f"positions outside of the excerpt, or that could not be moved, were removed: {names}."]
        if names
        else []
    )


def _clean_flac(target: Path) -> list[str]:
    from mutagen.flac import FLAC

    flac: Any = FLAC(target)
    removed = ["cue sheet"] if flac.cuesheet is not None else []
    if removed:
        flac.metadata_blocks = [block for block in flac.metadata_blocks if block is not flac.cuesheet]
        flac.cuesheet = None
    if flac.tags is not None:
        removed += _drop_comments(flac.tags)
    if removed:
        flac.save()
    return removed


def _clean_comments(target: Path) -> list[str]:
    from mutagen import File

    ogg: Any = File(target)
    removed = _drop_comments(ogg.tags) if ogg is not None and ogg.tags is not None else []
    if removed:
        ogg.save()
    return removed


def _drop_comments(tags: Any) -> list[str]:
    names = [name for name, _ in tags if _TIMED_COMMENT.match(name)]
    if names:
        tags[:] = [(name, text) for name, text in tags if not _TIMED_COMMENT.match(name)]
    return ["chapters"] if names else []


def _clean_id3(target: Path) -> list[str]:
    from mutagen.id3 import ID3, ID3NoHeaderError

    try:
        tags: Any = ID3(target, translate=False)
    except ID3NoHeaderError:
        return []
    stale = [key for key, frame in tags.items() if frame.FrameID in _TIMED_FRAMES]
    removed = sorted({tags.pop(key).FrameID for key in stale})
    if removed:
        tags.save(target, v1=1, v2_version=3 if tags.version[:2] == (2, 3) else 4)
    return removed
