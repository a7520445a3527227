"""Rounding to integer sample formats, with dither where the word gets shorter."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.formats.sample_formats import word_length

_BITS = {
    "PCM_S8": 8,
    "PCM_U8": 8,
    "PCM_16": 16,
    "PCM_24": 24,
    "ALAC_16": 16,
    "ALAC_20": 20,
    "ALAC_24": 24,
    "FLAC_16": 16,
    "FLAC_24": 24,
}
# Bits of a sample of decoders that compute in floating point.
_DECODED = 64


def word_gets_shorter(source_subtype: str, target_subtype: str) -> bool:
    """Whether samples lose steps on the way from one sample format to another, so that dither helps.

    >>> word_gets_shorter("PCM_24", "PCM_16"), word_gets_shorter("PCM_16", "PCM_24")
    (True, False)
    """
    target = _BITS.get(target_subtype)
    return target is not None and (word_length(source_subtype) or _DECODED) > target


def dither_seed_for(source_subtype: str, target_subtype: str, name: str) -> int | None:
    """A seed that depends on the output's name alone; None where no dither is needed."""
    if not word_gets_shorter(source_subtype, target_subtype):
        return None
    return zlib.crc32(name.encode("utf-8", "surrogateescape"))


class Quantizer:
    """Round to the nearest step of a sample format, for libsndfile, which rounds down in most containers.

    Dither is triangular, two steps wide, independent between channels and samples. Samples that
    are exactly 0 stay 0, so that digital silence remains silent.

    Args:
        subtype: soundfile's name of the sample format. Other than 8, 16 and 24-bit PCM passes
            unchanged: nothing is to be rounded there that float32 could hold.
        dither_seed: Start of the random sequence; None for no dither. The sound depends on the
            seed, never on block sizes.

    Shapes: float32 (channels, samples) in and out; samples beyond full scale are limited.

    >>> Quantizer("PCM_16")(np.float32([[0.9 / 32768, 2.0]])) * 32768
    array([[1.0000e+00, 3.2767e+04]], dtype=float32)
    """

    def __init__(self, subtype: str, *, dither_seed: int | None = None) -> None:
        self._bits = _BITS.get(subtype)
        self._random = None if dither_seed is None else np.random.default_rng(dither_seed)

    def __call__(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._bits is None:
            return block
        scale = 2.0 ** (self._bits - 1)
        steps: NDArray[np.floating]
        if self._random is None:
            steps = np.rint(block * np.float32(scale))
        else:
            # Drawn sample by sample, so that the sequence does not depend on where blocks end.
            draws = self._random.random((block.shape[1], block.shape[0], 2))
            noise = (draws[..., 0] - draws[..., 1]).T
            steps = np.where(block == 0.0, 0.0, np.rint(block * scale + noise))
        np.clip(steps, -scale, scale - 1.0, out=steps)
        steps /= scale
        return steps.astype(np.float32, copy=False)
