"""Readings for a host's meters while sound runs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass


def decibels(power: float) -> float:
    """10 log10 of a power; -200 for silence.

    >>> decibels(0.01), decibels(0.0)
    (-20.0, -200.0)
    """
    return 10.0 * math.log10(power) if power > 1e-20 else -200.0


@dataclass(frozen=True)
class Readings:
    """What meters are computed from.

    Attributes:
        energy_before, energy_target, energy_after: Sums of squares of the last frame, all channels together:
            of the input, of the target under the mask, and after the gate. Zeros before the first frame.
        presence: The model's estimate for the last frame; None where it has none.
        input_peak, output_peak: Largest absolute sample of the last block.
        num_nonfinite: Samples since `reset` that counted as 0.
        num_faulty_frames: Frames since `reset` that were muted.
    """

    energy_before: float = 0.0
    energy_target: float = 0.0
    energy_after: float = 0.0
    presence: float | None = None
    input_peak: float = 0.0
    output_peak: float = 0.0
    num_nonfinite: int = 0
    num_faulty_frames: int = 0


class Meters(ABC):
    """Readings of an effect, safe to read from any thread. The sound thread only stores their inputs."""

    @abstractmethod
    def _read(self) -> Readings:
        """The present readings."""

    @property
    def gain_reduction_db(self) -> float:
        """Attenuation of the last frame by model and gate, dB >= 0, before mix and limit."""
        readings = self._read()
        return max(0.0, decibels(readings.energy_before) - decibels(readings.energy_after))

    @property
    def presence(self) -> float:
        """Presence of the target in the last frame, 0 to 1.

        The model's own estimate where it has one, else the share of energy that passes its mask.
        """
        readings = self._read()
        if readings.presence is not None:
            return readings.presence
        before = readings.energy_before
        return min(1.0, readings.energy_target / before) if before > 0.0 else 0.0

    @property
    def input_peak_db(self) -> float:
        """Peak of the last input block, dBFS; -200 for silence."""
        return decibels(self._read().input_peak ** 2)

    @property
    def output_peak_db(self) -> float:
        """Peak of the last output block, dBFS; -200 for silence."""
        return decibels(self._read().output_peak ** 2)

    @property
    def num_nonfinite(self) -> int:
        """Samples since `reset` that counted as 0 because they were not finite or beyond +-1e12."""
        return self._read().num_nonfinite

    @property
    def num_faulty_frames(self) -> int:
        """Frames since `reset` that were muted because the model gave no finite mask for them."""
        return self._read().num_faulty_frames
