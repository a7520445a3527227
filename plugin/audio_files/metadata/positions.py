"""Positions in the sound (markers, loops, cue points, time references) after its beginning was cut off."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from hushgate.audio_files.container_chunks import Chunk, ChunkList, Dialect, chunk_body, read_chunks
from hushgate.audio_files.limits import MAX_METADATA_BYTES

_BEXT_TIME = 338
_CUE_BYTES, _LOOP_BYTES, _MARK_BYTES = 24, 24, 28
_LOOPS_PLACE = 36
# ID3 frames that hold times: chapters, their contents, event codes, lyrics and tempo with times.
_TIMED_FRAMES = ("CHAP", "CTOC", "ETCO", "SYLT", "SYTC")
_TIMED_COMMENT = re.compile(r"CHAPTER\d+|CUESHEET|CUE_TRACK\d+", re.IGNORECASE)


def shift_positions(target: Path, container: str, start: int, num_samples: int) -> list[str]:
    """Let the positions of a finished file count from sample `start` of the whole recording.

    Cue points, markers and loops of WAV, AIFF and CAF files move, and those outside of what is left go; the
    time reference of `bext` grows. Positions in other tags (cue sheets, chapters, timed lyrics) are removed.

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
        removed = _shift_chunks(target, start, num_samples)
    names = ", ".join(sorted(set(removed)))
    return (
        [f"positions outside of the excerpt, or that could not be moved, were removed: {names}."]
        if names
        else []
    )


def _shift_chunks(target: Path, start: int, num_samples: int) -> list[str]:
    removed = []
    with target.open("rb+") as file:
        layout = read_chunks(file)
        if layout is None:
            return []
        _shift_bext(file, layout, start)
        for chunk in layout.chunks:
            shift = _SHIFTS.get((layout.dialect.family, chunk.kind))
            if shift is None or chunk.size > MAX_METADATA_BYTES:
                continue
            body = chunk_body(file, chunk)
            try:
                shifted = shift(body, layout.dialect.order, start, num_samples)
            except (struct.error, IndexError):  # damaged: stays as it is
                continue
            _replace(file, layout.dialect, chunk, shifted)
            if len(shifted) < len(body):
                removed.append(chunk.kind.decode().strip())
    return removed


def _replace(file: BinaryIO, dialect: Dialect, chunk: Chunk, body: bytes) -> None:
    """Write a chunk's new body, which is as long or shorter by more than a header, and padding behind it."""
    num_free = chunk.size - len(body)
    file.seek(chunk.start - dialect.header.size)
    file.write(dialect.header.pack(chunk.name, len(body)) + body)
    if num_free:
        padding = {"RIFF": b"JUNK", "AIFF": b"FLLR"}.get(dialect.family, b"free")
        file.write(dialect.header.pack(padding, num_free - dialect.header.size))
        file.write(bytes(num_free - dialect.header.size))


def _shift_bext(file: BinaryIO, layout: ChunkList, start: int) -> None:
    bext = layout.find(b"bext")
    if bext is None or layout.dialect.order != "<" or bext.size < _BEXT_TIME + 8:
        return
    file.seek(bext.start + _BEXT_TIME)
    (time,) = struct.unpack("<Q", file.read(8))
    file.seek(bext.start + _BEXT_TIME)
    file.write(struct.pack("<Q", (time + start) % 2**64))


def _shift_cues(body: bytes, order: str, start: int, num_samples: int) -> bytes:
    """Cue points of WAV: number, position in the play list, kind of chunk, its start, block start, sample."""
    (count,) = struct.unpack_from(f"{order}I", body)
    kept = []
    for place in range(4, min(len(body), 4 + count * _CUE_BYTES) - _CUE_BYTES + 1, _CUE_BYTES):
        fields = list(struct.unpack_from(f"{order}II4sIII", body, place))
        if start <= fields[5] <= start + num_samples:
            fields[5] -= start
            fields[1] = max(0, fields[1] - start)
            kept.append(struct.pack(f"{order}II4sIII", *fields))
    rest = body[4 + count * _CUE_BYTES :]
    return struct.pack(f"{order}I", len(kept)) + b"".join(kept) + rest


def _shift_loops(body: bytes, order: str, start: int, num_samples: int) -> bytes:
    """Loops of a sampler in WAV: number, kind, first and last sample, fraction, repetitions."""
    (count,) = struct.unpack_from(f"{order}28xI", body)
    kept = []
    end = _LOOPS_PLACE + count * _LOOP_BYTES
    for place in range(_LOOPS_PLACE, min(len(body), end) - _LOOP_BYTES + 1, _LOOP_BYTES):
        fields = list(struct.unpack_from(f"{order}6I", body, place))
        if start <= fields[2] and fields[3] < start + num_samples:
            fields[2] -= start
            fields[3] -= start
            kept.append(struct.pack(f"{order}6I", *fields))
    head = body[:28] + struct.pack(f"{order}I", len(kept)) + body[32:_LOOPS_PLACE]
    return head + b"".join(kept) + body[end:]


def _shift_aiff_marks(body: bytes, order: str, start: int, num_samples: int) -> bytes:
    """Markers of AIFF: number, position, name with its length in front, padded to even."""
    (count,) = struct.unpack_from(">H", body)
    kept = []
    place = 2
    for _ in range(count):
        (position,) = struct.unpack_from(">2xI", body, place)
        end = place + 6 + 1 + body[place + 6]
        end += (end - place) % 2
        if start <= position <= start + num_samples:
            kept.append(body[place : place + 2] + struct.pack(">I", position - start) + body[place + 6 : end])
        place = end
    return struct.pack(">H", len(kept)) + b"".join(kept) + body[place:]


def _shift_caf_marks(body: bytes, order: str, start: int, num_samples: int) -> bytes:
    """Markers of CAF: kind, position as a float, number, time, channel."""
    (count,) = struct.unpack_from(">4xI", body)
    kept = []
    end = 8 + count * _MARK_BYTES
    for place in range(8, min(len(body), end) - _MARK_BYTES + 1, _MARK_BYTES):
        (position,) = struct.unpack_from(">4xd", body, place)
        if start <= position <= start + num_samples:
            moved = struct.pack(">d", position - start)
            kept.append(body[place : place + 4] + moved + body[place + 12 : place + _MARK_BYTES])
    return body[:4] + struct.pack(">I", len(kept)) + b"".join(kept) + body[end:]


_SHIFTS: dict[tuple[str, bytes], Callable[[bytes, str, int, int], bytes]] = {
    ("RIFF", b"cue "): _shift_cues,
    ("RIFF", b"smpl"): _shift_loops,
    ("AIFF", b"MARK"): _shift_aiff_marks,
    ("CAF", b"mark"): _shift_caf_marks,
}


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
