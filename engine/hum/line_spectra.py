"""Spectra of frames of 0.2 s, every 0.1 s, and the amplitudes of hum's lines in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOP_S = 0.1
# Lines above are a buzz that the models take for noise.
HIGHEST_HZ = 3000.0
# Of the frames; and the length of the low-pass before them, in samples of that rate.
_LEAST_RATE_HZ, _TAPS = 8000.0, 3

Complex = NDArray[np.complex64]
Real = NDArray[np.float64]


def hann_response(offsets: Real) -> Real:
    """What a bin of the window reads from a tone of amplitude 1.0 so many bins beside it."""
    at_limit = np.abs(np.abs(offsets) - 1.0) < 1e-9
    response: Real = np.where(at_limit, 0.5, np.sinc(offsets) / np.where(at_limit, 1.0, 1.0 - offsets**2))
    return response


class LineSpectra:
    """Measure lines in frames of two hops.

    A frame has a Hann window, and its middle is time zero: a line's value does not turn with the line's
    distance from the bin. What lies a multiple of the hop rate (10 Hz) beside a line would look as steady as
    the line, but there the window's spectrum is zero.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: float) -> None:
        # Frames are taken at a lower rate, behind a low-pass.
        factor = self._factor = max(1, int(sample_rate / _LEAST_RATE_HZ))
        rate = sample_rate / factor
        self.hop_size = factor * max(1, round(rate * HOP_S))
        self.hop_s = self.hop_size / sample_rate
        half = self.hop_size // factor
        self._frame_s = 2.0 * self.hop_s
        self.num_bins = min(int(min(HIGHEST_HZ * 1.01, 0.49 * rate) * self._frame_s) + 2, half + 1)
        phase = np.arange(2 * half) * (np.pi / half)
        self._window = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
        taps = np.hanning(_TAPS * factor + 2)[1:-1] if factor > 1 else np.ones(1)
        taps /= taps.sum()
        self._taps = taps.astype(np.float32)
        self.num_preceding = len(taps) - factor
        # The low-pass and the first sample of each group shift the frame's middle.
        frequencies = np.arange(self.num_bins) / self._frame_s
        offsets = (np.arange(len(taps)) - self.num_preceding) / sample_rate
        response = np.exp(2j * np.pi * frequencies[:, None] * offsets) @ taps
        # The bin of a sine of amplitude a reads a / 2 times the window's sum, half of the frame's length.
        sign = 1.0 - 2.0 * (np.arange(self.num_bins) % 2)
        self._scale = (sign * (2.0 / half) / response).astype(np.complex64)

    def at_low_rate(self, hop: NDArray[np.float32]) -> NDArray[np.float32]:
        """A hop at the rate of the frames: float32 (channels, hop_size / factor).

        Args:
            hop: float32 (channels, num_preceding + hop_size): the hop, and the samples before it.
        """
        if self._factor == 1:
            return hop
        shape = (hop.shape[0], self.hop_size // self._factor, len(self._taps))
        strides = (hop.strides[0], self._factor * hop.itemsize, hop.itemsize)
        groups = np.ndarray(shape, np.float32, hop, 0, strides)
        result: NDArray[np.float32] = groups @ self._taps
        return result

    def of_frame(self, frame: NDArray[np.float32]) -> Complex:
        """Spectrum of two hops at the low rate, complex64 (channels, bins).

        A sine of amplitude 1.0 in its bin reads 1.0, with the phase it has at the second hop's first sample.
        """
        spectrum = np.fft.rfft(frame * self._window, axis=-1)[:, : self.num_bins]
        result: Complex = (spectrum * self._scale).astype(np.complex64)
        return result

    def bins_of(self, frequencies_hz: Real) -> tuple[NDArray[np.intp], Real]:
        """The nearest bin of each line, and the factor from the bin's value to the line's amplitude."""
        bins, offsets = self.bins_and_offsets(frequencies_hz)
        return bins, 1.0 / hann_response(offsets)

    def bins_and_offsets(self, frequencies_hz: Real) -> tuple[NDArray[np.intp], Real]:
        """The nearest bin of each line, and how far above its middle the line is, bins."""
        position = frequencies_hz * self._frame_s
        bins = np.minimum(np.round(position).astype(np.intp), self.num_bins - 1)
        return bins, position - bins

    def amplitudes(self, frames: Complex, phases: Real, frequencies_hz: Real, num_lines: int) -> Complex:
        """Amplitudes of the mains' first multiples, turned back by its phase.

        Args:
            frames: Spectra, complex64 (frames, channels, bins).
            phases: Of the mains in the middle of each frame, radians.
            frequencies_hz: Of the mains in each frame, Hz.
            num_lines: Multiples to measure.

        Returns:
            complex64 (frames, channels, lines).
        """
        orders = np.arange(1, num_lines + 1)
        bins, factors = self.bins_of(frequencies_hz[:, None] * orders)
        turns = (factors * np.exp(-1j * (phases[:, None] * orders))).astype(np.complex64)
        result: Complex = np.take_along_axis(frames, bins[:, None, :], axis=2) * turns[:, None, :]
        return result

    def num_lines(self, mains_hz: float) -> int:
        """Multiples of a mains frequency that are measured."""
        return max(0, int((self.num_bins - 1.5) / self._frame_s / (mains_hz + 0.5)))
