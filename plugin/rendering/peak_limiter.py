"""Peak limiter with look-ahead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LOOK_AHEAD_MS = 5.0
# Running sums round; treat a gain this near to 1 as 1.
_UNITY = 1.0 - 1e-9


class PeakLimiter:
    """Turn peaks down smoothly, ahead of time, and leave all other samples bit for bit unchanged.

    The gain is the smallest that any sample within reach needs (linked over the channels), averaged
    over the look-ahead, so it moves without steps and never leaves a peak above the ceiling.

    Args:
        sample_rate: Hz.
        ceiling: Largest output sample, linear.

    Shapes: `process` and `flush` give float32 (channels, samples), together as many as the input;
    `process` holds back up to `latency_samples`. The output does not depend on block sizes.

    Attributes:
        lowest_gain: Smallest gain so far, linear; 1.0 without a peak above the ceiling.
    """

    def __init__(self, sample_rate: float, ceiling: float) -> None:
        self.latency_samples = max(1, round(sample_rate * _LOOK_AHEAD_MS / 1000.0))
        self.lowest_gain = 1.0
        self._ceiling = ceiling
        self._held: NDArray[np.float32] | None = None
        self._forget()

    def _forget(self) -> None:
        self._held = None
        # Gains that the samples need, from one look-ahead before the first held sample on.
        self._needs = np.ones(self.latency_samples)

    def process(
        self, block: NDArray[np.float32], peaks: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The samples whose gain is now certain.

        Args:
            block: float32 (channels, samples).
            peaks: What to limit instead of the samples, such as peaks between them, linear, (samples,).
        """
        if not block.shape[1]:
            return block
        held = block if self._held is None else np.concatenate([self._held, block], axis=1)
        levels = (np.abs(block).max(axis=0) if peaks is None else peaks).astype(np.float64)
        needs = np.ones(block.shape[1])
        np.divide(self._ceiling, levels, out=needs, where=levels > self._ceiling)
        self._needs = np.concatenate([self._needs, needs])
        return self._release(held, max(0, held.shape[1] - self.latency_samples))

    def flush(self) -> NDArray[np.float32] | None:
        """The samples held back, or None without any input; then start again."""
        if self._held is None:
            return None
        self._needs = np.concatenate([self._needs, np.ones(self.latency_samples)])
        rest = self._release(self._held, self._held.shape[1])
        self._forget()
        return rest

    def _release(self, held: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        ready, self._held = held[:, :count], held[:, count:]
        needs = self._needs[: count + 2 * self.latency_samples]
        self._needs = self._needs[count:]
        if not count or needs.min() == 1.0:
            return ready
        # m[j], the lowest need of j and the look-ahead after it, is below the need of every sample
        # it covers; so is the mean of all m that cover a sample.
        lowest = _moving_minimum(needs, self.latency_samples + 1)
        gains = _moving_mean(lowest, self.latency_samples + 1)
        self.lowest_gain = min(self.lowest_gain, float(gains.min()))
        return np.where(gains < _UNITY, ready * gains, ready).astype(np.float32)


def _moving_minimum(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The minimum of each `width` neighbours, from windows that double, so the work grows with log(width)."""
    done = 1
    while 2 * done <= width:
        values = np.minimum(values[:-done], values[done:])
        done *= 2
    rest = width - done
    return np.minimum(values[:-rest], values[rest:]) if rest else values


def _moving_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    sums = np.cumsum(np.concatenate([[0.0], values]))
    means: NDArray[np.float64] = (sums[width:] - sums[:-width]) / width
    return means
