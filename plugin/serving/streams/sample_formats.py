"""Samples of WebSocket frames: bytes to float32 and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_FORMATS: dict[str, np.dtype[Any]] = {
    "s16le": np.dtype("<i2"),
    "s32le": np.dtype("<i4"),
    "f32le": np.dtype("<f4"),
}
"""Interleaved samples without a header, low byte first."""


def decode_samples(data: bytes, sample_format: str, num_channels: int) -> NDArray[np.float32]:
    """float32 (channels, samples) of interleaved samples; samples that are not finite become silence.

    Args:
        data: Whole samples of all channels.
        sample_format: One of `SAMPLE_FORMATS`. Integers of full scale become -1.0 to 1.0.
        num_channels: 1 or more.

    Raises:
        ValueError: Not a whole number of samples.
    """
    kind = SAMPLE_FORMATS[sample_format]
    if len(data) % (kind.itemsize * num_channels):
        raise ValueError(
            f"a frame must hold whole samples of {kind.itemsize * num_channels} bytes "
            f"({sample_format}, channels: {num_channels}; got {len(data)} bytes)."
        )
    samples = np.frombuffer(data, kind).reshape(-1, num_channels).T
    if kind.kind == "f":
        block = np.ascontiguousarray(samples, np.float32)
        return block if np.isfinite(block).all() else np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
    return np.ascontiguousarray(samples / 2.0 ** (8 * kind.itemsize - 1), np.float32)


def encode_samples(block: NDArray[np.float32], sample_format: str) -> bytes:
    """The inverse of `decode_samples`; integers are rounded, and clipped at full scale."""
    kind = SAMPLE_FORMATS[sample_format]
    if kind.kind == "f":
        return block.T.astype(kind).tobytes()
    scale = 2.0 ** (8 * kind.itemsize - 1)
    scaled = np.rint(block.T.astype(np.float64) * scale)
    return np.clip(scaled, -scale, scale - 1.0).astype(kind).tobytes()
