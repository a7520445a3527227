"""How much a film container announces, compared with what the file holds."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

# Parts of a file that are looked at; a film in fragments of a second lasts days.
_MAX_PARTS = 2**20
# Boxes of MP4 that stand at the top: other bytes behind the last one are no box.
_TOP_BOXES = frozenset(
    b"ftyp styp moov moof mdat mfra free skip wide uuid meta sidx ssix prft emsg udta pdin pnot".split()
)
_SEGMENT_ID = bytes.fromhex("18538067")
# ASF's header and data objects.
_ASF_OBJECTS = tuple(bytes.fromhex(f"3{digit}26b2758e66cf11a6d900aa0062ce6c") for digit in "06")


def find_shortfall(file: BinaryIO, demuxer: str) -> str:
    """What is missing at the end of a film, as far as its sizes say; "" if nothing, or they say nothing.

    Args:
        file: Open for reading, seekable.
        demuxer: FFmpeg's name of the container: mov, matroska, avi and asf have sizes.
    """
    ends = _ENDS.get(demuxer)
    if ends is None:
        return ""
    size = file.seek(0, os.SEEK_END)
    announced = max(ends(file), default=0)
    if announced <= size:
        return ""
    return f"its header announces {announced} bytes, {size} are there"


def _mp4_ends(file: BinaryIO) -> Iterator[int]:
    position = 0
    for _ in range(_MAX_PARTS):
        file.seek(position)
        head = file.read(16)
        if len(head) < 8 or head[4:8] not in _TOP_BOXES:
            return
        (length,) = struct.unpack_from(">I", head)
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack_from(">Q", head, 8)
        if length < 8:  # 0: to the end of the file
            return
        position += length
        yield position


def _avi_ends(file: BinaryIO) -> Iterator[int]:
    """Ends of the RIFF chunks; long films have several."""
    position = 0
    for _ in range(_MAX_PARTS):
        file.seek(position)
        head = file.read(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] not in (b"AVI ", b"AVIX"):
            return
        (length,) = struct.unpack_from("<I", head, 4)
        if length in (0, 0xFFFFFFFF):  # never updated
            return
        yield position + 8 + length
        position += 8 + length + length % 2


def _matroska_ends(file: BinaryIO) -> Iterator[int]:
    """Ends of the EBML header and of the segments."""
    position = 0
    for _ in range(_MAX_PARTS):
        file.seek(position)
        head = file.read(12)
        if head[:4] not in (b"\x1a\x45\xdf\xa3", _SEGMENT_ID) or len(head) < 5 or not head[4]:
            return
        width = 9 - head[4].bit_length()
        value = int.from_bytes(head[4 : 4 + width], "big") & ((1 << 7 * width) - 1)
        if len(head) < 4 + width or value == (1 << 7 * width) - 1:  # all ones: not known
            return
        position += 4 + width + value
        yield position


def _asf_ends(file: BinaryIO) -> Iterator[int]:
    position = 0
    for _ in _ASF_OBJECTS:
        file.seek(position)
        head = file.read(24)
        if len(head) < 24 or head[:16] not in _ASF_OBJECTS:
            return
        (length,) = struct.unpack_from("<Q", head, 16)
        if length < 24 or length == 2**64 - 1:  # a broadcast
            return
        position += length
        yield position


_ENDS: dict[str, Callable[[BinaryIO], Iterator[int]]] = {
    "mov": _mp4_ends,
    "avi": _avi_ends,
    "matroska": _matroska_ends,
    "asf": _asf_ends,
}
