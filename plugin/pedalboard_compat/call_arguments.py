"""Checks of the arguments of every effect's `process`, and the default sizes of blocks."""

from __future__ import annotations

import math
import numbers
import operator

# `block_size` of everything that streams: `stream`, `render`, files and batches. Measured on 10 s at 48 kHz,
# models are up to a quarter slower with pedalboard's 8,192 samples (10 frames).
DEFAULT_BLOCK_SIZE = 65_536
# `buffer_size` of `process`, where a whole recording is in memory: as fast, with half the working memory. The
# two must not be made equal lightly: the block size changes the last bits of a music model's output.
DEFAULT_BUFFER_SIZE = 32_768


def checked_sample_rate(sample_rate: float) -> float:
    """Check a sample rate; it comes back unchanged.

    Raises:
        TypeError: Not a number.
        ValueError: Not finite, or not positive.

    >>> checked_sample_rate(0)
    Traceback (most recent call last):
        ...
    ValueError: sample_rate must be above 0.0 Hz (got 0).
    """
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, numbers.Real):
        raise TypeError(f"sample_rate must be a number of Hz (got {sample_rate!r}).")
    if not 0.0 < sample_rate < math.inf:  # also catches NaN
        raise ValueError(f"sample_rate must be above 0.0 Hz (got {sample_rate}).")
    return sample_rate


def checked_buffer_size(buffer_size: int, name: str = "buffer_size") -> int:
    """Check a number of samples; it comes back as an int. Errors call it `name`.

    Raises:
        TypeError: Not a whole number.
        ValueError: Less than 1.
    """
    try:
        size = operator.index(buffer_size)
    except TypeError:
        raise TypeError(f"{name} must be a whole number of samples (got {buffer_size!r}).") from None
    if size < 1:
        raise ValueError(f"{name} must be 1 sample or more (got {size}).")
    return size


def checked_flag(value: object, name: str = "reset") -> bool:
    """Check a flag; it comes back as a bool.

    Raises:
        TypeError: Text, which Python would take for true.
    """
    if isinstance(value, str | bytes):
        raise TypeError(f"{name} must be True or False (got {value!r}).")
    return bool(value)
