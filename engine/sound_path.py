"""What `BlockDenoiser` needs of an engine: sound and settings in, sound and readings out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.meters import Readings
from hushgate.engine.parameters import ParameterValues, Value


class SoundPath(Protocol):
    """The whole way of the sound in one engine. One thread at a time calls all but `readings`."""

    name: str
    """"onnx" or "native"."""
    removes_hum: bool
    """Whether `process` removes hum; else it is to be removed beforehand."""

    def prepare(self, sample_rate: float, max_block_size: int, num_channels: int) -> None:
        """Allocate for a format, which was checked, and forget all sound."""

    def reset(self) -> None:
        """Forget all sound."""

    def configure(self, settings: ParameterValues) -> None:
        """Use other settings from the next block on: in ramps, or at once before the first block."""

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next samples of output for float32 (channels, samples), 1 sample or more."""

    def begin(self, beginning: NDArray[np.float32], *, is_heard: bool) -> None:
        """Learn from a recording's beginning, before its first sample.

        Args:
            beginning: Where `removes_hum`, the first 30 s or all, from which hum is learnt too; else the part
                that the model is to hear, without hum.
            is_heard: Whether the model hears it. Otherwise hum alone is learnt.
        """

    def readings(self) -> Readings:
        """What meters are computed from; any thread may ask."""

    def lacks(self, name: str, value: Value) -> bool:
        """True when this engine cannot do what a parameter asks for with this value."""
