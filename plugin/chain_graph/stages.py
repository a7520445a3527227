"""The steps a chain is made of: native boards, plugins from files, effects in Python.

Every stage maps float32 (channels, samples) to the same channels and at most as many samples: those
that are ready. A stage with latency returns nothing at first and then as many as come in, as
pedalboard's plugins do, so each stage meets the very first sample of the sound first, and delays
add up without anyone adding them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pedalboard
from numpy.typing import NDArray

from hushgate.pedalboard_compat.effect_protocol import Effect

# Native plugins are prepared for chunks of this size, pedalboard's default, and get none larger.
MAX_CHUNK_SIZE = 8192


@dataclass(frozen=True)
class StreamFormat:
    """What a chain is prepared for: Hz and channels."""

    sample_rate: float
    num_channels: int


class Stage(Protocol):
    """One step."""

    def process(self, block: NDArray[np.float32], chunk_size: int) -> NDArray[np.float32]:
        """What is ready once `block`, of 1 sample or more, has gone in. Does not write to it.

        Args:
            block: float32 (channels, samples).
            chunk_size: Samples to handle at once, 1 or more; native plugins get at most `MAX_CHUNK_SIZE`.
        """


class NativeStage:
    """Neighbouring native plugins, run as one native board.

    The plugins must have been prepared for the format (see `prepare_native`): a native plugin that
    meets a larger block than ever before forgets its sound.
    """

    def __init__(self, plugins: Sequence[pedalboard.Plugin], form: StreamFormat) -> None:
        self._form = form
        # A board guesses which dimension is channels. It learns that while it is still empty, so
        # that no plugin hears the lesson; from then on even blocks of one sample are unmistakable.
        self._board = pedalboard.Pedalboard([])
        lesson = np.zeros((form.num_channels, form.num_channels + 1), np.float32)
        self._board.process(lesson, form.sample_rate, reset=False)
        for plugin in plugins:
            self._board.append(plugin)

    def process(self, block: NDArray[np.float32], chunk_size: int) -> NDArray[np.float32]:
        """See `Stage`."""
        size = min(chunk_size, MAX_CHUNK_SIZE)
        return self._board.process(block, self._form.sample_rate, size, reset=False)


def prepare_native(plugin: pedalboard.Plugin, form: StreamFormat) -> None:
    """Let a native plugin allocate for the largest chunk to come, and clear it.

    pedalboard prepares its plugins for the size of the block at hand, and many forget their sound when
    a larger one follows: every chain behind an effect with latency would lose its first samples.
    """
    holder = pedalboard.Pedalboard([plugin])
    silence = np.zeros((form.num_channels, MAX_CHUNK_SIZE), np.float32)
    holder.process(silence, form.sample_rate, MAX_CHUNK_SIZE, reset=False)
    clear_native([plugin])


def clear_native(plugins: Sequence[pedalboard.Plugin]) -> None:
    """Clear the sound of native plugins. Their own `reset` would also undo `prepare_native`."""
    pedalboard.Pedalboard(list(plugins)).reset()


def is_external(plugin: object) -> bool:
    """Whether a native plugin comes from a file, as from `pedalboard.load_plugin`."""
    return isinstance(plugin, pedalboard.ExternalPlugin)


class ExternalStage:
    """A native plugin from a file, on a board of its own.

    pedalboard forgets at each reset what such a plugin was prepared for, and would prepare it
    again, and lose its sound, at each larger block. So it hears a chunk of silence after each reset,
    and what comes out of that is dropped.
    """

    def __init__(self, plugin: pedalboard.Plugin, form: StreamFormat) -> None:
        self._form = form
        self._plugin = plugin
        self._stage = NativeStage([plugin], form)
        self._num_to_drop = 0

    def clear(self) -> None:
        """Clear the plugin's sound, and prepare it for the largest chunk."""
        clear_native([self._plugin])
        silence = np.zeros((self._form.num_channels, MAX_CHUNK_SIZE), np.float32)
        self._num_to_drop = MAX_CHUNK_SIZE - self._stage.process(silence, MAX_CHUNK_SIZE).shape[1]

    def process(self, block: NDArray[np.float32], chunk_size: int) -> NDArray[np.float32]:
        """See `Stage`."""
        output = self._stage.process(block, chunk_size)
        num_dropped = min(self._num_to_drop, output.shape[1])
        self._num_to_drop -= num_dropped
        return output[:, num_dropped:]


class EffectStage:
    """An effect in Python: ours, or any object with pedalboard's `process` and `reset`."""

    def __init__(self, effect: Effect, form: StreamFormat) -> None:
        self._effect = effect
        self._form = form

    def clear(self) -> None:
        """Clear the effect's sound, and show it how blocks will lie."""
        self._effect.reset()
        self.process(np.zeros((self._form.num_channels, 0), np.float32), MAX_CHUNK_SIZE)

    def process(self, block: NDArray[np.float32], chunk_size: int) -> NDArray[np.float32]:
        """See `Stage`.

        Raises:
            RuntimeError: The effect returned something else than it may.
        """
        form = self._form
        output = self._effect.process(block, form.sample_rate, chunk_size, reset=False)
        if output.ndim != 2 or output.shape[0] != block.shape[0] or output.shape[1] > block.shape[1]:
            raise RuntimeError(
                f"{self._effect!r} must return {block.shape[0]} channels of at most {block.shape[1]} samples "
                f"(got shape {output.shape})."
            )
        return output


class Series:
    """Stages one after the other; none passes the block through."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = tuple(stages)

    def process(self, block: NDArray[np.float32], chunk_size: int) -> NDArray[np.float32]:
        """See `Stage`."""
        for stage in self._stages:
            if block.shape[1] == 0:
                break
            block = stage.process(block, chunk_size)
        return block
