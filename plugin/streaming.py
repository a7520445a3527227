"""Run an effect over a stream of blocks, with the latency taken out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# An effect that still owes samples after this much silence never returns them.
_MAX_DRAIN_SECONDS = 60.0


class Effect(Protocol):
    """What `stream` needs: a hushgate effect, or any pedalboard plugin or board."""

    def process(
        self,
        input_array: NDArray[np.float32],
        sample_rate: float,
        buffer_size: int = ...,
        reset: bool = ...,
    ) -> NDArray[np.float32]:
        """Return what is ready, at most as many samples as were given."""

    def reset(self) -> None:
        """Forget all sound."""


def stream(
    effect: Effect, blocks: Iterable[NDArray[np.float32]], sample_rate: float, buffer_size: int = 8192
) -> Iterator[NDArray[np.float32]]:
    """Yield the processed sound of `blocks`, aligned with it and as long to the sample.

    The effect is reset first and drained with silence at the end, so its latency shows neither
    in time nor in length. Nothing but the block at hand is kept: memory does not grow. The effect
    keeps its meters of the end; reset it before using it for something else.

    Args:
        effect: Anything with pedalboard's `process` and `reset`.
        blocks: float32 (channels, samples) each, all with the same number of channels.
        sample_rate: Hz, positive.
        buffer_size: Largest chunk handed to the effect, samples, 1 or more.

    Yields:
        float32 (channels, samples); other sizes than the blocks that came in, never empty.

    Raises:
        RuntimeError: The effect swallowed samples and did not return them after a minute of silence.

    >>> from pedalboard import Gain
    >>> blocks = [np.full((1, n), 0.25, np.float32) for n in (3, 480, 1)]
    >>> np.concatenate(list(stream(Gain(6.0206), blocks, 48_000)), axis=1).round(3).shape
    (1, 484)
    """
    effect.reset()
    num_owed = 0
    held: NDArray[np.float32] | None = None
    for block in blocks:
        num_owed += block.shape[1]
        held = block if held is None else np.concatenate([held, block], axis=1)
        # Nobody can mistake the layout of a block with more samples than channels: join shorter ones.
        if held.shape[1] > held.shape[0]:
            output = effect.process(held, sample_rate, buffer_size, reset=False)
            held = held[:, :0]
            num_owed -= output.shape[1]
            if output.shape[1]:
                yield output

    num_drained = 0
    while held is not None and num_owed > 0:
        if num_drained > _MAX_DRAIN_SECONDS * sample_rate:
            raise RuntimeError(f"{effect!r} kept {num_owed} samples and does not return them.")
        num_channels = held.shape[0]
        silence = np.zeros((num_channels, max(buffer_size, num_channels + 1)), np.float32)
        tail = np.concatenate([held, silence], axis=1)
        output = effect.process(tail, sample_rate, buffer_size, reset=False)[:, :num_owed]
        held = held[:, :0]
        num_drained += silence.shape[1]
        num_owed -= output.shape[1]
        if output.shape[1]:
            yield output
