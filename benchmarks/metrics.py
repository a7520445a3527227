"""Scores of a denoised recording against the clean one, and their confidence.

All functions take float arrays of shape (channels, samples) at the same rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft, stats

Audio = NDArray[np.float32]
Metric = Callable[[Audio, Audio, int], float]

_CEILING_DB = 100.0
_SPEECH_RATE = 16_000


def find_delay(reference: Audio, delayed: Audio, max_delay: int) -> int:
    """How many samples `delayed` lags behind `reference`: the largest correlation within `max_delay`.

    Channels are summed after correlating. Negative results mean that it leads.

    >>> sound = np.random.default_rng(0).standard_normal((1, 500))
    >>> find_delay(sound, np.roll(sound, 7), 50)
    7
    """
    num_samples = reference.shape[1] + delayed.shape[1]
    size = fft.next_fast_len(num_samples, real=True)
    spectra = [fft.rfft(audio.astype(np.float64), size) for audio in (reference, delayed)]
    correlation = fft.irfft(np.conj(spectra[0]) * spectra[1], size).sum(axis=0)
    lags = np.arange(-max_delay, max_delay + 1)
    return int(lags[np.argmax(correlation[lags])])


def align(reference: Audio, delayed: Audio, max_delay: int) -> Audio:
    """Shift `delayed` onto `reference` by whole samples and give it the same length."""
    delay = find_delay(reference, delayed, max_delay)
    shifted = delayed[:, delay:] if delay >= 0 else np.pad(delayed, ((0, 0), (-delay, 0)))
    missing = max(0, reference.shape[1] - shifted.shape[1])
    return np.pad(shifted, ((0, 0), (0, missing)))[:, : reference.shape[1]]


def si_sdr(clean: Audio, estimate: Audio, sample_rate: int) -> float:
    """Scale-invariant signal-to-distortion ratio, dB, over all channels together; at most 100 dB.

    Reference: Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019.
    """
    target, other = clean.astype(np.float64).ravel(), estimate.astype(np.float64).ravel()
    target, other = target - target.mean(), other - other.mean()
    projection = target * (np.dot(other, target) / max(np.dot(target, target), 1e-20))
    signal, error = np.sum(projection**2), np.sum((other - projection) ** 2)
    if signal <= 0.0:
        return -_CEILING_DB
    return float(np.clip(10.0 * np.log10(signal / max(error, 1e-20)), -_CEILING_DB, _CEILING_DB))


def _speech(audio: Audio, sample_rate: int) -> NDArray[np.float64]:
    mono = audio.mean(axis=0).astype(np.float64)
    return mono if sample_rate == _SPEECH_RATE else soxr.resample(mono, sample_rate, _SPEECH_RATE)


def pesq(clean: Audio, estimate: Audio, sample_rate: int) -> float:
    """Wide-band PESQ (ITU-T P.862.2), 1.0 to 4.64, at 16 kHz; NaN where it finds no speech."""
    from pesq import NoUtterancesError
    from pesq import pesq as wide_band_pesq

    try:
        return float(
            wide_band_pesq(_SPEECH_RATE, _speech(clean, sample_rate), _speech(estimate, sample_rate), "wb")
        )
    except NoUtterancesError:
        return math.nan


def stoi(clean: Audio, estimate: Audio, sample_rate: int) -> float:
    """Short-time objective intelligibility, 0.0 to 1.0, at 16 kHz."""
    from pystoi import stoi as intelligibility

    return float(intelligibility(_speech(clean, sample_rate), _speech(estimate, sample_rate), _SPEECH_RATE))


def mean_and_margin(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % confidence interval (Student's t); NaN values are left out.

    >>> mean, margin = mean_and_margin([1.0, 2.0, 3.0])
    >>> f"{mean:.2f} {margin:.2f}"
    '2.00 2.48'
    """
    kept = np.array([value for value in values if not math.isnan(value)])
    if len(kept) == 0:
        return math.nan, math.nan
    if len(kept) == 1:
        return float(kept[0]), math.nan
    error = kept.std(ddof=1) / math.sqrt(len(kept))
    return float(kept.mean()), float(stats.t.ppf(0.975, len(kept) - 1) * error)
