"""The beginning of a recording, taken in before its first sample is processed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.signal.delay_line import DelayLine

# So much of a recording's beginning is learnt from.
LEARNT_S = 8.0
# Where it begins with hum, that is followed further, because music covers some of its lines at first.
HUM_LEARNT_S = 30.0
# Part of it that the model hears beforehand. A second is enough for the noise of songs in hiss. A voice's
# model has a longer memory: over clips of 4 to 8 s half of them gains 0.6 dB SI-SDR and 0.06 PESQ, an eighth
# 0.4 dB and 0.03, and the whole no more than half does.
_HEARD_SHARE = 0.5

Samples = NDArray[np.float32]


class Beginning:
    """The first seconds of a recording, and the delayed sound while it is taken in.

    Args:
        sample_rate: Hz.
        num_channels: Channels of every block.
        latency_samples: Delay of the sound that passes.
        keeps_all: Keep 30 s for `kept`.
    """

    def __init__(
        self, sample_rate: float, num_channels: int, latency_samples: int, *, keeps_all: bool = False
    ) -> None:
        self._passing = DelayLine(latency_samples, num_channels)
        self._most = round(LEARNT_S * sample_rate)
        self._num_missing = round((HUM_LEARNT_S if keeps_all else _HEARD_SHARE * LEARNT_S) * sample_rate)
        self._num_samples = 0
        self._parts: list[Samples] = []

    def take_in(self, sound: Samples) -> None:
        """Keep what is needed of the next block, (channels, samples), finite."""
        self._num_samples = min(self._num_samples + sound.shape[1], self._most)
        if self._num_missing > 0:
            self._parts.append(sound[:, : self._num_missing].copy())
            self._num_missing -= self._parts[-1].shape[1]

    def delayed(self, block: Samples) -> Samples:
        """The sound that passes meanwhile, bit for bit."""
        return self._passing.process(block)

    def heard(self) -> Samples:
        """What the model hears: half of the sound, at most 4 s."""
        return self.kept()[:, : round(_HEARD_SHARE * self._num_samples)]

    def kept(self) -> Samples:
        """All that is kept of the sound, (channels, samples)."""
        return np.concatenate(self._parts, axis=1)
