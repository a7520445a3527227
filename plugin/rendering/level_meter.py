"""Level meter of a recording: peak, RMS level and noise floor."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_WINDOW_MS = 100.0
_LOWEST_DB, _HIGHEST_DB, _STEP_DB = -150.0, 30.0, 0.1
_FLOOR_SHARE = 0.1


class LevelMeter:
    """Peak, RMS level and noise floor of all channels together; memory does not grow.

    Args:
        sample_rate: Hz.

    Attributes:
        num_samples: Samples per channel so far.
        peak: Largest sample, linear.
    """

    def __init__(self, sample_rate: float) -> None:
        self.num_samples = 0
        self.peak = 0.0
        self._energy = 0.0
        self._window = max(1, round(sample_rate * _WINDOW_MS / 1000.0))
        self._window_energy = 0.0
        # Number of windows by level, in steps of 0.1 dB, which are inaudible.
        self._histogram = np.zeros(round((_HIGHEST_DB - _LOWEST_DB) / _STEP_DB) + 1, np.int64)

    def update(self, block: NDArray[np.float32]) -> None:
        """Measure the next samples, float32 (channels, samples), finite."""
        num_samples = block.shape[1]
        if not num_samples:
            return
        self.peak = max(self.peak, float(block.max()), -float(block.min()))
        energy = np.einsum("cn,cn->n", block, block, dtype=np.float64) / block.shape[0]
        self._energy += float(energy.sum())
        first = -self.num_samples % self._window or self._window
        starts = np.arange(first, num_samples, self._window)
        sums = np.add.reduceat(energy, [0, *starts])
        # First the window that was open before this block, then whole windows; the last one stays open.
        if self.num_samples % self._window:
            sums[0] += self._window_energy
        self.num_samples += num_samples
        closed = len(sums) if self.num_samples % self._window == 0 else len(sums) - 1
        self._window_energy = 0.0 if closed == len(sums) else float(sums[-1])
        if closed:
            levels = 10.0 * np.log10(np.maximum(sums[:closed] / self._window, 1e-30))
            bins = np.rint((np.clip(levels, _LOWEST_DB, _HIGHEST_DB) - _LOWEST_DB) / _STEP_DB)
            np.add.at(self._histogram, bins.astype(np.int64), 1)

    @property
    def level_db(self) -> float | None:
        """RMS level, dBFS (a full-scale square wave is 0); None for digital silence."""
        if self._energy <= 0.0:
            return None
        return 10.0 * math.log10(self._energy / self.num_samples)

    @property
    def peak_db(self) -> float | None:
        """Largest sample, dBFS; None for digital silence."""
        return decibels(self.peak)

    @property
    def floor_db(self) -> float | None:
        """Level of the quietest tenth of the windows of 100 ms, dBFS, at least -150.

        None for recordings shorter than one window.
        """
        total = int(self._histogram.sum())
        if not total:
            return None
        place = int(np.searchsorted(np.cumsum(self._histogram), max(1, round(_FLOOR_SHARE * total))))
        return round(_LOWEST_DB + place * _STEP_DB, 1)


def decibels(peak: float) -> float | None:
    """A linear value in dB; None for 0."""
    return 20.0 * math.log10(peak) if peak > 0.0 else None
