"""Refinement of masks for noise that hardly changes within seconds, such as hiss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Time constant of the noise estimate, s. A model's masks vary from frame to frame; the mean of the sound that
# they removed over this time varies much less.
_MEMORY_S = 2.3
_BANDS_PER_OCTAVE = 4.0
# The spectrum of hiss is smooth, so the logarithms of its bands are averaged over about an octave. Target
# sound that was removed by mistake in a few bands hardly changes this mean. A mean of logarithms is lower
# than the logarithm of the mean, hence the factor.
_SPREAD_BANDS, _MEAN_OF_LOGS = 4.0, 1.2
# Time over which the power of the sound itself is averaged.
_SMOOTHING_S = 0.09
# Smallest gain of the Wiener filter, unless the mask's is smaller.
_LEAST_PASSED = 0.15
# Power gain of the mask at which half of the Wiener filter's increase is applied.
_DEEP = 0.02
# The noise across is set to the noise along, but to at most _ACROSS_EXCESS times its own estimate. Where it
# is less than the mean of both over _ALONG_SHARE, noise is common to the channels, and the noise along moves
# from the mean to its own estimate.
_ACROSS_EXCESS, _ALONG_SHARE = 1.3, 2.0
# Far below the resolution of 24 bits; keeps powers from becoming denormal numbers, which are slow.
_TINY = np.float32(1e-20)
# Larger temporary arrays leave the processor's fastest cache.
_FRAMES_AT_ONCE = 8

Spectra = NDArray[np.complex64]
Real = NDArray[np.float32]


class SteadyNoise:
    """Refine a model's masks by the noise that they have removed on average.

    The sound that a mask removes is an estimate of the noise. Its recursive mean over 2.3 s, in bands of a
    quarter of an octave and smoothed over one octave, is the noise's power spectral density N. With the power
    P of the sound, averaged over 90 ms, the Wiener filter 1 - N / P is a second estimate of the gain, and the
    sound gets the geometric mean of both. Where the mask attenuates strongly, the mask alone is used.

    Two channels under one mask are rotated in each band into the direction of most of the sound (its panning)
    and the direction across it. Hiss is as loud across as along; music seldom is. Sound from one direction
    stays there. Noise that is common to the channels gives little noise across; it is then estimated along
    the direction alone.

    Args:
        num_channels: Channels of the spectra.
        num_bins: Bins that have a mask.
        hop_s: Time from one frame to the next, s.

    State: a mean power for each channel and band, and for each channel and bin; for two channels also their
    cross power.
    """

    def __init__(self, num_channels: int, num_bins: int, hop_s: float) -> None:
        edges = 2.0 ** np.arange(0.0, np.log2(max(num_bins, 2)), 1.0 / _BANDS_PER_OCTAVE)
        starts = np.unique(np.round(edges).astype(np.intp))
        self._starts = np.append(0, starts[(starts > 1) & (starts < num_bins)])
        self._widths = np.diff(np.append(self._starts, num_bins))
        distance = np.arange(len(self._starts))[:, None] - np.arange(len(self._starts))
        kernel = np.exp(-0.5 * (distance / _SPREAD_BANDS) ** 2)
        self._neighbours = (kernel / kernel.sum(axis=0)).astype(np.float32)
        num_products = 3 if num_channels == 2 else num_channels
        self._noise = _RecursiveMean((num_products, len(self._starts)), hop_s / _MEMORY_S)
        self._power = _RecursiveMean((num_products, num_bins), hop_s / _SMOOTHING_S)

    def reset(self) -> None:
        """Forget all sound."""
        self._noise.reset()
        self._power.reset()

    def apply(self, spectra: Spectra, mask: Spectra, target: Spectra, *, paired: bool) -> None:
        """Write the next frames under the refined mask.

        Args:
            spectra: Before the mask, complex64 (channels, frames, bins).
            mask: The model's mask, complex64 (channels or 1, frames, bins).
            target: Receives the spectra under the mask.
            paired: Two channels under one mask, to be rotated along and across their direction.
        """
        # Real and imaginary parts side by side are quicker than complex numbers.
        sound, given, masked = (values.view(np.float32) for values in (spectra, mask, target))
        for first in range(0, spectra.shape[1], _FRAMES_AT_ONCE):
            now = slice(first, first + _FRAMES_AT_ONCE)
            np.multiply(spectra[:, now], mask[:, now], out=target[:, now])
            squared = np.minimum(_pairs(given[:, now] ** 2), np.float32(1.0))
            squared += _TINY
            if paired:
                self._apply_to_pair(sound[:, now], squared, masked[:, now])
            else:
                noise, power = self._follow(_pairs(sound[:, now] ** 2), squared)
                masked[:, now] *= _twice(self._gains(noise, power, squared))

    def _apply_to_pair(self, sound: Real, squared: Real, masked: Real) -> None:
        left, right = sound
        products = np.stack([_pairs(a * b) for a, b in ((left, left), (right, right), (left, right))])
        noise, power = self._follow(products, squared)
        direction = _direction(np.add.reduceat(power, self._starts, axis=-1))
        noise = np.maximum(_turned(noise, direction), _TINY)
        along, across = noise
        mean = np.float32(0.5) * (along + across)
        shared = np.maximum(np.float32(1.0) - np.float32(_ALONG_SHARE) * across / mean, np.float32(0.0))
        along[:] = mean + shared * (along - mean)
        np.minimum(along, np.float32(_ACROSS_EXCESS) * across, out=across)
        direction = np.repeat(direction, self._widths, axis=-1)
        along, across = self._gains(noise, _turned(power, direction), squared)
        # Rotate back: each channel keeps a share of its own sound and gets a share of the other's.
        of_left, of_right, mixed = direction
        same_left, same_right = of_left * along + of_right * across, of_right * along + of_left * across
        other = _twice(mixed * (along - across))
        left, right = masked
        from_left = left * other
        left *= _twice(same_left)
        left += right * other
        right *= _twice(same_right)
        right += from_left

    def _follow(self, products: Real, squared: Real) -> tuple[Real, Real]:
        """Mean products of the removed sound, per bin of each band, and of the sound, frame by frame."""
        removed = np.add.reduceat((np.float32(1.0) - squared) * products, self._starts, axis=-1)
        noise = self._noise.follow(removed, steady_start=True)
        noise *= np.float32(_MEAN_OF_LOGS) / self._widths.astype(np.float32)
        return noise, self._power.follow(products)

    def _gains(self, noise: Real, power: Real, squared: Real) -> Real:
        """Factors to multiply with the masked sound; `squared` is the mask's power gain."""
        one = np.float32(1.0)
        noise = np.exp(np.log(np.maximum(noise, _TINY)) @ self._neighbours)
        passed = np.repeat(noise, self._widths, axis=-1)
        passed /= np.maximum(power, _TINY)
        np.subtract(one, passed, out=passed)
        more = np.sqrt(squared)
        np.maximum(passed, np.minimum(more, np.float32(_LEAST_PASSED)), out=passed)
        # sqrt(mask * wiener) / mask, the geometric mean relative to the mask.
        np.divide(one, more, out=more)
        passed *= more
        np.sqrt(passed, out=passed)
        # Where the mask attenuates strongly (pauses, hiss without music) the bound of the factor tends to 1.
        np.sqrt(more, out=more)
        more -= one
        more *= squared
        more /= squared + np.float32(_DEEP)
        more += one
        return np.minimum(passed, more, out=passed)


class _RecursiveMean:
    """An exponentially fading mean of arrays (channels, values), frame by frame."""

    def __init__(self, shape: tuple[int, int], step: float) -> None:
        self._state = np.zeros(shape, dtype=np.float32)
        self._num_frames = 0
        self._step = step
        age = np.arange(_FRAMES_AT_ONCE)
        age = age[:, None] - age
        self._weights = np.where(age >= 0, -np.expm1(-step) * np.exp(-step * age), 0.0).astype(np.float32)
        self._kept = np.exp(-step * np.arange(1, _FRAMES_AT_ONCE + 1)).astype(np.float32)

    def reset(self) -> None:
        self._state[:] = 0.0
        self._num_frames = 0

    def follow(self, values: Real, *, steady_start: bool = False) -> Real:
        """The mean after each of the next frames, (channels, frames, values).

        Channels beyond those given get silence. With `steady_start` the weights add up to 1 from the first
        frame on; otherwise silence precedes the first frame.
        """
        num_frames, state = values.shape[1], self._state[: len(values)]
        self._state[len(values) :] *= self._kept[num_frames - 1]
        means: Real = np.matmul(self._weights[:num_frames, :num_frames], values)
        means += self._kept[:num_frames, None] * state[:, None]
        state[:] = means[:, -1]
        self._state[np.abs(self._state) < _TINY] = 0.0
        if steady_start:
            count = np.arange(self._num_frames + 1, self._num_frames + num_frames + 1)
            means /= -np.expm1(-self._step * count).astype(np.float32)[:, None]
        self._num_frames += num_frames
        return means


def _direction(products: Real) -> Real:
    """The main direction of two channels: cos^2, sin^2 and cos x sin of its angle, from (3, frames, bands).

    The principal axis of the real covariance. Without a main direction: 1/2, 1/2 and 0.
    """
    left, right, common = products
    difference, common = left - right, np.float32(2.0) * common
    length = np.hypot(difference, common) + _TINY
    cosine, sine = difference / length, common / length
    half = np.float32(0.5)
    return np.stack([half + half * cosine, half - half * cosine, half * sine])


def _turned(products: Real, direction: Real) -> Real:
    """Powers along a direction and across it, (2, frames, values)."""
    left, right, common = products
    of_left, of_right, mixed = direction
    powers = np.empty((2, *left.shape), dtype=np.float32)
    along, across = powers
    np.multiply(mixed, common, out=along)
    along *= np.float32(2.0)
    along += of_left * left
    along += of_right * right
    np.add(left, right, out=across)
    across -= along
    return powers


def _pairs(parts: Real) -> Real:
    """Sums of the real and imaginary parts."""
    return parts[..., ::2] + parts[..., 1::2]


def _twice(values: Real) -> Real:
    """Each value for the real and the imaginary part."""
    doubled = np.empty((*values.shape[:-1], 2 * values.shape[-1]), dtype=np.float32)
    doubled[..., ::2] = values
    doubled[..., 1::2] = values
    return doubled
