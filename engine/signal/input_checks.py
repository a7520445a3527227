"""Checks of the arguments of `prepare` and `process`."""

from __future__ import annotations

import numbers

import numpy as np
from numpy.typing import NDArray

MIN_SAMPLE_RATE = 1_000.0
MAX_SAMPLE_RATE = 1_000_000.0
MAX_CHANNELS = 256
# Sample rates that models are trained and tested for, Hz; others are accepted.
MIN_TESTED_RATE, MAX_TESTED_RATE = 8_000, 192_000
# Samples beyond this (240 dB over full scale) are not sound, and their squares would overflow.
LARGEST_SAMPLE = 1e12


def check_stream_format(sample_rate: float, max_block_size: int, num_channels: int) -> None:
    """Check the format of a stream.

    Raises:
        TypeError: `sample_rate` is not a number, or one of the others not a whole number.
        ValueError: One of them is out of range; names it.

    >>> check_stream_format(48_000, 480, 0)
    Traceback (most recent call last):
        ...
    ValueError: num_channels must be between 1 and 256 (got 0).
    """
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, numbers.Real):
        raise TypeError(f"sample_rate must be a number of Hz (got {sample_rate!r}).")
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:  # also catches NaN
        raise ValueError(
            f"sample_rate must be between {MIN_SAMPLE_RATE} and {MAX_SAMPLE_RATE} Hz (got {sample_rate})."
        )
    for name, value in (("max_block_size", max_block_size), ("num_channels", num_channels)):
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise TypeError(f"{name} must be a whole number (got {value!r}).")
    if max_block_size < 1:
        raise ValueError(f"max_block_size must be at least 1 sample (got {max_block_size}).")
    if not 1 <= num_channels <= MAX_CHANNELS:
        raise ValueError(f"num_channels must be between 1 and {MAX_CHANNELS} (got {num_channels}).")


def check_block(block: NDArray[np.floating], num_channels: int) -> NDArray[np.float32]:
    """Check a block; it comes back as float32 (num_channels, samples).

    Args:
        block: Any float type. Itself, not a copy, when it is float32 already.
        num_channels: Channels given to `prepare`; 0 when it was not called.

    Raises:
        RuntimeError: Not prepared.
        TypeError: Not an array of floats.
        ValueError: Another shape.
    """
    if not num_channels:
        raise RuntimeError("prepare must be called first, with sample rate, block size and channels.")
    if not isinstance(block, np.ndarray) or block.dtype.kind != "f":
        kind = block.dtype if isinstance(block, np.ndarray) else type(block).__name__
        raise TypeError(f"block must be an array of float32 (got {kind}). Scale it to 1.0 and cast it.")
    if block.ndim != 2 or block.shape[0] != num_channels:
        raise ValueError(f"block must have shape ({num_channels}, samples), as prepared (got {block.shape}).")
    if block.dtype == np.float32:
        return block
    with np.errstate(over="ignore"):  # values that overflow become infinite, and 0 later
        return block.astype(np.float32)


def replace_nonfinite(block: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, int]:
    """Replace NaN, infinite samples and samples beyond +-1e12 by 0.

    Returns:
        The block (the same object when nothing was replaced), its peak, the number of replaced samples.
    """
    if block.size == 0:
        return block, 0.0, 0
    high, low = np.maximum.reduce(block, axis=None), np.minimum.reduce(block, axis=None)
    if high <= LARGEST_SAMPLE and low >= -LARGEST_SAMPLE:  # false for NaN, which both reductions keep
        return block, float(max(high, -low)), 0
    good = np.abs(block) <= LARGEST_SAMPLE
    cleaned = np.where(good, block, np.float32(0.0))
    return cleaned, float(np.abs(cleaned).max()), int(good.size - np.count_nonzero(good))
