"""Following of a hum that was found: phase, frequency, and the amplitude of every line."""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.hum.hum_search import HISTORY_HOPS, HumPath, HumSearch, line_statistics
from hushgate.engine.hum.line_spectra import Complex, LineSpectra, Real

# Hops that a new hum is followed through before it is subtracted.
_REPLAYED_HOPS = 20
# Lines that have become steady are looked for, and lost ones dropped, this often.
_REVIEW_HOPS = 10
# Changes within a hop that the filter expects: of phase, rad; of frequency, rad/s; of amplitude, relative.
_PHASE_CHANGE, _FREQUENCY_CHANGE, _AMPLITUDE_CHANGE = 2e-3, 1.6e-2, 0.02
# Largest relative variance of an amplitude: what a line may change by while music covers it.
_MOST_VARIANCE = 0.1
# The error falls faster than it rises: once music stops, amplitudes settle within a few hops.
_ERROR_RISE, _ERROR_FALL, _LEVEL_SMOOTHING = 0.2, 0.6, 0.3
# A line is subtracted only as far as there is that much sound: twice its power.
_LEAST_SOUND = 2.0
# A line is lost when the quietest fifth of the last 8 s has less than this share of its power.
_LOST = 0.05
_FURTHEST_HZ = 0.45
# A line that nothing covers for this long is taken up at once, unless it has more than this times the power
# of the loudest, and corrected if its error has more than this share of its power; looked for so often.
_RECENT_HOPS, _LOUDEST, _LEAST_ERROR, _RECENT_REVIEW_HOPS = 15, 4.0, 0.1, 5
_TINY = 1e-30


class HumTracker:
    """Follow the lines of one hum from hop to hop.

    Phase and frequency of the mains follow all lines together (a Kalman filter of two states; each line
    counts by its power over its error, times the square of its order). Each amplitude has a Kalman filter of
    its own, whose gain falls with the present error: sound that is not the hum's hardly moves it.

    Args:
        lines: What measures the hops.
        search: What found the hum, for reviews.
        path: Its path over the history.
        history: Spectra of the hops, complex64 (frames, channels, bins).
        recording: Spectra of all hops since a recording's first; the history is its end. The hum is followed
            from there back to the first sample.

    Attributes:
        phase, frequency_hz: Of the mains in the middle of the last hop, radians and Hz.
        amplitudes: What to subtract from the next hop, complex64 (channels, lines), to be turned by `phase`
            times the order.
        before: What was subtracted from the last hop, relative to the same phase.
        is_lost: The hum has ended, and `amplitudes` are zeros; or it was not there when the recording began.
    """

    def __init__(
        self,
        lines: LineSpectra,
        search: HumSearch,
        path: HumPath,
        history: Complex,
        recording: Complex | None = None,
    ) -> None:
        self._lines = lines
        self._mains_hz = path.mains_hz
        self._num_lines = lines.num_lines(path.mains_hz)
        self._orders = np.arange(1, self._num_lines + 1)
        found = search.statistics(history, path, self._num_lines)
        self._is_line = found.are_steady
        # Lines that nothing covered at some time: their amplitudes are the best known.
        self._was_alone = np.zeros_like(self._is_line)
        self._mean = np.where(found.are_steady, found.amplitudes, 0.0).astype(np.complex64)
        self._variance: Real = _MOST_VARIANCE * np.abs(self._mean) ** 2
        self._error: Real = np.broadcast_to(found.hop_variances, self._mean.shape).copy()
        self._level: Real = np.abs(self._mean) ** 2
        self._covariance = (0.01, 0.0, 1e-3)
        self._phases = path.phases(search.times_s)
        self._frequencies_hz = path.frequencies_hz(search.times_s)
        self.before = np.zeros_like(self._mean)
        self.amplitudes = self.before
        self.is_lost = False
        is_back = recording is not None
        first = _REPLAYED_HOPS - 1 if is_back else HISTORY_HOPS - _REPLAYED_HOPS
        self.frequency_hz = float(self._frequencies_hz[first])
        self.phase = float(-self._phases[first] if is_back else self._phases[first])
        self.phase -= 2.0 * np.pi * self.frequency_hz * lines.hop_s
        # After a rewind the history is complete, and worth a review, 8 s later.
        self._age = -HISTORY_HOPS if is_back else 0
        if recording is not None:
            self._follow_back(recording[: _REPLAYED_HOPS - HISTORY_HOPS])
        else:
            for spectrum in history[first:]:
                self._follow(spectrum)
            self.before = np.zeros_like(self.amplitudes)

    def copy(self) -> HumTracker:
        """A tracker in the same state."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(twin, name, value.copy())
        return twin

    def take_up(self, later: HumTracker) -> None:
        """Take up lines that another tracker of this hum has found, or heard alone, later on."""
        better = later._is_line & (later._was_alone | ~self._is_line)
        self._set(better, later._mean)
        for values in (self.amplitudes, self.before):
            values[:, better] = self._mean[:, better]
        self._level[:, better] = np.abs(self._mean[:, better]) ** 2

    def coast(self) -> None:
        """Go on by a hop without measuring."""
        self._predict()
        self.before = self.amplitudes

    def step(self, history: Complex) -> None:
        """Follow the hum through the last hop of a history."""
        self._follow(history[-1])
        for values, last in ((self._phases, self.phase), (self._frequencies_hz, self.frequency_hz)):
            values[:-1] = values[1:]
            values[-1] = last
        self._age += 1
        if self._age > 0:
            if self._age % _REVIEW_HOPS == 0:
                self._review(history)
            if self._age % _RECENT_REVIEW_HOPS == 0:
                self._take_up_lone(history)
        self.is_lost = not self._is_line.any() or self._is_far()
        if self.is_lost:
            self.amplitudes = np.zeros_like(self.amplitudes)

    def _follow_back(self, spectra: Complex) -> None:
        """Follow the hum from a recording's last to its first sample, and know it there."""
        self._mean = self._mean.conj()
        # The first frame has the first hop in its second half only.
        for spectrum in spectra[:0:-1].conj():
            self._follow(spectrum)
            level = np.abs(self._mean) ** 2
            self.is_lost |= bool(np.minimum(self._level, level).sum() < _LOST * level.sum())
        # From the second frame, whose first half is the first hop, to the frame before the recording.
        self._mean, self.phase = self._mean.conj(), -self.phase
        self.phase -= 2.0 * 2.0 * np.pi * self.frequency_hz * self._lines.hop_s
        self.amplitudes = self.amplitudes.conj()
        self.before = self.amplitudes
        self.is_lost |= self._is_far()

    def _follow(self, spectrum: Complex) -> None:
        self._predict()
        values = self._lines.amplitudes(
            spectrum[None], np.array([self.phase]), np.array([self.frequency_hz]), self._num_lines
        )[0]
        turned = self._follow_phase(values)
        turn = np.exp(-1j * turned * self._orders).astype(np.complex64)
        values = values * turn
        self._follow_amplitudes(values)
        self.before = self.amplitudes * turn
        level = np.abs(self._mean) ** 2
        share = np.minimum(1.0, np.sqrt(_LEAST_SOUND * self._level / (level + _TINY)))
        self.amplitudes = (self._mean * share).astype(np.complex64)

    def _is_far(self) -> bool:
        """Whether the frequency has left the range of the mains."""
        return abs(self.frequency_hz - self._mains_hz) > _FURTHEST_HZ

    def _predict(self) -> None:
        hop_s = self._lines.hop_s
        self.phase = (self.phase + 2.0 * np.pi * self.frequency_hz * hop_s) % (2.0 * np.pi)
        of_phase, common, of_frequency = self._covariance
        self._covariance = (
            of_phase + 2.0 * hop_s * common + hop_s**2 * of_frequency + _PHASE_CHANGE**2,
            common + hop_s * of_frequency,
            of_frequency + _FREQUENCY_CHANGE**2,
        )

    def _follow_phase(self, values: Complex) -> float:
        """Correct phase and frequency by those of the lines; the phase's correction, radians."""
        error = values - self._mean
        noise = np.sum(np.maximum(self._error, np.abs(error) ** 2), axis=0)
        level = np.sum(np.abs(self._mean) ** 2, axis=0)
        weights = 2.0 * self._orders**2 * level / (noise + _TINY)
        total = float(weights.sum())
        if total <= 0.0:
            return 0.0
        turned = np.angle(np.sum(values * self._mean.conj(), axis=0)) / self._orders
        measured = float(np.sum(weights * turned)) / total
        of_phase, common, of_frequency = self._covariance
        gain = of_phase / (of_phase + 1.0 / total)
        slope = common / (of_phase + 1.0 / total)
        self._covariance = (
            (1.0 - gain) * of_phase,
            (1.0 - gain) * common,
            of_frequency - slope * common,
        )
        self.phase += gain * measured
        self.frequency_hz += slope * measured / (2.0 * np.pi)
        return gain * measured

    def _follow_amplitudes(self, values: Complex) -> None:
        error = values - self._mean
        squared = np.abs(error) ** 2
        level = np.abs(self._mean) ** 2
        self._variance = np.minimum(self._variance + _AMPLITUDE_CHANGE**2 * level, _MOST_VARIANCE * level)
        gain = self._variance / (self._variance + self._error + squared + _TINY)
        self._mean = (self._mean + gain * error).astype(np.complex64)
        self._variance *= 1.0 - gain
        smoothing = np.where(squared < self._error, _ERROR_FALL, _ERROR_RISE)
        self._error += smoothing * (squared - self._error)
        self._level += _LEVEL_SMOOTHING * (np.abs(values) ** 2 - self._level)

    def _review(self, history: Complex) -> None:
        """Take up lines that have become steady, and drop those that have vanished."""
        found = line_statistics(self._along(history, HISTORY_HOPS))
        self._set(found.are_steady & ~self._is_line, found.amplitudes)
        level = np.sum(np.abs(self._mean) ** 2, axis=0)
        self._is_line &= found.quiet_powers >= _LOST * level
        self._mean[:, ~self._is_line] = 0.0

    def _take_up_lone(self, history: Complex) -> None:
        """Take up and correct lines that nothing covers at present."""
        recent = line_statistics(self._along(history, _RECENT_HOPS))
        loudest = np.max(np.sum(np.abs(self._mean) ** 2, axis=0))
        level = np.sum(np.abs(recent.amplitudes) ** 2, axis=0)
        error = np.sum(np.abs(recent.amplitudes - self._mean) ** 2, axis=0)
        lone = recent.are_alone & (level < _LOUDEST * loudest)
        self._set(lone & (error > _LEAST_ERROR * level), recent.amplitudes)
        self._was_alone |= lone

    def _along(self, history: Complex, num_hops: int) -> Complex:
        last = slice(-num_hops, None)
        return self._lines.amplitudes(
            history[last], self._phases[last], self._frequencies_hz[last], self._num_lines
        )

    def _set(self, lines: NDArray[np.bool_], amplitudes: Complex) -> None:
        self._mean[:, lines] = amplitudes[:, lines]
        self._variance[:, lines] = _MOST_VARIANCE * np.abs(self._mean[:, lines]) ** 2
        self._is_line |= lines
