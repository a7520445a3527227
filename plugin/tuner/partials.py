"""Frequencies of partials, far more exact than the width of a spectrum's bins.

Two spectra of the same sound are taken a little apart in time. The phase of a partial turns between
them by its frequency times that time, which neither the shape of the window nor the decay of a
string changes (Flanagan and Golden, "Phase Vocoder", BSTJ 45, 1966).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LOWEST_HZ, HIGHEST_HZ = 30.0, 5000.0
_MAX_PEAKS = 64
_FLOOR_DB = -50.0  # weaker peaks are side lobes of the window, or useless
_OVERSAMPLING = 2


class Peaks(NamedTuple):
    """Peaks of a spectrum, from low to high.

    Attributes:
        frequency_hz: Hz.
        amplitude: Linear; 1 for a full-scale sine.
        steadiness: Coherence of the peak in both spectra, 0 to 1: 1 for a decaying partial,
            about 0.6 for noise.
    """

    frequency_hz: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    steadiness: NDArray[np.float64]


class SpectrumPair:
    """Measure partials in the last `span` samples.

    Args:
        sample_rate: Hz.
        window_s: Length of each window, s. Partials closer than 4 / `window_s` Hz disturb each other.
        shift_s: Time between the two windows, s; at most half of `window_s`.

    Attributes:
        span: Samples that `measure` uses.
    """

    def __init__(self, sample_rate: float, window_s: float, shift_s: float) -> None:
        size = max(16, round(window_s * sample_rate))
        self._shift = max(1, round(shift_s * sample_rate))
        self._rate = float(sample_rate)
        self.span = size + self._shift
        self._window = np.hanning(size + 2)[1:-1]
        self._scale = 2.0 / self._window.sum()
        self._fft_size = 1 << int(np.ceil(np.log2(_OVERSAMPLING * size)))
        self._bin_hz = self._rate / self._fft_size
        highest_hz = min(HIGHEST_HZ, 0.47 * self._rate)
        self._low = max(1, int(LOWEST_HZ / self._bin_hz))
        self._high = min(self._fft_size // 2 - 1, int(highest_hz / self._bin_hz))
        # Half of the main lobe of a Hann window.
        self._lobe = max(1, round(1.2 * self._rate / (size * self._bin_hz)))

    def measure(self, samples: NDArray[np.float64]) -> Peaks:
        """Peaks of the last `span` of `samples` between 30 Hz and 5 kHz, at most 64."""
        recent = samples[-self.span :]
        pair = np.stack([recent[: -self._shift], recent[self._shift :]]) * self._window
        # One complex transform could compute both, but would mix their rounding errors.
        earlier, later = np.fft.rfft(pair, self._fft_size)[:, : self._high + 2 + self._lobe]
        power = later.real**2 + later.imag**2
        bins = self._peak_bins(power)
        if not len(bins):
            return Peaks(np.empty(0), np.empty(0), np.empty(0))
        frequency = self._frequencies(earlier[bins], later[bins], self._interpolate(power, bins))
        steadiness = self._steadiness(earlier, later, bins)
        return Peaks(frequency, np.sqrt(power[bins]) * self._scale, steadiness)

    def _peak_bins(self, power: NDArray[np.float64]) -> NDArray[np.intp]:
        inner = power[self._low : self._high + 1]
        is_peak = (inner > power[self._low - 1 : self._high]) & (
            inner >= power[self._low + 1 : self._high + 2]
        )
        bins = np.flatnonzero(is_peak) + self._low
        if not len(bins):
            return bins
        bins = bins[power[bins] > power[bins].max() * 10.0 ** (_FLOOR_DB / 10.0)]
        if len(bins) > _MAX_PEAKS:
            bins = np.sort(bins[np.argpartition(power[bins], -_MAX_PEAKS)[-_MAX_PEAKS:]])
        return bins

    def _interpolate(self, power: NDArray[np.float64], bins: NDArray[np.intp]) -> NDArray[np.float64]:
        """The tops of parabolas through the logarithm of each peak, Hz."""
        left, top, right = (np.log(power[bins + offset] + 1e-300) for offset in (-1, 0, 1))
        bend = left - 2.0 * top + right
        offset = np.where(bend < 0.0, 0.5 * (left - right) / np.minimum(bend, -1e-12), 0.0)
        places: NDArray[np.float64] = bins + np.clip(offset, -0.5, 0.5)
        return places * self._bin_hz

    def _frequencies(
        self,
        earlier: NDArray[np.complex128],
        later: NDArray[np.complex128],
        rough_hz: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Frequencies from the phase between the spectra; the rough frequency gives the whole turns."""
        turns = np.angle(later * np.conj(earlier)) / (2.0 * np.pi)
        seconds = self._shift / self._rate
        return (np.round(rough_hz * seconds - turns) + turns) / seconds

    def _steadiness(
        self, earlier: NDArray[np.complex128], later: NDArray[np.complex128], bins: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Coherence of the two spectra over the main lobe of each peak."""
        around = np.maximum(bins[:, np.newaxis] + np.arange(-self._lobe, self._lobe + 1), 0)
        first, second = earlier[around], later[around]
        common: NDArray[np.float64] = np.abs(np.sum(second * np.conj(first), axis=1))
        own: NDArray[np.float64] = np.sum(np.abs(first) ** 2, axis=1) * np.sum(np.abs(second) ** 2, axis=1)
        return common / np.sqrt(own + 1e-300)
