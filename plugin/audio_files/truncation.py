"""Notice sound files that were cut short: libsndfile opens most of them without a word."""

from __future__ import annotations

import os
import re
from pathlib import Path

import soundfile

# What programs that cannot seek back write for a length they do not know: nothing, all ones
# (ffmpeg) or just under 2 GiB (sox).
UNKNOWN_SIZE = 0xFFFFFFFF
_STREAMING_SIZES = range(0x7FFF0000, 0x80000001)

# How libsndfile's log of a header says that the file ends early: announced size, then size found.
_SIZE_MISMATCH = re.compile(r"^\s*(?:data|SSND|riff|Data Size)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
_DS64_MISMATCH = re.compile(r"frame count (\d+) does not match value from 'ds64' chunk of (\d+)")

# Where the Xing tag stands in a layer III frame, by (MPEG-1, mono).
_XING_OFFSET = {(True, False): 36, (True, True): 21, (False, False): 21, (False, True): 13}
# How far into the data the decoder looks for a first frame.
_MP3_RESYNC_BYTES = 1024
_OGG_MAX_PAGE = 65_307


def is_unknown_size(size: int) -> bool:
    """Whether a chunk size is a placeholder and not a promise."""
    return size in (0, UNKNOWN_SIZE) or size in _STREAMING_SIZES


def find_truncation(file: soundfile.SoundFile, path: Path) -> str | None:
    """Say how an opened file falls short of what it announces; None when nothing is missing.

    FLAC is not looked at: its decoder notices at the place where the sound breaks off.
    """
    log = file.extra_info
    for announced, found in _SIZE_MISMATCH.findall(log):
        if int(found) < int(announced) and not is_unknown_size(int(announced)):
            return f"its header announces {announced} bytes of sound, {found} are there"
    for found, announced in _DS64_MISMATCH.findall(log):
        if int(found) < int(announced):
            return f"its header announces {announced} samples, {found} are there"
    if file.format == "OGG" and not _ogg_has_end(path):
        return "the end mark of its Ogg stream is missing"
    return None


def is_hopeless_mp3(path: Path) -> bool:
    """Whether a file is called MP3 and contains nothing that looks like it, or like another format."""
    if path.suffix.lower() != ".mp3":
        return False
    start, _ = _after_id3(path)
    if start[:4] in (b"RIFF", b"RIFX", b"RF64", b"FORM", b"fLaC", b"OggS", b"caff", b".snd"):
        return False
    return not any(_is_frame_header(start[at : at + 4]) for at in range(len(start) - 3))


def find_mp3_truncation(path: Path) -> str | None:
    """The same as `find_truncation` for an MP3 file whose Xing or Info tag knows the number of bytes."""
    start, available = _after_id3(path)
    if not _is_frame_header(start[:4]):
        return None
    is_mpeg1, is_mono = bool(start[1] & 0x08), start[3] >> 6 == 3
    tag = start[_XING_OFFSET[is_mpeg1, is_mono] :]
    has_sizes = tag[:4] in (b"Xing", b"Info") and len(tag) >= 16 and tag[7] & 0x03 == 0x03
    announced = int.from_bytes(tag[12:16], "big") if has_sizes else 0
    if announced <= available:
        return None
    return f"its header announces {announced} bytes of sound, {available} are there"


def _after_id3(path: Path) -> tuple[bytes, int]:
    """The first bytes of a file after an ID3v2 tag, if it has one, and how many there are in all."""
    with path.open("rb") as file:
        head = file.read(10)
        skipped = 0
        if head[:3] == b"ID3" and len(head) == 10:
            # The tag's size comes in four bytes of seven bits each.
            skipped = 10 + sum((byte & 0x7F) << (7 * (3 - place)) for place, byte in enumerate(head[6:10]))
        file.seek(skipped)
        return file.read(_MP3_RESYNC_BYTES), os.fstat(file.fileno()).st_size - skipped


def _is_frame_header(head: bytes) -> bool:
    """Whether four bytes can begin an MPEG audio frame of layer III."""
    return (
        len(head) == 4
        and head[0] == 0xFF
        and head[1] & 0xE6 == 0xE2  # sync and layer
        and head[1] & 0x18 != 0x08  # a reserved version
        and head[2] & 0xF0 not in (0x00, 0xF0)  # free or forbidden bit rate
        and head[2] & 0x0C != 0x0C  # a reserved sample rate
    )


def _ogg_has_end(path: Path) -> bool:
    """Whether the last page is whole and carries the end-of-stream flag (RFC 3533, section 6)."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 2 * _OGG_MAX_PAGE))
        tail = file.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < 27:
        return False
    num_segments = page[26]
    page_size = 27 + num_segments + sum(page[27 : 27 + num_segments])
    return bool(page[5] & 0x04) and len(page) >= page_size
