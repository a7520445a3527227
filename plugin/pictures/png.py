"""Spectrograms as PNG in base64, for HTML reports, without a graphics library."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from hushgate.pictures.colour_map import RANGE_DB, brightest_db, inferno


def spectrogram_png(decibels: NDArray[np.float32], top_db: float) -> str:
    """A spectrogram as PNG in base64.

    Args:
        decibels: Levels, dB, (rows, columns), the lowest frequency first.
        top_db: Level of the brightest colour, dB, raised to `brightest_db`.
    """
    levels = np.clip((decibels[::-1] - brightest_db(top_db)) / RANGE_DB + 1.0, 0.0, 1.0)
    return base64.b64encode(_png(np.rint(levels * 255.0).astype(np.uint8))).decode()


def _png(pixels: NDArray[np.uint8]) -> bytes:
    rows, columns = pixels.shape
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), pixels], axis=1)  # filter type 0 before each row
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
        (b"PLTE", inferno().tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
