"""Checks of the arguments that every effect's `process` takes."""

from __future__ import annotations

import math
import numbers
import operator

# Default of effects in Python: models are up to a fifth slower with the ten frames that 8,192 samples hold.
BUFFER_SIZE = 32_768


def checked_sample_rate(sample_rate: float) -> float:
    """`sample_rate` as it came, if it is a rate.

    Raises:
        TypeError: No number.
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
    """`buffer_size` as an int, if it is 1 sample or more; errors call it `name`.

    Raises:
        TypeError: No whole number.
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
    """A flag as a bool.

    Raises:
        TypeError: Text, which would count as true whatever it says.
    """
    if isinstance(value, str | bytes):
        raise TypeError(f"{name} must be True or False (got {value!r}).")
    return bool(value)
