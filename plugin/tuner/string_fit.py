"""Fit of a stiff string to measured partials.

Partials of a stiff string are a little sharp: f_n = n f sqrt(1 + B n^2) (Fletcher, "Normal
Vibration Frequencies of a Stiff Piano String", JASA 36, 1964). With y_n = (f_n / n)^2 that is a
straight line over n^2, fitted with weights. The result is f_1, the frequency of the first partial, also
where that partial is too weak to be measured.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hushgate.tuner.partials import Peaks

LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 29.0, 1600.0
_MAX_PARTIAL = 24
_MAX_INHARMONICITY = 2e-3
# B where the partials do not show it: strings of guitars and basses have 1e-5 to 5e-4.
_USUAL_INHARMONICITY = 3e-4
_MAX_DIVISOR = 8
_NUM_STRONGEST = 8
_NUM_FITTED = 4
_ROUNDS = (4, 10, _MAX_PARTIAL)
# Lower scores are not fitted; noise scores 0.1 to 0.3.
_LEAST_SCORE = 0.2
_LEAST_SHARE = 0.6


class StringFit(NamedTuple):
    """The string that explains a spectrum best.

    Attributes:
        frequency_hz: Frequency of its first partial, Hz.
        inharmonicity: B.
        confidence: Share of the sound that belongs to it, 0 to 1, lower with gaps between its partials.
    """

    frequency_hz: float
    inharmonicity: float
    confidence: float


def find_string(peaks: Peaks, resolution_hz: float) -> StringFit | None:
    """The one string that explains the peaks best, or None if no string fits.

    Args:
        peaks: Measured peaks.
        resolution_hz: One over the length of the window, Hz.
    """
    if not len(peaks.frequency_hz):
        return None
    candidates = _candidates(peaks)
    if not len(candidates):
        return None
    scores = _quick_scores(candidates, peaks, resolution_hz)
    least = max(_LEAST_SCORE, _LEAST_SHARE * float(scores.max()))
    best: StringFit | None = None
    chosen: list[float] = []
    for index in np.argsort(scores)[::-1]:
        if scores[index] < least:
            break
        hz = float(candidates[index])
        if any(abs(hz / other - 1.0) < 0.02 for other in chosen):
            continue
        chosen.append(hz)
        fit = fit_string(peaks, hz, 0.0, resolution_hz)
        if fit is not None and (best is None or fit.confidence > best.confidence):
            best = fit
        if len(chosen) == _NUM_FITTED:
            break
    return best


def fit_string(
    peaks: Peaks, frequency_hz: float, inharmonicity: float, resolution_hz: float
) -> StringFit | None:
    """Fit a string to the peaks, from a guess that is right within about a fifth of a semitone.

    The low partials are assigned first and predict the high ones, which stiffness moves by several places.
    """
    f0, b = frequency_hz / np.sqrt(1.0 + inharmonicity), inharmonicity
    for last in _ROUNDS:
        chosen, number = _assign(peaks, f0, b, last, resolution_hz)
        if not len(chosen):
            return None
        f0, b = _regress(peaks, chosen, number, f0, b)
    if not LOWEST_PITCH_HZ <= f0 <= HIGHEST_PITCH_HZ:
        return None
    confidence = _confidence(peaks, chosen, number, f0, b, resolution_hz)
    return StringFit(float(f0 * np.sqrt(1.0 + b)), float(b), confidence)


def _candidates(peaks: Peaks) -> NDArray[np.float64]:
    """Integer fractions of the strongest peaks."""
    strongest = np.argsort(peaks.amplitude * peaks.steadiness)[-_NUM_STRONGEST:]
    found = (peaks.frequency_hz[strongest, np.newaxis] / np.arange(1, _MAX_DIVISOR + 1)).ravel()
    return found[(found >= LOWEST_PITCH_HZ) & (found <= HIGHEST_PITCH_HZ)]


def _tolerance(frequency_hz: NDArray[np.float64], f0: float, resolution_hz: float) -> NDArray[np.float64]:
    """Largest distance of a peak from its partial, Hz."""
    return np.minimum(0.25 * resolution_hz + 0.006 * frequency_hz, 0.2 * f0)


def _quick_scores(candidates: NDArray[np.float64], peaks: Peaks, resolution_hz: float) -> NDArray[np.float64]:
    """Share of the peaks that each candidate explains, without stiffness."""
    f0 = candidates[:, np.newaxis]
    number = np.maximum(np.round(peaks.frequency_hz / f0), 1.0)
    error = peaks.frequency_hz - number * f0
    # For a stiff string a fraction of a high partial is further off.
    tolerance = np.minimum(0.3 * resolution_hz + 0.02 * peaks.frequency_hz, 0.25 * f0)
    weight = peaks.amplitude * peaks.steadiness
    hits = np.exp(-((error / tolerance) ** 2)) * (number <= _MAX_PARTIAL)
    explained: NDArray[np.float64] = (hits * weight).sum(axis=1) / max(float(weight.sum()), 1e-30)
    # Half the pitch explains as much, so prefer the highest.
    return explained * (candidates / HIGHEST_PITCH_HZ) ** 0.05


def _partials(number: NDArray[np.float64], f0: float, b: float) -> NDArray[np.float64]:
    return number * f0 * np.sqrt(1.0 + b * number**2)


def _assign(
    peaks: Peaks, f0: float, b: float, last: int, resolution_hz: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Indices of peaks and the numbers of their partials, at most one peak for each partial."""
    number = np.arange(1.0, last + 1.0)
    expected = _partials(number, f0, b)
    distance = np.abs(peaks.frequency_hz[:, np.newaxis] - expected)
    inside = distance < _tolerance(expected, f0, resolution_hz)
    strength = np.where(inside, (peaks.amplitude * peaks.steadiness)[:, np.newaxis], 0.0)
    chosen = strength.argmax(axis=0)
    there = strength[chosen, np.arange(last)] > 0.0
    return chosen[there], number[there]


def _regress(
    peaks: Peaks, chosen: NDArray[np.intp], number: NDArray[np.float64], f0: float, b: float
) -> tuple[float, float]:
    """Fit a weighted line through (f_n / n)^2 over n^2, robust against outliers.

    Returns:
        f0 and B.
    """
    ratio = peaks.frequency_hz[chosen] / number
    square = number**2
    amplitude = peaks.amplitude[chosen] * np.maximum(peaks.steadiness[chosen], 0.05) ** 8
    # The error of a frequency goes with 1 / amplitude, that of f_n / n also with 1 / n.
    weight = (amplitude / amplitude.max() * number) ** 2
    scale = f0**2
    y = (ratio**2 - scale) / scale
    slope, offset = b, 0.0
    for _ in range(3):
        residual = y - offset - slope * square
        spread = max(1e-5, 2.0 * float(weight @ np.abs(residual)) / float(weight.sum()))
        robust = weight / (1.0 + (residual / spread) ** 2)
        # Prior: a slope of zero, with the usual inharmonicity as its spread.
        total = float(robust.sum())
        prior = total * (1e-5 / _USUAL_INHARMONICITY) ** 2
        mean_x, mean_y = float(robust @ square) / total, float(robust @ y) / total
        variance = float(robust @ (square - mean_x) ** 2)
        covariance = float(robust @ ((square - mean_x) * (y - mean_y)))
        slope = min(_MAX_INHARMONICITY, max(0.0, covariance / (variance + prior)))
        offset = mean_y - slope * mean_x
    fundamental = scale * (1.0 + offset)
    return float(np.sqrt(max(fundamental, 1.0))), float(slope / (1.0 + offset))


def _confidence(
    peaks: Peaks,
    chosen: NDArray[np.intp],
    number: NDArray[np.float64],
    f0: float,
    b: float,
    resolution_hz: float,
) -> float:
    """Share of the sound on steady partials, reduced for gaps between them."""
    weight = peaks.amplitude
    error = peaks.frequency_hz[chosen] - _partials(number, f0, b)
    allowed = 0.12 * resolution_hz + 0.002 * peaks.frequency_hz[chosen]
    quality = np.exp(-0.5 * (error / allowed) ** 2) * np.clip(
        (peaks.steadiness[chosen] - 0.6) / 0.35, 0.0, 1.0
    )
    explained = float((weight[chosen] * quality).sum() / weight.sum())
    levels = np.zeros(_MAX_PARTIAL + 2)
    levels[number.astype(int)] = weight[chosen]
    last = min(int(number.max()), 8)
    neighbours = np.maximum(levels[:last], levels[2 : last + 2])
    own = levels[1 : last + 1]
    filled = own / (own + 0.05 * neighbours + 1e-30)
    return explained * (0.55 + 0.45 * float(filled.mean()))
