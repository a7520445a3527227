"""What sound is read from and written to: files, pipes and file objects alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.formats.audio_format import AudioFormat


class AudioReader(Protocol):
    """A source of sound: a file or a pipe."""

    format: AudioFormat
    warnings: list[str]

    def blocks(self, block_size: int = ...) -> Iterator[NDArray[np.float32]]:
        """Yield float32 (channels, samples) of at most `block_size` samples, to the end."""


class AudioWriter(Protocol):
    """A sink for sound: a file or a pipe."""

    format: AudioFormat
    warnings: list[str]

    @property
    def num_clipped(self) -> int:
        """Samples so far that did not fit the sample format and were limited."""

    def write(self, block: NDArray[np.float32]) -> None:
        """Append float32 (channels, samples)."""

    def complete(self) -> None:
        """Do what can fail, so that all warnings are known; a file gets its name when the writer is left."""
