"""Logical streams of Ogg files (RFC 3533); joined files have several."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import BinaryIO

from hushgate.audio_files.limits import MAX_NUM_STREAMS, SCAN_BYTES

_FIRST, _LAST = 0x02, 0x04
_PAGE_HEADER = 27
_FIRST_SCAN_BYTES = 256
_CODECS = {
    b"\x01vorbis": "VORBIS",
    b"OpusHead": "OPUS",
    b"\x7fFLAC": "FLAC",
    b"Speex   ": "SPEEX",
    b"\x80theora": "THEORA",
}


@dataclass(frozen=True)
class OggStream:
    """One logical stream.

    Attributes:
        start, end: Place in the file, bytes; of a multiplexed stream the place of its group.
        codec: "VORBIS", "OPUS", "FLAC", "SPEEX", "THEORA" or "".
        has_end: Whether its last page is whole and carries the mark for the end of a stream.
        is_multiplexed: Whether its pages alternate with those of other streams.
        num_channels, sample_rate: Of Vorbis and Opus; 0 otherwise. Opus decodes at 48,000 Hz.
    """

    start: int
    end: int
    codec: str
    has_end: bool = False
    is_multiplexed: bool = False
    num_channels: int = 0
    sample_rate: int = 0


def find_ogg_streams(file: BinaryIO, start: int = 0) -> list[OggStream]:
    """List the logical streams of an Ogg file, in their order. Only page headers are read.

    Bytes between pages (a tag, damage) are passed over up to the next page.
    """
    file_size = file.seek(0, os.SEEK_END)
    streams: list[OggStream] = []
    serials: dict[bytes, int] = {}
    position = start
    while (page := _read_page(file, position, file_size)) is not None:
        position, size, flags, serial, head = page
        is_whole = position + size <= file_size
        end = min(position + size, file_size)
        if flags & _FIRST:
            if len(streams) == MAX_NUM_STREAMS:
                break
            is_joined = all(streams[place].has_end for place in serials.values()) or not _group_open(
                streams, serials
            )
            if is_joined or serial in serials:
                serials = {}
            serials[serial] = len(streams)
            streams.append(_stream(position, end, head, is_multiplexed=len(serials) > 1))
            for place in serials.values():
                streams[place] = replace(streams[place], is_multiplexed=len(serials) > 1)
        if serial in serials:
            place = serials[serial]
            ends = is_whole and bool(flags & _LAST)
            streams[place] = replace(streams[place], end=end, has_end=ends or streams[place].has_end)
        position = end
    return streams


def _group_open(streams: list[OggStream], serials: dict[bytes, int]) -> bool:
    """Whether the streams so far consist of their first pages only, so that another belongs to them."""
    return all(
        streams[place].end - streams[place].start < 4096 and not streams[place].has_end
        for place in serials.values()
    )


def _stream(position: int, end: int, head: bytes, *, is_multiplexed: bool) -> OggStream:
    codec = next((name for magic, name in _CODECS.items() if head.startswith(magic)), "")
    num_channels = sample_rate = 0
    if codec == "VORBIS" and len(head) >= 16:
        num_channels, sample_rate = head[11], int.from_bytes(head[12:16], "little")
    elif codec == "OPUS" and len(head) >= 10:
        num_channels, sample_rate = head[9], 48_000
    return OggStream(position, end, codec, False, is_multiplexed, num_channels, sample_rate)


def _read_page(file: BinaryIO, position: int, file_size: int) -> tuple[int, int, int, bytes, bytes] | None:
    """The page at or after a position: its place, size, flags, serial number and first payload bytes."""
    while position + _PAGE_HEADER <= file_size:
        file.seek(position)
        head = file.read(_PAGE_HEADER + 255 + 64)
        if head[:4] == b"OggS" and head[4] == 0:
            num_segments = head[26]
            size = _PAGE_HEADER + num_segments + sum(head[_PAGE_HEADER : _PAGE_HEADER + num_segments])
            payload = head[_PAGE_HEADER + num_segments :]
            return position, size, head[5], head[14:18], payload
        found = _find(file, position + 1, b"OggS\0")
        if found is None:
            return None
        position = found
    return None


def _find(file: BinaryIO, position: int, pattern: bytes) -> int | None:
    """The next place of a pattern. Little is read at first: most gaps between pages are short."""
    file.seek(position)
    kept = b""
    size = _FIRST_SCAN_BYTES
    while part := file.read(size):
        size = min(2 * size, SCAN_BYTES)
        data = kept + part
        if (found := data.find(pattern)) >= 0:
            return position - len(kept) + found
        position += len(part)
        kept = data[-(len(pattern) - 1) :]
    return None
