"""The search for hum in the last seconds of sound: a path of the mains frequency, and the lines along it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.hum.line_spectra import HOP_S, Complex, LineSpectra, Real, hann_response

# A note is seldom held longer, and hum sounds before and after it.
HISTORY_HOPS = round(8.0 / HOP_S)
MAINS_HZ = np.array([50.0, 60.0])
# Grids stay within 0.2 Hz. G1 and B1, the notes nearest to 50 and 60 Hz, are 1 Hz and more away.
_RANGE_HZ, _STEP_HZ = 0.28, 0.02
_DRIFT_HZ_PER_S, _DRIFT_STEP = 0.024, 0.006
_FINER = 8
# Multiples that the search starts from; no note of the tempered scale lies in their ranges. A rectifier's hum
# has only the even ones: with fewer of them, music that covers one hides it.
_ANCHORS = np.array([1, 2, 3, 4, 6])
# Multiples that the path is refined with.
_MOST_REFINING = 12
# Likelihood of a path below which nothing stands out.
_LEAST_LIKELY, _MOST_CANDIDATES, _APART_HZ = 0.35, 4, 0.05
# A line is steady when the quietest fifth of its hops has half of its mean amplitude or more, and any two
# seconds of it have the mean's phase, and from 0.4 to 2.5 times its amplitude.
_QUIET_SHARE, _LEAST_QUIET = 0.2, 0.5
_WINDOW_HOPS, _WINDOW_STEP = round(2.0 / HOP_S), round(1.0 / HOP_S)
_LEAST_WINDOW, _MOST_WINDOW = 0.4, 2.5
# Power of a line over the variance of its mean.
_SIGNIFICANT = 30.0
# Chance makes one line steady in music with a strong bass, seldom two low ones of a family. A line without
# others must be nearly alone in its band: its power over the variance of a hop.
_LEAST_LINES, _LOW_LINES, _ALONE = 2, 12, 10.0
# A line may be the leakage of a tone some bins beside it: if the tone has so many times the line's power, or
# would leak more than a share of it through the window.
_LEAK, _LEAKING_BINS, _LEAK_SHARE = 300.0, (-8, -6, -4, -2, 2, 4, 6, 8), 0.3
# Lines this high that are so many times louder than every other so many multiples beside are held tones.
_HIGH_LINE, _TONE, _NEIGHBOURS = 7, 16.0, 4
# Amplitude of -100 dBFS.
_INAUDIBLE = 1e-5
_TINY = 1e-30


@dataclass(frozen=True)
class HumPath:
    """Frequency of the mains over a history: Hz in its middle, drift in Hz/s, and its nominal value."""

    mains_hz: float
    frequency_hz: float
    drift_hz_per_s: float

    def phases(self, times_s: Real) -> Real:
        """Phase of the mains at times from the middle of the history, radians."""
        return 2.0 * np.pi * (self.frequency_hz + 0.5 * self.drift_hz_per_s * times_s) * times_s

    def frequencies_hz(self, times_s: Real) -> Real:
        """Frequency of the mains at these times, Hz."""
        return self.frequency_hz + self.drift_hz_per_s * times_s


@dataclass(frozen=True)
class LineStatistics:
    """Lines in a history.

    Attributes:
        amplitudes: Mean amplitude, complex64 (channels, lines).
        hop_variances: Variance of a hop, all channels together, (lines,).
        quiet_powers: Power that the quietest fifth of the hops does not exceed, (lines,).
        are_steady: Which lines are hum's, (lines,).
        are_alone: Which of them hardly any other sound covers, (lines,).
    """

    amplitudes: Complex
    hop_variances: Real
    quiet_powers: Real
    are_steady: NDArray[np.bool_]
    are_alone: NDArray[np.bool_]

    def evidence(self) -> float:
        """Log-likelihood per hop of the steady lines together."""
        level = np.sum(np.abs(self.amplitudes) ** 2, axis=0)
        return float(np.sum(np.log1p(level / (self.hop_variances + _TINY))[self.are_steady]))


class HumSearch:
    """Find the mains frequency of a steady hum.

    The multiples 1, 2, 3, 4 and 6 of 50 and 60 Hz are averaged along every straight path of the frequency
    within 0.28 Hz; hops that other sound makes loud count less. The path with the most concentrated averages
    is refined with the higher multiples. It is hum if lines along it are steady (`line_statistics`). Of
    several such paths the one with the likeliest steady lines is taken.

    Args:
        lines: What measures the hops.
    """

    def __init__(self, lines: LineSpectra) -> None:
        self._lines = lines
        self.times_s: Real = (
            np.arange(HISTORY_HOPS, dtype=np.float64) - 0.5 * (HISTORY_HOPS - 1)
        ) * lines.hop_s
        self._offsets, self._drifts = _grid(_RANGE_HZ, _STEP_HZ, _DRIFT_HZ_PER_S, _DRIFT_STEP)
        fine_range, fine_drift = 1.5 * _STEP_HZ, 1.5 * _DRIFT_STEP
        self._fine = _grid(fine_range, _STEP_HZ / _FINER, fine_drift, 4.0 * _DRIFT_STEP / _FINER)
        self._anchors = _ANCHORS[lines.num_lines(float(MAINS_HZ.max())) >= _ANCHORS]
        self._kernels = self._kernel(self._offsets, self._drifts, self._anchors)
        orders = MAINS_HZ[:, None] * self._anchors
        self._bins, factors = lines.bins_of(orders)
        turns = np.exp(-2j * np.pi * orders[..., None] * self.times_s)
        self._turns = (factors[..., None] * turns).astype(np.complex64)

    def find(self, history: Complex) -> HumPath | None:
        """The hum in a full history (frames, channels, bins); None if there is none."""
        # (mains, anchors, frames, channels)
        values = np.moveaxis(history[:, :, self._bins], (2, 3), (0, 1)) * self._turns[..., None]
        likelihoods = self._likelihoods(values, self._kernels).sum(axis=1)
        found, most = None, 0.0
        for mains_hz, of_mains in zip(MAINS_HZ, likelihoods, strict=True):
            for best in self._candidates(of_mains):
                path = HumPath(
                    float(mains_hz), float(mains_hz + self._offsets[best]), float(self._drifts[best])
                )
                lowest = self.statistics(history, path, int(self._anchors.max())).are_steady
                if not lowest[self._anchors - 1].any():
                    continue
                path = self._refined(history, path)
                lines = self.statistics(history, path, self._lines.num_lines(path.mains_hz))
                steady = lines.are_steady
                is_hum = steady[self._anchors - 1].any() and (
                    np.count_nonzero(steady[:_LOW_LINES]) >= _LEAST_LINES or (steady & lines.are_alone).any()
                )
                evidence = lines.evidence()
                if is_hum and evidence > most:
                    found, most = path, evidence
        return found

    def _candidates(self, likelihoods: Real) -> list[int]:
        """The likeliest paths, each the best within its range: a drone beside the hum may be likelier."""
        left = likelihoods.copy()
        found: list[int] = []
        while len(found) < _MOST_CANDIDATES and left.max() >= _LEAST_LIKELY:
            best = int(left.argmax())
            found.append(best)
            left[np.abs(self._offsets - self._offsets[best]) < _APART_HZ] = 0.0
        return found

    def statistics(self, history: Complex, path: HumPath, num_lines: int) -> LineStatistics:
        """Judge the first multiples along a path."""
        found = line_statistics(self.along(history, path, num_lines))
        return replace(found, are_steady=found.are_steady & ~self._are_leaks(history, path, found))

    def _are_leaks(self, history: Complex, path: HumPath, found: LineStatistics) -> NDArray[np.bool_]:
        """Lines caused by a steady tone 2, 4, ... bins beside: its phase turns by as much from hop to hop."""
        bins, offsets = self._lines.bins_and_offsets(
            path.frequency_hz * np.arange(1, found.amplitudes.shape[1] + 1)
        )
        level = np.sum(np.abs(found.amplitudes) ** 2, axis=0)
        result = np.zeros(len(bins), dtype=bool)
        for distance in _LEAKING_BINS:
            beside = np.clip(bins + distance, 0, self._lines.num_bins - 1)
            power = _quiet(np.sum(np.abs(history[:, :, beside]) ** 2, axis=1), 0)
            leaking = power * (hann_response(distance + offsets) / hann_response(offsets) ** 2) ** 2
            result |= leaking > _LEAK_SHARE * level
            if abs(distance) == 2:
                result |= power > _LEAK * level
        return result

    def along(self, history: Complex, path: HumPath, num_lines: int) -> Complex:
        """Amplitudes of the first multiples, turned back by the path's phase: (frames, channels, lines)."""
        times_s = self.times_s
        phases, frequencies_hz = path.phases(times_s), path.frequencies_hz(times_s)
        return self._lines.amplitudes(history, phases, frequencies_hz, num_lines)

    def _refined(self, history: Complex, path: HumPath) -> HumPath:
        num_lines = min(_MOST_REFINING, self._lines.num_lines(path.mains_hz))
        values = np.moveaxis(self.along(history, path, num_lines), 2, 0)
        kernels = self._kernel(*self._fine, np.arange(1, num_lines + 1))
        best = int(self._likelihoods(values, kernels).sum(axis=0).argmax())
        offset, drift = self._fine[0][best], self._fine[1][best]
        return HumPath(path.mains_hz, path.frequency_hz + offset, path.drift_hz_per_s + drift)

    def _kernel(self, offsets: Real, drifts: Real, orders: NDArray[np.int_]) -> Complex:
        """Phases that undo an offset and a drift: complex64 (orders, paths, hops)."""
        turns = offsets[:, None] * self.times_s + 0.5 * drifts[:, None] * self.times_s**2
        first = np.exp(-2j * np.pi * turns).astype(np.complex64)
        result: Complex = first ** orders[:, None, None]
        return result

    @staticmethod
    def _likelihoods(values: Complex, kernels: Complex) -> Real:
        """Log-likelihood per hop of each line and path: (..., lines, paths); 0 where nothing is steady."""
        power = np.sum(values.real**2 + values.imag**2, axis=-1)
        weights = 1.0 / (power + _quiet(power, -1)[..., None] + _TINY)
        weights /= weights.sum(axis=-1, keepdims=True)
        means = kernels @ (values * weights[..., None]).astype(np.complex64)
        coherent = np.sum(means.real**2 + means.imag**2, axis=-1)
        share = coherent / (np.sum(weights * power, axis=-1)[..., None] + _TINY)
        likelihood: Real = -np.log(np.maximum(1.0 - share, 1e-4))
        return likelihood


def line_statistics(values: Complex) -> LineStatistics:
    """Judge lines by their amplitudes along the path of the mains, (frames, channels, lines).

    The mean is robust: a hop counts the less, the further it is from the mean (Cauchy weights).
    """
    power = np.sum(values.real**2 + values.imag**2, axis=1)
    quiet = _quiet(power, 0)
    weights = 1.0 / (power + quiet + _TINY)
    for _ in range(3):
        weights /= weights.sum(axis=0)
        mean = np.sum(weights[:, None] * values, axis=0)
        distance = values - mean
        error = np.sum(distance.real**2 + distance.imag**2, axis=1)
        variance = np.sum(weights * error, axis=0)
        weights = 1.0 / (error + _quiet(error, 0) + _TINY)
    weights /= weights.sum(axis=0)
    of_mean = np.sum(weights**2 * error, axis=0)
    level = np.sum(mean.real**2 + mean.imag**2, axis=0)
    are_steady = (
        (quiet >= _LEAST_QUIET**2 * level) & (level > _SIGNIFICANT * of_mean) & (level > _INAUDIBLE**2)
    )
    projected = weights * np.sum((values * mean.conj()).real, axis=1)
    for first in range(0, len(values) - _WINDOW_HOPS + 1, _WINDOW_STEP):
        part = slice(first, first + _WINDOW_HOPS)
        share = projected[part].sum(axis=0) / (weights[part].sum(axis=0) * level + _TINY)
        are_steady &= (share >= _LEAST_WINDOW) & (share <= _MOST_WINDOW)
    are_steady &= ~_are_tones(np.where(are_steady, level, 0.0))
    are_alone = are_steady & (level > _ALONE * variance)
    return LineStatistics(mean.astype(np.complex64), variance, quiet, are_steady, are_alone)


def _are_tones(levels: Real) -> NDArray[np.bool_]:
    """Lines whose neighbours are too quiet for hum, which falls evenly: notes held on an exact multiple."""
    padded = np.pad(levels, _NEIGHBOURS)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1).copy()
    around[:, _NEIGHBOURS] = 0.0
    loudest = around.max(axis=1)
    are_high = np.arange(1, len(levels) + 1) >= _HIGH_LINE
    result: NDArray[np.bool_] = are_high & (loudest > 0.0) & (levels > _TONE * loudest)
    return result


def _grid(range_hz: float, step_hz: float, range_drift: float, step_drift: float) -> tuple[Real, Real]:
    offsets = np.arange(-range_hz, range_hz + 0.5 * step_hz, step_hz)
    drifts = np.arange(-range_drift, range_drift + 0.5 * step_drift, step_drift)
    one, two = np.meshgrid(offsets, drifts)
    return one.ravel(), two.ravel()


def _quiet(values: Real, axis: int) -> Real:
    """The power that the quietest fifth of the hops does not exceed."""
    index = int(_QUIET_SHARE * (values.shape[axis] - 1))
    result: Real = np.moveaxis(np.partition(values, index, axis=axis), axis, 0)[index]
    return result
