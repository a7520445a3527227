"""Queue of samples that returns blocks of any length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class SampleFifo:
    """Turn the output of an effect, sometimes fewer samples than its input, into blocks of a wanted length.

    It starts with as many zeros as the effect's latency, so it never runs short: the zeros replace the
    samples that the effect holds back at first. It grows when more is pushed than it can hold, and
    otherwise allocates only the blocks it returns.

    Args:
        num_channels: Channels of every block.
        capacity: Samples to allocate in advance, 1 or more.

    Shapes: `push` takes and `pull` returns float32 (channels, samples); samples may be 0.

    >>> fifo = SampleFifo(num_channels=1, capacity=8)
    >>> fifo.restart(2)
    >>> fifo.push(np.float32([[1.0, 2.0, 3.0]]))
    >>> fifo.pull(4).tolist(), fifo.num_samples
    ([[0.0, 0.0, 1.0, 2.0]], 1)
    """

    def __init__(self, num_channels: int, capacity: int) -> None:
        self._samples = np.zeros((num_channels, capacity), dtype=np.float32)
        self.num_samples = 0

    def restart(self, num_zeros: int) -> None:
        """Forget all samples and hold `num_zeros` zeros instead."""
        self._make_room(num_zeros)
        self._samples[:, :num_zeros] = 0.0
        self.num_samples = num_zeros

    def push(self, block: NDArray[np.float32]) -> None:
        """Append a block."""
        end = self.num_samples + block.shape[1]
        self._make_room(end)
        self._samples[:, self.num_samples : end] = block
        self.num_samples = end

    def pull(self, num_samples: int) -> NDArray[np.float32]:
        """The oldest `num_samples` samples; where there are fewer, zeros come before them."""
        out = np.empty((self._samples.shape[0], num_samples), dtype=np.float32)
        taken = min(num_samples, self.num_samples)
        out[:, : num_samples - taken] = 0.0
        out[:, num_samples - taken :] = self._samples[:, :taken]
        rest = self.num_samples - taken
        if rest and taken:
            self._samples[:, :rest] = self._samples[:, taken : self.num_samples]
        self.num_samples = rest
        return out

    def _make_room(self, num_samples: int) -> None:
        held = self._samples
        if num_samples > held.shape[1]:
            self._samples = np.zeros((held.shape[0], max(num_samples, 2 * held.shape[1])), dtype=np.float32)
            self._samples[:, : self.num_samples] = held[:, : self.num_samples]
