"""One stream of sound through an effect: as many samples out as in, a fixed latency later."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hushgate.live.processing.sample_fifo import SampleFifo
from hushgate.pedalboard_compat.effect_protocol import Effect


class SoundStream:
    """Blocks of any size through an effect.

    Args:
        effect: Anything with pedalboard's `process` and `reset`; it is reset.
        sample_rate: Hz.
        num_channels: 1 or more.
        latency_samples: The effect's latency.
        slice_size: Samples that the effect gets at once, at most.

    Shapes: float32 (channels, samples) in and out.
    """

    def __init__(
        self, effect: Effect, sample_rate: int, num_channels: int, latency_samples: int, slice_size: int
    ) -> None:
        effect.reset()
        # From an empty block on, the effect knows which dimension the channels are, however few samples come.
        effect.process(np.zeros((num_channels, 0), np.float32), sample_rate, reset=False)
        self._effect = effect
        self._sample_rate = sample_rate
        self._num_channels = num_channels
        self._slice_size = slice_size
        self.latency_samples = latency_samples
        self._fifo = SampleFifo(num_channels, latency_samples + self._slice_size)
        self._fifo.restart(latency_samples)

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next samples, as many as `block` has."""
        num_samples = block.shape[1]
        if not num_samples:
            return block
        for part in np.array_split(block, math.ceil(num_samples / self._slice_size), axis=1):
            self._fifo.push(self._effect.process(part, self._sample_rate, reset=False))
        return self._fifo.pull(num_samples)

    def finish(self) -> NDArray[np.float32]:
        """What is left after the last block: `latency_samples` samples."""
        return self.process(np.zeros((self._num_channels, self.latency_samples), np.float32))
