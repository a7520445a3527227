"""What `prepare` accepts."""

from __future__ import annotations

import numbers

MIN_SAMPLE_RATE = 1_000.0
MAX_SAMPLE_RATE = 1_000_000.0
MAX_CHANNELS = 256


def check_stream_format(sample_rate: float, max_block_size: int, num_channels: int) -> None:
    """Refuse a format that no stream can have.

    Raises:
        TypeError: `sample_rate` is no number, or one of the others no whole number.
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
