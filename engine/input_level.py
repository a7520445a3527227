"""Input level: gains that bring very quiet and very loud sound into the range that models know."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# Level of a frame: power of its bins together, where a sine of amplitude 1.0 reads 1.0 in its bin. Between
# these levels of its loudest frames (peaks of about -38 to +8 dBFS) the shipped voice model gives the same
# output, scaled, within 0.3 dB. Beyond them it attenuates speech: by 13 dB at a peak of -66 dBFS, by 14 dB
# at +34 dBFS (benchmarks/rates.py --levels).
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


def _power(decibels: float) -> float:
    return float(10.0 ** (decibels / 10.0))


_LOWEST, _HIGHEST = _power(LOWEST_DB), _power(HIGHEST_DB)
_FAULT, _SILENCE = _power(_FAULT_DB), _power(_SILENCE_DB)


@dataclass
class _ChannelLevel:
    """Level of a channel as a power, time until it settled in s, and the frames in a row that look faulty."""

    power: float = _LOWEST
    seconds: float = 0.0
    num_faults: int = 0
    least_fault: float = math.inf

    def sustained(self, power: float) -> float:
        """The level to rise to with one more frame beyond `_FAULT_DB`."""
        self.least_fault = min(power, self.least_fault) if self.num_faults else power
        self.num_faults += 1
        return _FAULT if self.num_faults < _SUSTAINED_FRAMES else self.least_fault


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
        self._channels = [_ChannelLevel() for _ in range(num_channels)]
        self._fall = _power(-_FALL_DB_PER_S * hop_s)
        self._first_fall = _power(-_FIRST_FALL_DB_PER_S * hop_s)
        self._loud_fall = _power(-_LOUD_FALL_DB_PER_S * hop_s)

    def reset(self) -> None:
        """Forget the level."""
        self._channels = [_ChannelLevel() for _ in self._channels]

    def relink(self, num_channels: int) -> None:
        """Continue with another number of channels, from the loudest."""
        loudest = max(self._channels, key=lambda channel: channel.power)
        self._channels = [replace(loudest) for _ in range(num_channels)]

    def gains(self, spectra: NDArray[np.complex64]) -> NDArray[np.float32] | None:
        """Return the gains of the next frames.

        Args:
            spectra: complex64 (channels, frames, bins).

        Returns:
            float32 (channels, frames, 1); None where all are 1.0.
        """
        levels = [
            [self._follow(channel, float(np.vdot(frame, frame).real)) for frame in frames]
            for channel, frames in zip(self._channels, spectra, strict=True)
        ]
        if all(_LOWEST <= level <= _HIGHEST for row in levels for level in row):
            return None
        powers = np.array(levels)
        gains = np.minimum(np.clip(powers, _LOWEST, _HIGHEST) / powers, _power(LARGEST_GAIN_DB))
        amplitudes: NDArray[np.float32] = np.sqrt(gains)[:, :, None].astype(np.float32)
        return amplitudes

    def _follow(self, channel: _ChannelLevel, power: float) -> float:
        """Return the level, as a power, after one more frame."""
        if power <= _SILENCE:
            return channel.power
        is_settled = channel.seconds >= _FIRST_S
        fall = self._fall if is_settled else self._first_fall
        if channel.power > _HIGHEST:
            fall = self._loud_fall
        if not is_settled:
            # A level in range settles it: the recording is an ordinary one.
            channel.seconds = _FIRST_S if power >= _LOWEST else channel.seconds + self._hop_s
        if power > _FAULT:
            power = channel.sustained(power)
        else:
            channel.num_faults = 0
        channel.power = max(power, channel.power * fall)
        return channel.power
