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

# Samples per MPEG frame and size of the side information, by (MPEG-1, mono); layer III only.
_XING_OFFSET = {(True, False): 36, (True, True): 21, (False, False): 21, (False, True): 13}
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


def find_mp3_truncation(path: Path) -> str | None:
    """The same for an MP3 file with a Xing or Info header, which knows the number of bytes.

    Looked at before libsndfile opens the file, because its decoder prints to standard error.
    """
    with path.open("rb") as file:
        start = file.read(10)
        skipped = 0
        if start[:3] == b"ID3" and len(start) == 10:
            # An ID3v2 tag: its size in four bytes of seven bits each.
            skipped = 10 + sum((byte & 0x7F) << (7 * (3 - place)) for place, byte in enumerate(start[6:10]))
        file.seek(skipped)
        frame = file.read(200)
        available = os.fstat(file.fileno()).st_size - skipped
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:  # sync word, layer III
        return None
    is_mpeg1, is_mono = bool(frame[1] & 0x08), frame[3] >> 6 == 3
    tag = frame[_XING_OFFSET[is_mpeg1, is_mono] :]
    has_sizes = tag[:4] in (b"Xing", b"Info") and len(tag) >= 16 and tag[7] & 0x03 == 0x03
    announced = int.from_bytes(tag[12:16], "big") if has_sizes else 0
    if announced <= available:
        return None
    return f"its header announces {announced} bytes of sound, {available} are there"


def _ogg_has_end(path: Path) -> bool:
    """Whether the last page carries the end-of-stream flag (RFC 3533, section 6)."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 2 * _OGG_MAX_PAGE))
        tail = file.read()
    last = tail.rfind(b"OggS")
    return last >= 0 and len(tail) > last + 5 and bool(tail[last + 5] & 0x04)
