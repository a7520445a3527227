"""Tags around the sound of a file: ID3v2 in front of it, ID3v1 and APE behind it."""

from __future__ import annotations

import os
from typing import BinaryIO

from hushgate.audio_files.limits import MAX_NUM_TAGS, MAX_TAG_BYTES, SCAN_BYTES

ID3V1_BYTES = 128


def id3_size(head: bytes) -> int | None:
    """Bytes of the ID3v2 tag that begins with these ten bytes, footer included; None if there is none."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] == 0xFF or any(byte & 0x80 for byte in head[6:10]):
        return None
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return min(size, MAX_TAG_BYTES) + 10 + (10 if head[5] & 0x10 else 0)


def find_tags(file: BinaryIO, start: int = 0) -> list[tuple[int, int]]:
    """Places of the consecutive ID3v2 tags at `start`: begin and end, bytes.

    Zeros between and behind tags, which some programs leave as padding outside of them, belong to the tag
    before.
    """
    tags: list[tuple[int, int]] = []
    position = start
    file_size = file.seek(0, os.SEEK_END)
    while len(tags) < MAX_NUM_TAGS:
        file.seek(position)
        size = id3_size(file.read(10))
        if size is None:
            break
        end = min(position + size, file_size)
        file.seek(end)
        if not file.read(8)[4:].isalpha():  # the zeros in front of "ftyp" belong to an MP4 file
            end += count_zeros(file, end)
        tags.append((position, end))
        position = end
    return tags


def tags_behind(file: BinaryIO, end: int) -> int:
    """Where the ID3v1 and APE tags at the end of a file begin; `end` if there are none."""
    for _ in range(MAX_NUM_TAGS):
        file.seek(max(0, end - ID3V1_BYTES))
        tail = file.read(ID3V1_BYTES)
        footer = tail[-32:]
        if tail[:3] == b"TAG":
            end -= ID3V1_BYTES
        elif footer[:8] == b"APETAGEX":
            size = int.from_bytes(footer[12:16], "little")
            has_header = bool(int.from_bytes(footer[20:24], "little") & 2**31)
            if not 32 <= size <= end - 32 * has_header:
                break
            end -= size + 32 * has_header
        else:
            break
    return end


def count_zeros(file: BinaryIO, start: int) -> int:
    """The number of zero bytes at `start`."""
    file.seek(start)
    num_zeros, size = 0, 256
    while part := file.read(size):
        size = min(2 * size, SCAN_BYTES)
        rest = part.lstrip(b"\0")
        num_zeros += len(part) - len(rest)
        if rest:
            break
    return num_zeros
