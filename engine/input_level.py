"""Input level: gains that bring very quiet and very loud sound into the range that models know."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

# Level of a frame: power of its bins together, where a sine of amplitude 1.0 reads 1.0 in its bin. Between
# these levels of its loudest frames (peaks of about -38 to +8 dBFS) the shipped voice model gives the same
# output, scaled, within 0.3 dB. Beyond them it attenuates speech: by 13 dB at a peak of -66 dBFS, by 14 dB
# at +34 dBFS (benchmarks/levels.py).
LOWEST_DB = -44.0
HIGHEST_DB = 1.0
# Quieter sound is the noise of a converter or the end of a fade.
LARGEST_GAIN_DB = 50.0
# A recording that is quiet as a whole must not wait long for its gain, but a second of room noise before the
# first word must not count as the level of the recording: with 2 s of noise at -65 dBFS before speech at
# -24 dBFS an instant gain cost 4 dB SI-SDR (of 31) in the first second of speech, 10 dB a second cost 3 dB.
_FIRST_FALL_DB_PER_S = 10.0
_FIRST_S = 5.0
# Afterwards pauses and fade-outs hardly move the gain.
_FALL_DB_PER_S = 1.0
# Faulty samples of 1e6 must not silence what follows them. Frames above this level count once they have
# lasted longer than the frames that overlap one click, and a level above the range falls faster.
_FAULT_DB = 40.0
_SUSTAINED_FRAMES = 5
_LOUD_FALL_DB_PER_S = 5.0
# Digital silence and sums of rounding errors have no level.
_SILENCE_DB = -140.0


class InputLevel:
    """Gain per frame and channel from a level that rises at once with louder frames and falls slowly.

    The gain is 1.0 while that level lies in the range of training, else it brings the level to the nearer
    end of the range. It depends on no later frame and not on block sizes.

    Args:
        num_channels: Channels of the frames.
        hop_s: Time from one frame to the next, s.
    """

    def __init__(self, num_channels: int, hop_s: float) -> None:
        self._hop_s = hop_s
        self._num_channels = num_channels
        self.reset()

    def reset(self) -> None:
        """Forget the level."""
        self._levels = [LOWEST_DB] * self._num_channels
        self._seconds = [0.0] * self._num_channels
        self._recent = [[_SILENCE_DB] * _SUSTAINED_FRAMES for _ in range(self._num_channels)]

    def relink(self, num_channels: int) -> None:
        """Continue with another number of channels, from the loudest."""
        self._num_channels = num_channels
        self._levels = [max(self._levels)] * num_channels
        self._recent = [list(max(self._recent)) for _ in range(num_channels)]
        self._seconds = [max(self._seconds)] * num_channels

    def gains(self, spectra: NDArray[np.complex64]) -> NDArray[np.float32] | None:
        """Return the gains of the next frames.

        Args:
            spectra: complex64 (channels, frames, bins).

        Returns:
            float32 (channels, frames, 1); None where all are 1.0.
        """
        gains = [
            [self._gain(channel, float(np.vdot(frame, frame).real)) for frame in frames]
            for channel, frames in enumerate(spectra)
        ]
        if all(gain == 1.0 for row in gains for gain in row):
            return None
        return np.array(gains, dtype=np.float32)[:, :, None]

    def _gain(self, channel: int, power: float) -> float:
        level = self._follow(channel, 10.0 * math.log10(power + 1e-30))
        if LOWEST_DB <= level <= HIGHEST_DB:
            return 1.0
        gain_db = min(min(max(level, LOWEST_DB), HIGHEST_DB) - level, LARGEST_GAIN_DB)
        return float(10.0 ** (gain_db / 20.0))

    def _follow(self, channel: int, frame_db: float) -> float:
        """Return the level after one more frame."""
        level, recent = self._levels[channel], self._recent[channel]
        recent.append(frame_db)
        del recent[0]
        if frame_db <= _SILENCE_DB:
            return level
        if level > HIGHEST_DB:
            fall = _LOUD_FALL_DB_PER_S
        else:
            fall = _FALL_DB_PER_S if self._seconds[channel] >= _FIRST_S else _FIRST_FALL_DB_PER_S
        rise_to = frame_db if frame_db <= _FAULT_DB else max(_FAULT_DB, min(recent))
        level = max(rise_to, level - fall * self._hop_s)
        # A level in range settles it: the recording is an ordinary one.
        self._seconds[channel] = _FIRST_S if frame_db >= LOWEST_DB else self._seconds[channel] + self._hop_s
        self._levels[channel] = level
        return level
