"""Gain of the clean sound within the output, in the whole band and above 8 kHz."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from hushgate.training.evaluate.measures.base import Audio, Column, Item

_UPPER_BAND_HZ = 8_000.0
_LOWEST_DB = -100.0


def level_change_db(clean: Audio, output: Audio) -> float:
    """Factor by which the clean sound fits the output best, as gain in dB, -100 at least.

    |<clean, output>| / |clean|^2 over all channels together: 0.0 where the clean sound kept its level,
    however much noise the output has.
    """
    return _gain_db(clean, output)


def upper_level_change_db(clean: Audio, output: Audio, sample_rate: int) -> float:
    """`level_change_db` of the band above 8 kHz; NaN where the clean sound has nothing there."""
    size = fft.next_fast_len(clean.shape[1], real=True)
    first = int(_UPPER_BAND_HZ * size / sample_rate) + 1
    bands = []
    for audio in (clean, output):
        spectrum = fft.rfft(audio.astype(np.float64), size)
        spectrum[:, :first] = 0.0
        bands.append(fft.irfft(spectrum, size))
    if np.mean(bands[0] ** 2) < 1e-12 * np.mean(clean.astype(np.float64) ** 2):
        return math.nan
    return _gain_db(bands[0], bands[1])


class LevelChange:
    """`level_change_db` as a measure."""

    columns = (Column("level_db", "level, dB", 2),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        return {"level_db": level_change_db(item.clean, output)}


class UpperLevelChange:
    """`upper_level_change_db` as a measure."""

    columns = (Column("upper_level_db", "level above 8 kHz, dB", 1),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        return {"upper_level_db": upper_level_change_db(item.clean, output, item.sample_rate)}


def _gain_db(clean: NDArray[np.floating], output: NDArray[np.floating]) -> float:
    target, other = clean.astype(np.float64).ravel(), output.astype(np.float64).ravel()
    gain = abs(float(target @ other)) / max(float(target @ target), 1e-20)
    return max(20.0 * math.log10(gain + 1e-20), _LOWEST_DB)
