"""Removal of what differs from run to run, so that equal sound gives equal bytes."""

from __future__ import annotations

import zlib
from pathlib import Path

from hushgate.audio_files.container_chunks import read_chunks

_TIMESTAMP_OFFSET = 4


def settle(path: Path, container: str, name: str) -> None:
    """Make the bytes of a finished file depend on its content and `name` alone.

    libsndfile numbers Ogg streams at random and notes the time in the PEAK chunk of float WAV and
    AIFF files. The stream gets a number made from `name` (streams that are joined later must not
    share one), the time becomes 0.

    Args:
        path: The file, closed. Changed in place.
        container: soundfile's name of its format.
        name: The final file name.
    """
    if container == "OGG":
        _number_ogg_stream(path, zlib.crc32(name.encode("utf-8", "surrogateescape")))
    elif container in ("WAV", "WAVEX", "RF64", "AIFF"):
        _clear_peak_time(path)


def _number_ogg_stream(path: Path, serial: int) -> None:
    from mutagen.ogg import OggPage

    with path.open("rb+") as file:
        while True:
            start = file.tell()
            try:
                page = OggPage(file)
            except EOFError:
                return
            page.serial = serial
            end = file.tell()
            file.seek(start)
            file.write(page.write())
            file.seek(end)


def _clear_peak_time(path: Path) -> None:
    with path.open("rb+") as file:
        layout = read_chunks(file)
        peak = layout.find(b"PEAK") if layout else None
        if peak is not None and peak.size >= _TIMESTAMP_OFFSET + 4:
            file.seek(peak.start + _TIMESTAMP_OFFSET)
            file.write(bytes(4))
