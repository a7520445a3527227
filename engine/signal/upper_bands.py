"""Bands above a model's bins: their levels, and the bands that a recording has."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def upper_band_slices(
    edges_hz: Sequence[float], frame_ms: float, model_bins: int, num_bins: int
) -> list[tuple[int, slice]]:
    """Divide the bins above the model's among the upper bands; the first takes all up to its end.

    Args:
        edges_hz: Lower edges of the bands, Hz, rising; the last band reaches to the highest bin.
        frame_ms: Length of a frame, ms; bins lie 1000 / `frame_ms` Hz apart.
        model_bins: Bins that the model masks, from 0 Hz upward.
        num_bins: Bins that the spectra have.

    Returns:
        Number and bins of every band that has bins.
    """
    firsts = (math.ceil(edge * frame_ms / 1000.0 - 1e-9) for edge in edges_hz[1:])
    starts = [model_bins, *(max(model_bins, first) for first in firsts)]
    ends = [*starts[1:], num_bins]
    slices = []
    for band, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if start < min(end, num_bins):
            slices.append((band, slice(start, min(end, num_bins))))
    return slices


class UpperLevels:
    """Measure the bands above a model's bins, frame by frame.

    A band is known where the recording has half of its bins or more. The others are marked as unknown: a
    recording at 16 kHz does not say that there is silence above 8 kHz.

    Args:
        edges_hz: Lower edges of the bands, Hz.
        top_hz: Upper end of the last band, Hz; what lies above it is not measured.
        frame_ms: Length of a frame, ms.
        model_bins: Bins that the model masks.
        num_bins: Bins of the spectra up to the end of what the recording holds.

    Attributes:
        known_bins: The bins above the model's that belong to known bands.
    """

    def __init__(
        self, edges_hz: Sequence[float], top_hz: float, frame_ms: float, model_bins: int, num_bins: int
    ) -> None:
        top_bin = round(top_hz * frame_ms / 1000.0)
        whole = dict(upper_band_slices(edges_hz, frame_ms, model_bins, top_bin))
        there = upper_band_slices(edges_hz, frame_ms, model_bins, min(num_bins, top_bin))
        known = [
            (band, part)
            for band, part in there
            if 2 * (part.stop - part.start) >= whole[band].stop - whole[band].start
        ]
        self.known_bins = slice(model_bins, known[-1][1].stop if known else model_bins)
        columns = [band for band, _ in known]
        # Bands without a bin leave gaps; without gaps, a slice is faster.
        self._columns = slice(len(known)) if columns == list(range(len(known))) else columns
        # Of the real and imaginary parts of the bins in `known_bins`, two for each bin.
        self._starts = np.array([2 * (part.start - model_bins) for _, part in known], dtype=np.intp)
        self._shares = np.array([1.0 / (part.stop - part.start) for _, part in known], dtype=np.float32)
        self._blank = np.zeros((len(edges_hz), 2), dtype=np.float32)
        self._blank[columns, 1] = 1.0

    def levels(self, spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
        """Measure spectra (batch, frames, bins): float32 (batch, frames, bands, 2).

        The first of the two values is the mean power of the band's bins, where a full-scale sine has 1.0 in
        its bin, the second 1.0; both are 0.0 where the band is unknown.
        """
        levels = np.empty((*spectra.shape[:-1], *self._blank.shape), dtype=np.float32)
        levels[:] = self._blank
        self._write_means(levels[..., 0], spectra, spectra)
        return levels

    def products(self, one: NDArray[np.complex64], other: NDArray[np.complex64]) -> NDArray[np.float32]:
        """Return means over each band of the real part of spectra, one times the other's conjugate.

        Shapes: two spectra (..., bins) to float32 (..., bands), 0 where the band is unknown.
        """
        means = np.zeros((*one.shape[:-1], len(self._blank)), dtype=np.float32)
        self._write_means(means, one, other)
        return means

    def _write_means(
        self, target: NDArray[np.float32], one: NDArray[np.complex64], other: NDArray[np.complex64]
    ) -> None:
        """Write the means of the known bands to their places."""
        if len(self._starts):
            # As real numbers: numpy is slow at the parts of complex ones.
            first, second = (part[..., self.known_bins].view(np.float32) for part in (one, other))
            target[..., self._columns] = np.add.reduceat(first * second, self._starts, axis=-1) * self._shares
