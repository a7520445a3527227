"""Readings for a host's meters while sound runs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_Frame = tuple[NDArray[np.complex64], NDArray[np.complex64], NDArray[np.float32] | None, float | None]


def decibels(power: float) -> float:
    """10 log10 of a power; -200 for silence.

    >>> decibels(0.01), decibels(0.0)
    (-20.0, -200.0)
    """
    return 10.0 * math.log10(power) if power > 1e-20 else -200.0


class Meters:
    """Readings of an effect, safe to read from any thread. The sound thread only stores their inputs.

    State: the last frame, the peaks of the last block, a count.
    """

    def __init__(self) -> None:
        self._clear_meters()

    @property
    def gain_reduction_db(self) -> float:
        """Attenuation of the last frame by model and gate, dB >= 0, before mix and limit."""
        frame = self._last_frame
        if frame is None:
            return 0.0
        noisy, target, gains, _ = frame
        before = float(_energies(noisy).sum())
        after = float((_energies(target) if gains is None else _energies(target) * gains**2).sum())
        return max(0.0, decibels(before) - decibels(after))

    @property
    def presence(self) -> float:
        """Presence of the target in the last frame, 0 to 1.

        The model's own estimate where it has one, else the share of energy that passes its mask.
        """
        frame = self._last_frame
        if frame is None:
            return 0.0
        noisy, target, _, presence = frame
        if presence is not None:
            return presence
        before = float(_energies(noisy).sum())
        return min(1.0, float(_energies(target).sum()) / before) if before > 0.0 else 0.0

    @property
    def input_peak_db(self) -> float:
        """Peak of the last input block, dBFS; -200 for silence."""
        return decibels(self._input_peak**2)

    @property
    def output_peak_db(self) -> float:
        """Peak of the last output block, dBFS; -200 for silence."""
        return decibels(self._output_peak**2)

    @property
    def num_nonfinite(self) -> int:
        """Samples since `reset` that counted as 0 because they were not finite or beyond +-1e12."""
        return self._num_nonfinite

    def _clear_meters(self) -> None:
        self._last_frame: _Frame | None = None
        self._input_peak = self._output_peak = 0.0
        self._num_nonfinite = 0

    def _meter_frame(
        self,
        noisy: NDArray[np.complex64],
        target: NDArray[np.complex64],
        gains: NDArray[np.float32] | None,
        presence: float | None,
    ) -> None:
        """Keep the last of some frames. One assignment: readers see the old frame or the new one."""
        last_gains = None if gains is None else gains[:, -1]
        self._last_frame = (noisy[:, -1].copy(), target[:, -1].copy(), last_gains, presence)


def _energies(frame: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Energy of one frame of each channel."""
    parts = frame.view(np.float32)
    energies: NDArray[np.float32] = np.einsum("ck,ck->c", parts, parts)
    return energies
