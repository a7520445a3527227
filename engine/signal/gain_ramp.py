"""Straight ramps between gains, counted in samples: the block size does not change them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class GainRamp:
    """Move several gains together to new values in a straight line over a fixed time.

    A straight line between two sets of mixing gains is a cross-fade between the two mixes, so
    no setting clicks when it moves. A new target during a ramp starts from the present gains.

    Args:
        gains: The first gains.
        length_samples: Duration of a ramp, samples; 0 jumps.

    State: start, target and samples left; `step` alone advances them.

    >>> ramp = GainRamp((0.0, 1.0), length_samples=4)
    >>> ramp.go_to((1.0, 1.0))
    >>> ramp.step(3)[0].tolist(), ramp.step(2)[0].tolist(), ramp.settled
    ([0.25, 0.5, 0.75], [1.0, 1.0], True)
    """

    def __init__(self, gains: tuple[float, ...], length_samples: int) -> None:
        self._start = np.asarray(gains, dtype=np.float64)
        self._length = length_samples
        self._remaining = 0
        self.target = gains

    @property
    def settled(self) -> bool:
        """True when the gains have reached `target` and `step` need not be called."""
        return self._remaining == 0

    def jump_to(self, gains: tuple[float, ...]) -> None:
        """Use `gains` from the next sample on, without a ramp."""
        self.target = gains
        self._remaining = 0

    def go_to(self, gains: tuple[float, ...]) -> None:
        """Reach `gains` after `length_samples` more samples."""
        if gains == self.target:
            return
        self._start = self._at(np.array([self._remaining]))[:, 0]
        self.target = gains
        self._remaining = self._length

    def step(self, num_samples: int) -> NDArray[np.float32]:
        """Gains of the next samples: float32 (gains, num_samples)."""
        left = self._remaining - 1 - np.arange(num_samples)
        self._remaining = max(0, self._remaining - num_samples)
        return self._at(np.maximum(left, 0)).astype(np.float32)

    def _at(self, remaining: NDArray[np.int64]) -> NDArray[np.float64]:
        target = np.asarray(self.target, dtype=np.float64)[:, None]
        part = remaining / max(self._length, 1)
        return target + (self._start[:, None] - target) * part
