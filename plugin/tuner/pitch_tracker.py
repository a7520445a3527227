"""Pitch of the sounding string, from a short window after the pluck and a long one later."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hushgate.tuner.notes import cents_between
from hushgate.tuner.partials import Peaks, SpectrumPair
from hushgate.tuner.string_fit import StringFit, find_string, fit_string

# Window and shift, s. The short one still separates the partials of a bass's low E.
_SHORT_S = (0.085, 0.03)
_LONG_S = (0.17, 0.06)
# Two periods of the lowest string; in a shorter window its level would pulsate.
_ONSET_S = 0.05
_ONSET_POWER_RATIO = 4.0
_CONFIDENT = 0.45
# Least confidence for a new string, and for one whose pitch is known. With other instruments at equal level,
# sounding strings have 0.12 and more at their own pitch, silent ones 0.04.
ACQUIRE_CONFIDENCE, KEEP_CONFIDENCE = 0.5, 0.12
_AGREEING_CENTS = 30.0


class PitchTracker:
    """Estimate the pitch for each step in time.

    After a pluck only the short window is used, because the long one would include the sound before the
    pluck. Once the long window lies behind the pluck, it is more exact and works in more noise.

    Args:
        sample_rate: Hz.
        threshold_db: Sound below this level has no pitch, dBFS (RMS).

    Attributes:
        span: Samples of the past that `estimate` needs.
    """

    def __init__(self, sample_rate: float, threshold_db: float) -> None:
        self._rate = sample_rate
        self._least_power: float = 10.0 ** (threshold_db / 10.0)
        self._short = SpectrumPair(sample_rate, *_SHORT_S)
        self._long = SpectrumPair(sample_rate, *_LONG_S)
        self._onset_size = max(1, round(_ONSET_S * sample_rate))
        self.span = self._long.span
        self.reset()

    def reset(self) -> None:
        """Forget the time of the last pluck."""
        self._since_onset = 0

    def estimate(
        self, samples: NDArray[np.float64], num_new: int, shown: StringFit | None = None
    ) -> StringFit | None:
        """The pitch at the end of `samples`, or None.

        Args:
            samples: The last `span` samples.
            num_new: Number of samples since the last call.
            shown: The string shown; its partials can be found in louder sound that hides any other
                string.
        """
        self._since_onset = 0 if self._is_onset(samples) else self._since_onset + num_new
        if float(np.mean(samples[-self._short.span :] ** 2)) < self._least_power:
            return None
        peaks, resolution_hz = self._short.measure(samples), 1.0 / _SHORT_S[0]
        fit = find_string(peaks, resolution_hz)
        if self._since_onset >= self._long.span - self._onset_size:
            peaks, resolution_hz = self._long.measure(samples), 1.0 / _LONG_S[0]
            fit = _refined(fit, peaks, resolution_hz)
        if shown is None or (fit is not None and fit.confidence >= ACQUIRE_CONFIDENCE):
            return fit
        again = fit_string(peaks, shown.frequency_hz, shown.inharmonicity, resolution_hz)
        return again if again is not None and again.confidence >= KEEP_CONFIDENCE else fit

    def _is_onset(self, samples: NDArray[np.float64]) -> bool:
        size = self._onset_size
        now = float(np.mean(samples[-size:] ** 2))
        before = float(np.mean(samples[-2 * size : -size] ** 2))
        return now > max(_ONSET_POWER_RATIO * before, self._least_power)


def _refined(short: StringFit | None, peaks: Peaks, resolution_hz: float) -> StringFit | None:
    """The string of the short window, measured again with the long one."""
    if short is None or short.confidence < _CONFIDENT:
        long = find_string(peaks, resolution_hz)
        return max((fit for fit in (short, long) if fit), key=lambda fit: fit.confidence, default=None)
    long = fit_string(peaks, short.frequency_hz, short.inharmonicity, resolution_hz)
    # They disagree while a note follows another without a louder attack; then the short one is right.
    return long if long is not None and _are_close(long, short) else short


def _are_close(first: StringFit, second: StringFit) -> bool:
    cents = cents_between(first.frequency_hz, second.frequency_hz)
    return abs(cents) < _AGREEING_CENTS and first.confidence > 0.5 * second.confidence
