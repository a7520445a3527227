"""FLAC frames (RFC 9639): the length of a file by its last frame, and joined files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import BinaryIO

from hushgate.audio_files.limits import MAX_FLAC_TAIL_BYTES, MAX_NUM_STREAMS, SCAN_BYTES

_MARK = b"fLaC"
_STREAM_INFO_BYTES = 34
# Marks without frames before them after which no more are looked at.
_MAX_REFUSED = 64
# Offset in a file of eight bytes of STREAMINFO: 20 bits of sample rate, 3 of channels - 1, 5 of word
# length - 1, 36 of the total number of samples.
_FORMAT_PLACE = 4 + 4 + 10
_BLOCK_SIZES = {
    1: 192,
    **{code: 576 << (code - 2) for code in range(2, 6)},
    **{code: 256 << (code - 8) for code in range(8, 16)},
}
_SYNC = re.compile(rb"\xff[\xf8\xf9]")


@dataclass(frozen=True)
class FlacStream:
    """One FLAC stream.

    Attributes:
        start, end: Place in the file, bytes.
        announced: Samples per channel as STREAMINFO says; None where it leaves the length open.
        found: Samples per channel up to the end of its last frame; None where no last frame was found.
        header: The first bytes up to the end of STREAMINFO.
    """

    start: int
    end: int
    announced: int | None
    found: int | None
    header: bytes

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self._format >> 44

    @property
    def num_channels(self) -> int:
        """1 to 8."""
        return (self._format >> 41 & 7) + 1

    @property
    def open_header(self) -> bytes:
        """The same bytes with the length left open: a decoder then goes on to the last frame."""
        place = _FORMAT_PLACE
        value = self._format & ~(2**36 - 1)
        return self.header[:place] + value.to_bytes(8, "big") + self.header[place + 8 :]

    @property
    def _format(self) -> int:
        return int.from_bytes(self.header[_FORMAT_PLACE : _FORMAT_PLACE + 8], "big")


def find_flac_streams(file: BinaryIO, start: int = 0) -> list[FlacStream]:
    """List the FLAC streams of a file from `start`; [] if there is no FLAC mark at `start`."""
    file_size = file.seek(0, os.SEEK_END)
    if _header_at(file, start) is None:
        return []
    streams: list[FlacStream] = []
    num_refused = 0
    for place in _find_marks(file, start + 4):
        # The same bytes inside a picture or another block of metadata are no stream: no frame comes
        # before them.
        before = _stream_at(file, start, place)
        if before is not None and before.found is not None and _header_at(file, place) is not None:
            streams.append(before)
            start = place
        elif (num_refused := num_refused + 1) > _MAX_REFUSED:
            break
    last = _stream_at(file, start, file_size)
    return streams if last is None else [*streams, last]


def _stream_at(file: BinaryIO, start: int, end: int) -> FlacStream | None:
    header = _header_at(file, start)
    if header is None:
        return None
    info = header[8:]
    total = int.from_bytes(info[10:18], "big") & (2**36 - 1)
    fixed_size = int.from_bytes(info[:2], "big")
    found = _last_sample(file, max(start + len(header), end - MAX_FLAC_TAIL_BYTES), end, fixed_size)
    return FlacStream(start, end, total or None, found, header)


def _header_at(file: BinaryIO, start: int) -> bytes | None:
    """The mark and STREAMINFO at a place; None if they are not there."""
    file.seek(start)
    header = file.read(8 + _STREAM_INFO_BYTES)
    is_header = len(header) == 8 + _STREAM_INFO_BYTES and header[:4] == _MARK and not header[4] & 0x7F
    return header if is_header else None


def _find_marks(file: BinaryIO, position: int) -> list[int]:
    """Places of further streams: the mark with a STREAMINFO block behind it."""
    pattern = _MARK + b"\0\0\0" + bytes((_STREAM_INFO_BYTES,))
    places: list[int] = []
    file.seek(position)
    kept = b""
    while (part := file.read(SCAN_BYTES)) and len(places) < MAX_NUM_STREAMS:
        data = kept + part
        at = -1
        while (at := data.find(pattern, at + 1)) >= 0:
            places.append(position - len(kept) + at)
        position += len(part)
        kept = data[-(len(pattern) - 1) :]
    return places


def _last_sample(file: BinaryIO, start: int, end: int, fixed_size: int) -> int | None:
    """Samples up to the end of the last frame between two places.

    Bytes that look like a frame header occur in the sound too: a frame counts if it begins where another one
    ends, or at the first sample.
    """
    file.seek(start)
    data = file.read(end - start)
    spans = [
        span
        for at in _SYNC.finditer(data)
        if (span := _frame_span(data[at.start() : at.start() + 16], fixed_size))
    ]
    ends = {0, *(last for _, last in spans)}
    return max((last for first, last in spans if first in ends), default=None)


def _frame_span(head: bytes, fixed_size: int) -> tuple[int, int] | None:
    """First sample of a frame and the one behind it, from its header (RFC 9639, section 9.1)."""
    if len(head) < 7 or head[1] not in (0xF8, 0xF9) or head[2] >> 4 == 0 or head[2] & 15 == 15 or head[3] & 1:
        return None
    number, size = _coded_number(head[4:])
    if number is None:
        return None
    place = 4 + size
    code = head[2] >> 4
    if code in (6, 7):
        width = code - 5
        block_size = int.from_bytes(head[place : place + width], "big") + 1
        place += width
    else:
        block_size = _BLOCK_SIZES[code]
    place += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if place >= len(head) or _crc8(head[:place]) != head[place]:
        return None
    first = number if head[1] == 0xF9 else number * fixed_size
    return first, first + block_size


def _coded_number(data: bytes) -> tuple[int | None, int]:
    """A number in the way of UTF-8, up to 36 bits, and its length in bytes."""
    first = data[0]
    if first < 0x80:
        return first, 1
    size = 8 - (~first & 0xFF).bit_length()
    if not 2 <= size <= 7 or len(data) < size:
        return None, 0
    value = first & (0x7F >> size)
    for byte in data[1:size]:
        if byte & 0xC0 != 0x80:
            return None, 0
        value = value << 6 | byte & 0x3F
    return value, size


def _crc8(data: bytes) -> int:
    """Checksum of frame headers, polynomial x^8 + x^2 + x + 1."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 if crc & 0x80 else crc << 1) & 0xFF
    return crc
