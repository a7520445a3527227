"""Bridge between an input stream and an output stream with threads of their own."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from hushgate.live.devices.backend import AudioCallback
from hushgate.live.processing.tap import Tap

# Input that fits while no output callback comes.
_CAPACITY_S = 1.0
# A surplus of more than one block during all of this time is left out; a second dropout within twice this
# time makes the reserve grow.
_PATIENCE_S = 1.0
_MAX_RESERVE_S = 0.25


class Bridge:
    """Pass blocks from an input callback to an output callback, and call one callback for both.

    The output sets the pace: each of its callbacks takes one block of input, and a reserve stays
    buffered. Without a block of input the callback gets silence, with a fade-out and a fade-in, and a
    dropout is reported; if that happens again soon, as with an input that delivers in bursts, the reserve
    grows by a block.
    If too much input is buffered for a second, because the output lost time or its clock is slower, the
    surplus is left out in a cross-fade, so that the delay does not grow.

    Args:
        callback: Called for every block of the output, in its thread.
        block_size: Samples of most blocks.
        num_inputs: Channels of the input.
        sample_rate: Hz.
        reserve: Samples to keep buffered for an irregular input; at least a block.

    Latency: the reserve, `latency_samples`, in addition to that of the devices. State: a `Tap` between
    the two threads, and the samples read from it but not used yet.
    """

    def __init__(
        self,
        callback: AudioCallback,
        *,
        block_size: int,
        num_inputs: int,
        sample_rate: float,
        reserve: int = 0,
    ) -> None:
        self._callback = callback
        self._block_size = block_size
        self.latency_samples = max(block_size, reserve)
        self._max_latency = max(self.latency_samples, round(_MAX_RESERVE_S * sample_rate))
        self._arrivals = Tap(num_inputs, round(_CAPACITY_S * sample_rate) + 8 * block_size)
        self._waiting = np.zeros((num_inputs, 0), dtype=np.float32)
        self._is_running = False
        self._is_silent = True
        self._last = np.zeros((num_inputs, 1), dtype=np.float32)
        self._input_lost = False
        self._patience = max(1, round(_PATIENCE_S * sample_rate / block_size))
        self._since_dropout = sys.maxsize
        self._fewest = sys.maxsize
        self._watched = 0

    def take_input(self, input_block: NDArray[np.float32], is_lost: bool = False) -> None:
        """Callback of the input.

        Args:
            input_block: float32 (samples, channels).
            is_lost: True if the device lost sound before this block.
        """
        if is_lost:
            self._input_lost = True
        self._arrivals.write(input_block.T)

    def fill_output(self, output_block: NDArray[np.float32], is_lost: bool = False) -> None:
        """Callback of the output.

        Args:
            output_block: float32 (samples, channels), written to.
            is_lost: True if the device lost sound before this block.
        """
        num_samples = output_block.shape[0]
        if self._arrivals.num_waiting:
            self._waiting = np.concatenate([self._waiting, self._arrivals.read()], axis=1)
        if not self._is_running:
            self._start(num_samples)
        is_lost = is_lost or self._input_lost
        self._input_lost = False
        self._since_dropout += 1
        block = self._take(num_samples)
        rise = np.linspace(0.0, 1.0, num_samples, dtype=np.float32)
        if block is None:
            if self._is_running:
                is_lost = True
                self._note_dropout()
            block = self._last * (1.0 - rise)
            self._last = np.zeros_like(self._last)
            self._is_silent = True
        else:
            if self._is_silent:
                block = block * rise
                self._is_silent = False
            self._last = block[:, -1:]
        self._callback(block.T, output_block, is_lost)

    def _start(self, num_samples: int) -> None:
        """Start once the reserve and a block are buffered; drop older samples."""
        wanted = num_samples + self.latency_samples
        if self._waiting.shape[1] >= wanted:
            self._waiting = self._waiting[:, -wanted:]
            self._is_running = True
            self._begin_watch()

    def _take(self, num_samples: int) -> NDArray[np.float32] | None:
        """The next block; None if it has not come yet."""
        waiting = self._waiting
        rest = waiting.shape[1] - num_samples
        if not self._is_running or rest < 0:
            return None
        self._fewest = min(self._fewest, rest)
        self._watched += 1
        surplus = 0
        if self._watched >= self._patience:
            if self._fewest > self.latency_samples + self._block_size:
                surplus = self._fewest - self.latency_samples
            self._begin_watch()
        self._waiting = waiting[:, num_samples + surplus :]
        block = waiting[:, :num_samples]
        if surplus:
            rise = np.linspace(0.0, 1.0, num_samples, dtype=np.float32)
            block = block * (1.0 - rise) + waiting[:, surplus : surplus + num_samples] * rise
        return block

    def _note_dropout(self) -> None:
        """Fill the reserve again before the next block; a larger one after a second dropout."""
        self._is_running = False
        if self._since_dropout < 2 * self._patience:
            self.latency_samples = min(self.latency_samples + self._block_size, self._max_latency)
        self._since_dropout = 0

    def _begin_watch(self) -> None:
        self._fewest = sys.maxsize
        self._watched = 0
