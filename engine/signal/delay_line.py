"""A delay of whole samples that keeps their values bit for bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class DelayLine:
    """Return the input `delay_samples` later, bit for bit.

    Args:
        delay_samples: Delay, samples, 0 or more.
        num_channels: Channels of every block.

    Shapes: `process` maps float32 (channels, samples) to a new array of the same shape; samples
    may be 0. Latency: `delay_samples`. State: the last `delay_samples` samples of every channel.

    >>> line = DelayLine(2, num_channels=1)
    >>> line.process(np.array([[1.0, 2.0, 3.0]], np.float32)).tolist()
    [[0.0, 0.0, 1.0]]
    """

    def __init__(self, delay_samples: int, num_channels: int) -> None:
        self._ring = np.zeros((num_channels, delay_samples), dtype=np.float32)
        self._position = 0

    def reset(self) -> None:
        """Forget all sound."""
        self._ring[:] = 0.0
        self._position = 0

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Store a block; the samples that are `delay_samples` old."""
        ring, position = self._ring, self._position
        size, count = ring.shape[1], block.shape[1]
        out = np.empty(block.shape, dtype=np.float32)
        end = position + count
        if end <= size:  # the common case of a live block: no wrap-around
            out[:] = ring[:, position:end]
            ring[:, position:end] = block
            self._position = end
        elif count < size:
            first = size - position
            out[:, :first] = ring[:, position:]
            out[:, first:] = ring[:, : end - size]
            ring[:, position:] = block[:, :first]
            ring[:, : end - size] = block[:, first:]
            self._position = end - size
        else:
            first = size - position
            out[:, :first] = ring[:, position:]
            out[:, first:size] = ring[:, :position]
            out[:, size:] = block[:, : count - size]
            ring[:] = block[:, count - size :]
            self._position = 0
        return out
