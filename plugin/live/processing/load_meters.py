"""Meters of the audio callback: peak level and load."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

# Fall of a peak, slow enough that a view drawn ten times a second shows every one.
_FALL_DB_PER_S = 24.0
_LOAD_SECONDS = 0.3
# Loads are counted in steps of 0.25 %, up to five times the duration of a block.
_LOAD_STEP = 0.0025
_LOAD_STEPS = 2000


class PeakMeter:
    """Peak level with a steady fall.

    >>> meter = PeakMeter(block_s=0.005)
    >>> meter.update(0.5)
    >>> round(meter.dbfs, 1)
    -6.0
    """

    def __init__(self, block_s: float) -> None:
        self._fall = 10.0 ** (-_FALL_DB_PER_S * block_s / 20.0)
        self._peak = 0.0

    def update(self, peak: float) -> None:
        """Add the largest sample of a block, linear."""
        self._peak = max(peak, self._peak * self._fall)

    @property
    def dbfs(self) -> float:
        """Level, dBFS; -inf for silence."""
        return 20.0 * math.log10(self._peak) if self._peak > 1e-9 else -math.inf


class LoadMeter:
    """Load: the share of a block's duration that its processing takes, recent and as a distribution.

    Memory does not grow: loads are counted in steps of 0.25 %, those of 500 % and more together.

    Args:
        block_s: Duration of a block, seconds.

    Attributes:
        recent: Load of the last 0.3 s, smoothed.
        largest: The largest load so far.
        num_late: Blocks whose processing took longer than they last. Only these can cause a dropout.
    """

    def __init__(self, block_s: float) -> None:
        self._follow = min(1.0, block_s / _LOAD_SECONDS)
        self._counts = np.zeros(_LOAD_STEPS + 1, dtype=np.int64)
        self.recent = 0.0
        self.largest = 0.0
        self.num_late = 0

    def update(self, load: float) -> None:
        """Add the load of a block: its processing time over its duration."""
        self.recent += self._follow * (load - self.recent)
        self.largest = max(self.largest, load)
        self.num_late += load > 1.0
        self._counts[min(int(load / _LOAD_STEP), _LOAD_STEPS)] += 1

    def percentile(self, percent: float) -> float:
        """The load that `percent` % of all blocks do not exceed; 0.0 before the first block."""
        total = np.cumsum(self._counts)
        if not total[-1]:
            return 0.0
        step = int(np.searchsorted(total, percent / 100.0 * total[-1]))
        return min((step + 1) * _LOAD_STEP, self.largest)


def peak_of(block: NDArray[np.float32]) -> float:
    """Largest magnitude in a block, linear; NaN or infinite if a sample is."""
    if block.size == 0:
        return 0.0
    high, low = np.maximum.reduce(block, axis=None), np.minimum.reduce(block, axis=None)
    return float(max(high, -low)) if high == high else math.nan
