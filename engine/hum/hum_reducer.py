"""The setting of hum removal: how far hum is turned down, in ramps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.signal.gain_ramp import GainRamp

if TYPE_CHECKING:
    from hushgate.engine.hum.hum_canceller import HumCanceller

_RAMP_MS = 20.0
# So many zeros in a row are digital silence, and stay it.
_SILENT_SAMPLES = 64

Samples = NDArray[np.float32]


class HumReducer:
    """Turn steady mains hum down by a number of dB, which may change while sound runs.

    What is hum is found in the last 8 s (`HumCanceller`); a change of the setting is a ramp of 20 ms. With
    0 dB nothing is looked for, and later settings begin from there.

    Args:
        sample_rate: Hz.
        num_channels: Channels of every block.
        reduction_db: dB, 0 or more.

    Shapes: `process` maps float32 (channels, samples) to the same shape; samples may be 0. Latency: 0. The
    output does not depend on block sizes. Digital silence stays silent.
    """

    def __init__(self, sample_rate: float, num_channels: int, reduction_db: float) -> None:
        self._format = (sample_rate, num_channels)
        self._ramp = GainRamp((_share(reduction_db),), round(sample_rate * _RAMP_MS / 1000.0))
        self._canceller: HumCanceller | None = None
        self._num_zeros = 0

    def configure(self, reduction_db: float, *, at_once: bool) -> None:
        """Use another reduction from the next sample on; `at_once` without a ramp."""
        move = self._ramp.jump_to if at_once else self._ramp.go_to
        move((_share(reduction_db),))

    def reset(self) -> None:
        """Forget all sound."""
        self._num_zeros = 0
        if self._canceller is not None:
            self._canceller.reset()

    @property
    def frequency_hz(self) -> float | None:
        """Frequency of the mains whose hum is being turned down, Hz; None while there is none."""
        return None if self._canceller is None else self._canceller.frequency_hz

    def learn(self, block: Samples) -> None:
        """Take in the beginning of a recording; `rewind` is to follow. 30 s of it are used at most."""
        if self.is_on:
            self._made_canceller().learn(block)

    def rewind(self) -> None:
        """Begin anew with the recording that `learn` was given, knowing its hum."""
        self._num_zeros = 0
        if self._canceller is not None:
            self._canceller.rewind()

    def process(self, block: Samples) -> Samples:
        """The next samples with less hum: the block itself where there is no hum."""
        if not self.is_on:
            self._canceller = None
            return block
        hum = self._made_canceller().process(block)
        gains = None if self._ramp.settled else self._ramp.step(block.shape[1])
        if not self.is_on:
            self._canceller = None
        silent = self._silence(block)
        if hum is None:
            return block
        hum *= np.float32(self._ramp.target[0]) if gains is None else gains
        hum[:, silent] = 0.0
        np.subtract(block, hum, out=hum)
        return hum

    @property
    def is_on(self) -> bool:
        """Whether hum is looked for."""
        return self._ramp.target[0] > 0.0 or not self._ramp.settled

    def _made_canceller(self) -> HumCanceller:
        if self._canceller is None:
            from hushgate.engine.hum.hum_canceller import HumCanceller  # most sound has its hum left alone

            self._canceller = HumCanceller(*self._format)
        return self._canceller

    def _silence(self, block: Samples) -> NDArray[np.bool_]:
        """Which samples follow so many zeros that they are digital silence."""
        zeros: NDArray[np.bool_] = np.logical_not(np.any(block, axis=0, keepdims=True))[0]
        if not zeros.any():
            self._num_zeros = 0 if len(zeros) else self._num_zeros
            return zeros
        places = np.arange(len(zeros))
        last_sound = np.maximum.accumulate(np.where(zeros, -1 - self._num_zeros, places))
        run = places - last_sound
        self._num_zeros = min(int(run[-1]), _SILENT_SAMPLES)
        result: NDArray[np.bool_] = zeros & (run > _SILENT_SAMPLES)
        return result


def _share(reduction_db: float) -> float:
    """Part of the hum to subtract."""
    return float(1.0 - 10.0 ** (-reduction_db / 20.0))
