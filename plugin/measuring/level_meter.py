"""Level meter of a recording: peak and RMS level."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class LevelMeter:
    """Peak and RMS level of all channels together; memory does not grow.

    Attributes:
        num_samples: Samples per channel so far.
        peak: Largest sample, linear.
        num_over: Samples beyond full scale so far.
    """

    def __init__(self) -> None:
        self.num_samples = 0
        self.peak = 0.0
        self.num_over = 0
        self._energy = 0.0

    def update(self, block: NDArray[np.float32]) -> None:
        """Measure the next samples, float32 (channels, samples), finite."""
        if not block.shape[1]:
            return
        peak = max(float(block.max()), -float(block.min()))
        self.peak = max(self.peak, peak)
        if peak > 1.0:
            self.num_over += int(np.count_nonzero(np.abs(block) > 1.0))
        self._energy += sum(float(np.dot(channel, channel)) for channel in block) / block.shape[0]
        self.num_samples += block.shape[1]

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


def decibels(peak: float) -> float | None:
    """A linear value in dB; None for 0."""
    return 20.0 * math.log10(peak) if peak > 0.0 else None
