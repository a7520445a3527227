"""Conversion to the sample rates that encoders take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hushgate.errors import AudioFileError


class RateConverter:
    """Convert sound from one sample rate to another, block by block (soxr, very high quality).

    Args:
        input_rate, output_rate: Hz.
        num_channels: 1 or more.
        name: The file that needs it, for the error.

    Shapes: float32 (channels, samples) in and out. After `flush`, n samples have become
    n x output_rate / input_rate, halves rounded up, aligned: the converter's delay is taken out.

    Raises:
        AudioFileError: The package soxr is not installed.
    """

    def __init__(self, input_rate: int, output_rate: int, num_channels: int, name: str) -> None:
        try:
            import soxr
        except ModuleNotFoundError as error:
            raise AudioFileError(
                f"{name} needs another sample rate than {input_rate} Hz, and soxr to convert to it. "
                "Install it: pip install 'hushgate[formats]'"
            ) from error
        self._stream = soxr.ResampleStream(input_rate, output_rate, num_channels, "float32", "VHQ")
        self._num_channels = num_channels

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is ready after some more input; may be empty."""
        return np.ascontiguousarray(self._stream.resample_chunk(np.ascontiguousarray(block.T)).T)

    def flush(self) -> NDArray[np.float32]:
        """The rest of the output, after all input."""
        nothing = np.zeros((0, self._num_channels), np.float32)
        return np.ascontiguousarray(self._stream.resample_chunk(nothing, last=True).T)
