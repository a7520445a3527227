"""Ring buffer from the audio callback to another thread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Tap:
    """A ring buffer for one writer and one reader in different threads, without locks.

    The audio callback writes; a recorder, tuner or view reads in another thread, at most `capacity`
    samples late. Neither waits: a block that does not fit is left out and counted, so a slow reader
    loses sound only for itself.

    Writer and reader each change only their own counter, after they have copied the samples.

    Args:
        num_channels: Channels of every block.
        capacity: Samples it holds.

    Attributes:
        num_lost: Samples left out so far because the reader was late.

    Shapes: `write` takes and `read` returns float32 (channels, samples).

    >>> tap = Tap(num_channels=1, capacity=4)
    >>> tap.write(np.ones((1, 3), np.float32)), tap.write(np.ones((1, 2), np.float32))
    (True, False)
    >>> tap.read().shape, tap.num_lost
    ((1, 3), 2)
    """

    def __init__(self, num_channels: int, capacity: int) -> None:
        self._ring = np.zeros((num_channels, capacity), dtype=np.float32)
        self._num_written = 0
        self._num_read = 0
        self.num_lost = 0

    @property
    def num_waiting(self) -> int:
        """Samples that `read` would return."""
        return self._num_written - self._num_read

    def write(self, block: NDArray[np.float32]) -> bool:
        """Append a block if it fits; False if it does not. For the writing thread only."""
        count, capacity = block.shape[1], self._ring.shape[1]
        if count > capacity - self.num_waiting:
            self.num_lost += count
            return False
        start = self._num_written % capacity
        first = min(count, capacity - start)
        self._ring[:, start : start + first] = block[:, :first]
        self._ring[:, : count - first] = block[:, first:]
        self._num_written += count
        return True

    def read(self) -> NDArray[np.float32]:
        """The samples written since the last call. For the reading thread only."""
        count, capacity = self.num_waiting, self._ring.shape[1]
        start = self._num_read % capacity
        first = min(count, capacity - start)
        out = np.concatenate([self._ring[:, start : start + first], self._ring[:, : count - first]], axis=1)
        self._num_read += count
        return out
