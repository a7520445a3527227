"""The stages of a chain: native boards, plugins from files, effects in Python.

Every stage maps float32 (channels, samples) to the same channels and at most as many samples: those
that are ready. A stage with latency returns nothing at first and then as many as come in, as
pedalboard's plugins do. Each stage therefore starts with the first sample of the sound, and no stage needs to
know the delays of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pedalboard
from numpy.typing import NDArray

from hushgate.pedalboard_compat.effect_protocol import Effect

# Native plugins are prepared for blocks of this size, pedalboard's default, and get none larger.
NATIVE_BLOCK_SIZE = 8192


@dataclass(frozen=True)
class StreamFormat:
    """Sample rate in Hz and number of channels."""

    sample_rate: float
    num_channels: int


class Stage(Protocol):
    """One stage."""

    def process(self, block: NDArray[np.float32], block_size: int) -> NDArray[np.float32]:
        """Process a block of 1 sample or more; the samples that are ready. Does not write to the block.

        Args:
            block: float32 (channels, samples).
            block_size: Most samples to process at once, 1 or more; at most `NATIVE_BLOCK_SIZE` for
                native plugins.
        """


class NativeStage:
    """Neighbouring native plugins, run as one native board.

    The plugins must have been prepared for the format (see `prepare_native`): a native plugin forgets its
    sound when a block is larger than all before.
    """

    def __init__(self, plugins: Sequence[pedalboard.Plugin], stream_format: StreamFormat) -> None:
        self._format = stream_format
        # pedalboard infers the channel axis from the first block. Show it one zero block while the
        # board is empty, so that 1-sample blocks are unambiguous later.
        self._board = pedalboard.Pedalboard([])
        first = np.zeros((stream_format.num_channels, stream_format.num_channels + 1), np.float32)
        self._board.process(first, stream_format.sample_rate, reset=False)
        for plugin in plugins:
            self._board.append(plugin)

    def process(self, block: NDArray[np.float32], block_size: int) -> NDArray[np.float32]:
        """See `Stage`."""
        size = min(block_size, NATIVE_BLOCK_SIZE)
        return self._board.process(block, self._format.sample_rate, size, reset=False)


def prepare_native(plugin: pedalboard.Plugin, stream_format: StreamFormat) -> None:
    """Let a native plugin allocate for the largest block to come, and clear it.

    pedalboard prepares its plugins for the size of the present block, and many forget their sound when
    a larger one follows. Blocks grow behind an effect with latency, so its successors would lose their
    first samples.
    """
    holder = pedalboard.Pedalboard([plugin])
    silence = np.zeros((stream_format.num_channels, NATIVE_BLOCK_SIZE), np.float32)
    holder.process(silence, stream_format.sample_rate, NATIVE_BLOCK_SIZE, reset=False)
    clear_native([plugin])


def clear_native(plugins: Sequence[pedalboard.Plugin]) -> None:
    """Clear the sound of native plugins. Their own `reset` would also undo `prepare_native`."""
    pedalboard.Pedalboard(list(plugins)).reset()


def is_external(plugin: object) -> bool:
    """True for a native plugin from a file, as from `pedalboard.load_plugin`."""
    return isinstance(plugin, pedalboard.ExternalPlugin)


class ExternalStage:
    """A native plugin from a file, on a board of its own.

    pedalboard forgets at each reset the size that such a plugin was prepared for. It would prepare it
    again at each larger block and lose its sound. Therefore the plugin gets one block of silence of the
    largest size after each reset, and the output of that block is dropped.
    """

    def __init__(self, plugin: pedalboard.Plugin, stream_format: StreamFormat) -> None:
        self._format = stream_format
        self._plugin = plugin
        self._stage = NativeStage([plugin], stream_format)
        self._num_to_drop = 0

    def clear(self) -> None:
        """Clear the plugin's sound, and prepare it for the largest block."""
        clear_native([self._plugin])
        silence = np.zeros((self._format.num_channels, NATIVE_BLOCK_SIZE), np.float32)
        self._num_to_drop = NATIVE_BLOCK_SIZE - self._stage.process(silence, NATIVE_BLOCK_SIZE).shape[1]

    def process(self, block: NDArray[np.float32], block_size: int) -> NDArray[np.float32]:
        """See `Stage`."""
        output = self._stage.process(block, block_size)
        num_dropped = min(self._num_to_drop, output.shape[1])
        self._num_to_drop -= num_dropped
        return output[:, num_dropped:]


class EffectStage:
    """An effect in Python: ours, or any object with pedalboard's `process` and `reset`."""

    def __init__(self, effect: Effect, stream_format: StreamFormat) -> None:
        self._effect = effect
        self._format = stream_format

    def clear(self) -> None:
        """Clear the effect's sound, and show it the layout of the blocks."""
        self._effect.reset()
        self.process(np.zeros((self._format.num_channels, 0), np.float32), NATIVE_BLOCK_SIZE)

    def process(self, block: NDArray[np.float32], block_size: int) -> NDArray[np.float32]:
        """See `Stage`.

        Raises:
            RuntimeError: The effect returned an array of a shape that is not allowed.
        """
        stream_format = self._format
        output = self._effect.process(block, stream_format.sample_rate, block_size, reset=False)
        if output.ndim != 2 or output.shape[0] != block.shape[0] or output.shape[1] > block.shape[1]:
            raise RuntimeError(
                f"{self._effect!r} must return {block.shape[0]} channels of at most {block.shape[1]} samples "
                f"(got shape {output.shape})."
            )
        return output


class Series:
    """Stages one after the other. Without a stage the block itself comes back."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = tuple(stages)

    def process(self, block: NDArray[np.float32], block_size: int) -> NDArray[np.float32]:
        """See `Stage`."""
        for stage in self._stages:
            if block.shape[1] == 0:
                break
            block = stage.process(block, block_size)
        return block
