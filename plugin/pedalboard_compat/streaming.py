"""The stream function: an effect over blocks, with its latency taken out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hushgate.errors import ChannelLayoutError
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE, checked_buffer_size
from hushgate.pedalboard_compat.effect_protocol import Effect

# An effect that still owes samples after this much silence is taken to be faulty.
MAX_DRAIN_SECONDS = 60.0
# As in hushgate.audio_files.limits, which this folder cannot import. More are samples in the wrong place.
_MAX_CHANNELS = 256


def stream(
    effect: Effect,
    blocks: Iterable[NDArray[np.float32]],
    sample_rate: float,
    block_size: int = DEFAULT_BLOCK_SIZE,
) -> Iterator[NDArray[np.float32]]:
    """Yield the processed sound of `blocks`, aligned with it and as long to the sample.

    The effect is reset first and drained with silence at the end, which takes its latency out of
    time and length. Only the present block is kept: memory does not grow. The effect keeps its last
    meter readings; reset it before another use.

    Args:
        effect: Anything with pedalboard's `process` and `reset`.
        blocks: float32 (channels, samples) each, all with the same number of channels.
        sample_rate: Hz, positive.
        block_size: Samples handed to the effect at once, 1 or more. Sound comes back in pieces of this
            size: 65,536 is quickest, a smaller one comes back sooner.

    Yields:
        float32 (channels, samples); other sizes than the blocks that came in, never empty.

    Raises:
        RuntimeError: The effect kept samples and did not return them after a minute of silence.
        TypeError, ValueError: `block_size` is not a whole number of 1 or more.
        ChannelLayoutError: A block is not (channels, samples), or has other channels than the first.

    >>> from pedalboard import Gain
    >>> blocks = [np.full((1, n), 0.25, np.float32) for n in (3, 480, 1)]
    >>> np.concatenate(list(stream(Gain(6.0206), blocks, 48_000)), axis=1).round(3).shape
    (1, 484)
    """
    block_size = checked_buffer_size(block_size, "block_size")
    effect.reset()
    num_owed = num_drained = 0
    silence: NDArray[np.float32] | None = None
    for part in _equal_blocks(blocks, block_size):
        num_owed += part.num_samples
        silence = np.zeros_like(part.samples)
        output = effect.process(part.samples, sample_rate, block_size, reset=False)[:, :num_owed]
        num_owed -= output.shape[1]
        if output.shape[1]:
            yield output
    while silence is not None and num_owed > 0:
        if num_drained > MAX_DRAIN_SECONDS * sample_rate:
            raise RuntimeError(f"{effect!r} kept {num_owed} samples and does not return them.")
        output = effect.process(silence, sample_rate, block_size, reset=False)[:, :num_owed]
        num_drained += silence.shape[1]
        num_owed -= output.shape[1]
        if output.shape[1]:
            yield output


class _Block(NamedTuple):
    """Samples for one call, the first `num_samples` of them from the stream, the others zeros."""

    samples: NDArray[np.float32]
    num_samples: int


def _equal_blocks(blocks: Iterable[NDArray[np.float32]], block_size: int) -> Iterator[_Block]:
    """The sound of `blocks` in blocks of one size, the last filled up with silence.

    Equal, because a native plugin loses its memory when a block is larger than all before; and
    larger than the number of channels, so that the layout is unambiguous.
    """
    parts: list[NDArray[np.float32]] = []
    num_held = 0
    num_channels: int | None = None
    for block in blocks:
        num_channels = _checked_channels(block, num_channels)
        parts.append(block)
        num_held += block.shape[1]
        size = max(block_size, block.shape[0] + 1)
        if num_held < size:
            continue
        held = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        while num_held >= size:
            yield _Block(held[:, :size], size)
            held = held[:, size:]
            num_held -= size
        parts = [held]
    if num_held:
        num_missing = max(block_size, parts[0].shape[0] + 1) - num_held
        parts.append(np.zeros((parts[0].shape[0], num_missing), np.float32))
        yield _Block(np.concatenate(parts, axis=1), num_held)


def _checked_channels(block: NDArray[np.float32], expected: int | None) -> int:
    """The number of channels of a block, which must be that of the blocks before."""
    shape = np.shape(block)
    if len(shape) == 1:
        raise ChannelLayoutError(
            f"blocks must be (channels, samples) (got shape {shape}). Pass block[np.newaxis] for mono."
        )
    if len(shape) != 2 or not 1 <= shape[0] <= _MAX_CHANNELS:
        raise ChannelLayoutError(
            f"blocks must be (channels, samples) with 1 to {_MAX_CHANNELS} channels (got shape {shape}). "
            "Pass block.T for (samples, channels)."
        )
    if expected is not None and shape[0] != expected:
        raise ChannelLayoutError(
            f"blocks must all have the same number of channels (got {shape[0]} after {expected})."
        )
    return int(shape[0])
