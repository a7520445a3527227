"""Two definitions of a signal-to-noise ratio, measured block by block."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hushgate.training.config.mixture_schema import SNR_DEFINITIONS

_WINDOW_MS = 20.0
# Windows within 30 dB of the loudest are active.
_ACTIVE = 1e-3


class PowerMeter:
    """Mean power of a recording, over all of it or over its active windows.

    Windows of 20 ms within 30 dB of the loudest are active, as in `augmentations.active_level_db`. Memory
    grows by 8 bytes a window.

    Args:
        sample_rate: Hz.
        snr_of: "file" for all samples, "active" for the active windows. A recording shorter than one window
            counts whole.
    """

    def __init__(self, sample_rate: float, snr_of: str = "file") -> None:
        if snr_of not in SNR_DEFINITIONS:
            raise ValueError(f"snr_of must be one of {', '.join(SNR_DEFINITIONS)} (got {snr_of!r}).")
        self.num_samples = 0
        self._energy = 0.0
        self._windows: list[NDArray[np.float64]] | None = [] if snr_of == "active" else None
        self._size = max(1, round(sample_rate * _WINDOW_MS / 1000.0))
        self._rest = np.zeros(0)

    def update(self, block: NDArray[np.floating]) -> None:
        """Add (channels, samples)."""
        energy = np.mean(np.square(block, dtype=np.float64), axis=0)
        self.num_samples += len(energy)
        self._energy += float(energy.sum())
        if self._windows is not None:
            energy = np.concatenate([self._rest, energy])
            whole = len(energy) // self._size * self._size
            self._windows.append(energy[:whole].reshape(-1, self._size).mean(axis=1))
            self._rest = energy[whole:]

    @property
    def power(self) -> float:
        """Mean square of the samples that count; 0.0 for silence and for nothing."""
        whole = self._energy / self.num_samples if self.num_samples else 0.0
        if self._windows is None or self.num_samples < self._size:
            return whole
        windows = np.concatenate(self._windows)
        return float(windows[windows >= windows.max() * _ACTIVE].mean())


def ratio_db(signal: float, noise: float) -> float:
    """A ratio of powers in dB; NaN where one of them is 0."""
    return 10.0 * math.log10(signal / noise) if signal > 0.0 and noise > 0.0 else math.nan
