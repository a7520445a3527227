"""Positions in the chunks of WAV, AIFF, CAF and Wave64 files after the beginning of the sound was cut off."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from hushgate.audio_files.chunk_edits import append_chunk
from hushgate.audio_files.container_chunks import Chunk, ChunkList, Dialect, chunk_body, read_chunks
from hushgate.audio_files.limits import MAX_METADATA_BYTES

_BEXT_TIME = 338
_CUE_BYTES, _LOOP_BYTES, _MARK_BYTES = 24, 24, 28
_LOOPS_PLACE = 36
# Sustain and release loop of an AIFF instrument: play mode, first and last marker.
_INSTRUMENT_LOOPS = (8, 14)
# The same time twice in iXML, as lower and upper 32 bits.
_XML_TIMES = (
    (b"BWF_TIME_REFERENCE_LOW", b"BWF_TIME_REFERENCE_HIGH"),
    (b"TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO", b"TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI"),
)
_PADDING = {"RIFF": b"JUNK", "AIFF": b"FLLR"}

# A chunk's new body, and the numbers of the markers in it that went.
_Shifted = tuple[bytes, set[int]]


def shift_chunks(target: Path, start: int, num_samples: int) -> list[str]:
    """Let the positions in a file's chunks count from sample `start` of the whole recording.

    Args:
        target: The file, changed in place.
        start: Samples that were cut off in front.
        num_samples: Samples per channel that are left.

    Returns:
        Kinds of chunks of which something was removed.
    """
    removed = []
    longer: dict[bytes, bytes] = {}
    with target.open("rb+") as file:
        layout = read_chunks(file)
        if layout is None:
            return []
        family, order = layout.dialect.family, layout.dialect.order
        _shift_bext(file, layout, start)
        chunks = [chunk for chunk in layout.chunks if chunk.size <= MAX_METADATA_BYTES]
        gone: set[int] = set()
        for chunk in chunks:
            if (shift := _SHIFTS.get((family, chunk.kind))) is None:
                continue
            body = chunk_body(file, chunk)
            try:
                shifted, without = shift(body, order, start, num_samples)
            except (struct.error, IndexError):  # damaged: stays as it is
                continue
            gone |= without
            _replace(file, layout.dialect, chunk, shifted)
            if len(shifted) < len(body):
                removed.append(chunk.kind.decode().strip())
        for chunk in chunks:
            if family == "RIFF" and chunk.kind == b"iXML":
                body = chunk_body(file, chunk)
                shifted = _shift_xml(body, start)
                if len(shifted) > len(body):
                    longer[chunk.kind] = shifted
                    shifted = b""
                _replace(file, layout.dialect, chunk, shifted)
            elif gone and (drop := _REFERENCES.get((family, chunk.kind))) is not None:
                _replace(file, layout.dialect, chunk, drop(chunk_body(file, chunk), order, gone))
    for kind, body in longer.items():
        append_chunk(target, kind, body)
    return removed


def _replace(file: BinaryIO, dialect: Dialect, chunk: Chunk, body: bytes) -> None:
    """Write a chunk's new body, as long as the old one, shorter by more than a header, or b"" for none.

    Padding follows it, or stands in the place of the whole chunk.
    """
    padding = _PADDING.get(dialect.family, b"free")
    file.seek(chunk.start - dialect.header.size)
    if not body:
        file.write(dialect.header.pack(padding, chunk.size) + bytes(chunk.size))
        return
    num_free = chunk.size - len(body)
    file.write(dialect.header.pack(chunk.name, len(body)) + body)
    if num_free:
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


def _shift_xml(body: bytes, start: int) -> bytes:
    """The time of the first sample in iXML; at least as long as before."""
    for names in _XML_TIMES:
        patterns = [re.compile(rb"(?<=<%s>)\d{1,20}(?=</)" % name) for name in names]
        low, high = (int(found[0]) if (found := pattern.search(body)) else 0 for pattern in patterns)
        time = low + (high << 32) + start
        for pattern, value in zip(patterns, (time % 2**32, (time >> 32) % 2**32), strict=True):
            if found := pattern.search(body):
                body = body[: found.start()] + b"%0*d" % (len(found[0]), value) + body[found.end() :]
    return body


def _shift_cues(body: bytes, order: str, start: int, num_samples: int) -> _Shifted:
    """Cue points of WAV: number, position in the play list, kind of chunk, its start, block start, sample."""
    (count,) = struct.unpack_from(f"{order}I", body)
    kept, gone = [], set()
    for place in range(4, min(len(body), 4 + count * _CUE_BYTES) - _CUE_BYTES + 1, _CUE_BYTES):
        fields = list(struct.unpack_from(f"{order}II4sIII", body, place))
        if start <= fields[5] <= start + num_samples:
            fields[5] -= start
            fields[1] = max(0, fields[1] - start)
            kept.append(struct.pack(f"{order}II4sIII", *fields))
        else:
            gone.add(fields[0])
    rest = body[4 + count * _CUE_BYTES :]
    return struct.pack(f"{order}I", len(kept)) + b"".join(kept) + rest, gone


def _shift_loops(body: bytes, order: str, start: int, num_samples: int) -> _Shifted:
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
    return head + b"".join(kept) + body[end:], set()


def _shift_aiff_marks(body: bytes, order: str, start: int, num_samples: int) -> _Shifted:
    """Markers of AIFF: number, position, name with its length in front, padded to even."""
    (count,) = struct.unpack_from(">H", body)
    kept, gone = [], set()
    place = 2
    for _ in range(count):
        number, position = struct.unpack_from(">HI", body, place)
        end = place + 6 + 1 + body[place + 6]
        end += (end - place) % 2
        if start <= position <= start + num_samples:
            kept.append(body[place : place + 2] + struct.pack(">I", position - start) + body[place + 6 : end])
        else:
            gone.add(number)
        place = end
    return struct.pack(">H", len(kept)) + b"".join(kept) + body[place:], gone


def _shift_caf_marks(body: bytes, order: str, start: int, num_samples: int) -> _Shifted:
    """Markers of CAF: kind, position as a float, number, time, channel."""
    (count,) = struct.unpack_from(">4xI", body)
    kept = []
    end = 8 + count * _MARK_BYTES
    for place in range(8, min(len(body), end) - _MARK_BYTES + 1, _MARK_BYTES):
        (position,) = struct.unpack_from(">4xd", body, place)
        if start <= position <= start + num_samples:
            moved = struct.pack(">d", position - start)
            kept.append(body[place : place + 4] + moved + body[place + 12 : place + _MARK_BYTES])
    return body[:4] + struct.pack(">I", len(kept)) + b"".join(kept) + body[end:], set()


def _drop_labels(body: bytes, order: str, gone: set[int]) -> bytes:
    """Names, notes and lengths of cue points: chunks in a list, each with its point's number in front."""
    if body[:4] != b"adtl":
        return body
    kept, has_dropped = [body[:4]], False
    place = 4
    while place + 12 <= len(body):
        kind, size, number = struct.unpack_from(f"{order}4sII", body, place)
        end = place + 8 + size + size % 2
        if end > len(body) + 1:  # damaged: stays as it is
            return body
        if kind in (b"labl", b"note", b"ltxt") and number in gone:
            has_dropped = True
        else:
            kept.append(body[place:end].ljust(end - place, b"\0"))
        place = end
    return b"".join(kept) if has_dropped else body


def _drop_instrument_loops(body: bytes, order: str, gone: set[int]) -> bytes:
    """Loops of an AIFF instrument: without its markers there is none, play mode 0."""
    changed = bytearray(body)
    for place in _INSTRUMENT_LOOPS:
        if place + 6 <= len(body) and gone & {*struct.unpack_from(">2xHH", body, place)}:
            changed[place : place + 6] = bytes(6)
    return bytes(changed)


_SHIFTS: dict[tuple[str, bytes], Callable[[bytes, str, int, int], _Shifted]] = {
    ("RIFF", b"cue "): _shift_cues,
    ("RIFF", b"smpl"): _shift_loops,
    ("AIFF", b"MARK"): _shift_aiff_marks,
    ("CAF", b"mark"): _shift_caf_marks,
}
# What refers to markers by their numbers.
_REFERENCES: dict[tuple[str, bytes], Callable[[bytes, str, set[int]], bytes]] = {
    ("RIFF", b"LIST"): _drop_labels,
    ("AIFF", b"INST"): _drop_instrument_loops,
}
