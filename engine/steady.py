"""Noise that hardly changes within seconds, such as hiss: gains that remember how loud it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A model judges each frame afresh; the mean of what its masks removed over this time is much steadier.
_MEMORY_S = 2.3
_BANDS_PER_OCTAVE = 4.0
# Hiss has no steps: logarithms of its bands are averaged over about an octave, which what was removed by
# mistake hardly moves; they lie lower than the mean.
_SPREAD_BANDS, _MEAN_OF_LOGS = 4.0, 1.2
# Time over which the power of the sound itself is averaged.
_SMOOTHING_S = 0.09
# What the second filter passes at least, unless the mask passes less.
_LEAST_PASSED = 0.15
# Power gain of the mask at which half of what the second filter would give back is given back.
_DEEP = 0.003
# Noise of the side beyond this many times its own is not believed; nor a mid's half, where the side has less.
_SIDE_EXCESS, _MID_SHARE = 1.3, 2.0
# Far below what 24 bits hold; keeps powers from becoming denormal numbers, which are slow.
_TINY = np.float32(1e-20)
# Beyond any sound; keeps them finite.
_HUGE = np.float32(1e30)
# Larger temporary arrays leave the processor's fastest cache.
_FRAMES_AT_ONCE = 8

Spectra = NDArray[np.complex64]
Power = NDArray[np.float32]


class SteadyNoise:
    """Refine a model's masks by the noise that they have removed on average.

    Each frame's mask tells what it takes for noise; the recursive mean of that over 2.3 s, in bands of a
    quarter of an octave and smoothed over one, is the noise's power spectral density N. With the power P of
    the sound, averaged over 90 ms, the Wiener filter 1 - N / P is a second opinion on the mask's gain, and
    the sound gets the geometric mean of both. Deep in what the mask removes its own counts.

    Two channels under one mask are seen as mid and side: hiss is as loud in the side as in the mid, music
    seldom is. Noise that both channels share shows as a side without noise, and is looked for in the mid.

    Args:
        num_channels: Of the spectra.
        num_bins: Bins that have a mask.
        hop_s: Time from one frame to the next, s.

    State: a mean power for each channel (or mid and side) and band, and for each and bin.
    """

    def __init__(self, num_channels: int, num_bins: int, hop_s: float) -> None:
        edges = 2.0 ** np.arange(0.0, np.log2(max(num_bins, 2)), 1.0 / _BANDS_PER_OCTAVE)
        starts = np.unique(np.round(edges).astype(np.intp))
        self._starts = np.append(0, starts[(starts > 1) & (starts < num_bins)])
        self._widths = np.diff(np.append(self._starts, num_bins))
        distance = np.arange(len(self._starts))[:, None] - np.arange(len(self._starts))
        kernel = np.exp(-0.5 * (distance / _SPREAD_BANDS) ** 2)
        self._neighbours = (kernel / kernel.sum(axis=0)).astype(np.float32)
        self._noise = _RecursiveMean((num_channels, len(self._starts)), hop_s / _MEMORY_S)
        self._power = _RecursiveMean((num_channels, num_bins), hop_s / _SMOOTHING_S)
        self._num_frames = 0

    def reset(self) -> None:
        """Forget all sound."""
        self._noise.state[:] = 0.0
        self._power.state[:] = 0.0
        self._num_frames = 0

    def share(self) -> None:
        """Channels become mid and side from here on, or the other way round: all start with the mean."""
        for mean in (self._noise, self._power):
            mean.state[:] = mean.state.mean(axis=0)

    def apply(self, spectra: Spectra, mask: Spectra, target: Spectra, *, mid_side: bool) -> None:
        """Write the next frames under the refined mask.

        Args:
            spectra: Before the mask, complex64 (channels, frames, bins).
            mask: The model's, complex64 (channels or 1, frames, bins).
            target: Receives the spectra under the mask.
            mid_side: Two channels under one mask, to be seen as mid and side.
        """
        # Real and imaginary parts side by side are quicker than complex numbers.
        sound, answer, masked = (values.view(np.float32) for values in (spectra, mask, target))
        for first in range(0, spectra.shape[1], _FRAMES_AT_ONCE):
            now = slice(first, first + _FRAMES_AT_ONCE)
            np.multiply(spectra[:, now], mask[:, now], out=target[:, now])
            power = _mid_side_powers(sound[:, now]) if mid_side else _powers(sound[:, now])
            gains = self._gains(power, _powers(answer[:, now]), mid_side)
            if mid_side:
                _scale_mid_side(masked[:, now], gains)
            else:
                masked[:, now] *= _twice(gains)

    def _gains(self, power: Power, squared: Power, mid_side: bool) -> Power:
        """Gains on top of a mask whose square is given, (channels or mid and side, frames, bins)."""
        one = np.float32(1.0)
        np.fmin(power, _HUGE, out=power)  # what has overflowed may be no number
        np.minimum(squared, one, out=squared)
        squared += _TINY
        removed = np.subtract(one, squared) * power
        noise = self._mean_noise(removed, mid_side)
        self._num_frames += power.shape[1]
        passed = self._power.follow(power)
        np.divide(np.repeat(noise, self._widths, axis=-1), passed, out=passed)
        np.subtract(one, passed, out=passed)
        more = np.sqrt(squared)
        np.maximum(passed, np.minimum(more, np.float32(_LEAST_PASSED)), out=passed)
        # The geometric mean of both gains, over the mask's.
        np.divide(one, more, out=more)
        passed *= more
        np.sqrt(passed, out=passed)
        # What lies deep in the noise stays there: pauses, and hiss where no music is.
        np.sqrt(more, out=more)
        more -= one
        more *= squared
        squared += np.float32(_DEEP)
        more /= squared
        more += one
        return np.minimum(passed, more, out=passed)

    def _mean_noise(self, removed: Power, mid_side: bool) -> Power:
        """Mean power that was removed, frame by frame, of a bin in each band: (channels, frames, bands)."""
        bands = self._noise.follow(np.add.reduceat(removed, self._starts, axis=-1))
        bands *= np.float32(_MEAN_OF_LOGS) / self._noise.weights(self._num_frames, bands.shape[1])
        bands /= self._widths.astype(np.float32)
        if mid_side:
            mid, side = bands
            mean = np.float32(0.5) * (mid + side)
            common = np.maximum(np.float32(1.0) - np.float32(_MID_SHARE) * side / mean, np.float32(0.0))
            bands[0] = mean + common * (mid - mean)
            bands[1] = np.minimum(bands[0], np.float32(_SIDE_EXCESS) * side)
        return np.exp(np.log(bands) @ self._neighbours)


class _RecursiveMean:
    """An exponentially fading mean of arrays (channels, values), frame by frame."""

    def __init__(self, shape: tuple[int, int], step: float) -> None:
        self.state = np.zeros(shape, dtype=np.float32)
        self._step = step
        age = np.arange(_FRAMES_AT_ONCE)
        age = age[:, None] - age
        self._weights = np.where(age >= 0, -np.expm1(-step) * np.exp(-step * age), 0.0).astype(np.float32)
        self._kept = np.exp(-step * np.arange(1, _FRAMES_AT_ONCE + 1)).astype(np.float32)

    def follow(self, values: Power) -> Power:
        """The mean after each of the next frames, (channels, frames, values); never 0."""
        num_frames = values.shape[1]
        means = np.matmul(self._weights[:num_frames, :num_frames], values)
        means += self._kept[:num_frames, None] * self.state[:, None]
        np.maximum(means, _TINY, out=means)
        self.state[:] = means[:, -1]
        return means

    def weights(self, num_before: int, num_frames: int) -> Power:
        """What the weights of all frames so far add up to after each of the next ones, (frames, 1)."""
        count = np.arange(num_before + 1, num_before + num_frames + 1)
        return -np.expm1(-self._step * count).astype(np.float32)[:, None]


def _powers(parts: Power) -> Power:
    """Powers of complex numbers whose real and imaginary parts lie side by side."""
    return _pairs(parts * parts)


def _mid_side_powers(parts: Power) -> Power:
    """Powers of the mid and the side of two channels."""
    left, right = parts
    mean = left * left
    mean += right * right
    mean *= np.float32(0.5)
    powers = np.empty((2, *left.shape[:-1], left.shape[-1] // 2), dtype=np.float32)
    mean, common = _pairs(mean), _pairs(left * right)
    np.add(mean, common, out=powers[0])
    np.subtract(mean, common, out=powers[1])
    return powers


def _scale_mid_side(parts: Power, gains: Power) -> None:
    """Scale the mid and the side of two channels, in place."""
    left, right = parts
    mid, side = gains
    same, other = _twice(np.float32(0.5) * (mid + side)), _twice(np.float32(0.5) * (mid - side))
    from_left = left * other
    left *= same
    other *= right
    left += other
    right *= same
    right += from_left


def _pairs(parts: Power) -> Power:
    """Sums of the real and imaginary parts."""
    return parts[..., ::2] + parts[..., 1::2]


def _twice(values: Power) -> Power:
    """Each value for the real and the imaginary part."""
    doubled = np.empty((*values.shape[:-1], 2 * values.shape[-1]), dtype=np.float32)
    doubled[..., ::2] = values
    doubled[..., 1::2] = values
    return doubled
