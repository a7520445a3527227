"""PNG images for reports."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from hushgate.pictures.png import spectrogram_png


def test_pictures_are_valid_png() -> None:
    levels = np.linspace(-100, 0, 12).reshape(3, 4).astype(np.float32)
    data = base64.b64decode(spectrogram_png(levels, 0.0))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    kinds, place, content = [], 8, b""
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + size]
        assert struct.unpack_from(">I", data, place + 8 + size)[0] == zlib.crc32(kind + body)
        kinds.append(kind)
        content += body if kind == b"IDAT" else b""
        place += 12 + size
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    rows = np.frombuffer(zlib.decompress(content), np.uint8).reshape(3, 5)[:, 1:]
    assert rows[0, -1] == 255  # the highest frequency on top
    assert rows[-1, 0] == 0


def test_silence_is_dark() -> None:
    silence = np.full((4, 6), -200.0, np.float32)
    assert spectrogram_png(silence, -200.0) == spectrogram_png(silence, 0.0)
