"""Delay between two recordings of the same sound, and its removal."""

from __future__ import annotations

import numpy as np
from scipy import fft

from hushgate.training.evaluate.measures.base import Audio


def find_delay(reference: Audio, delayed: Audio, max_delay: int) -> int:
    """Samples by which `delayed` lags behind `reference`; negative where it leads.

    The lag of the largest cross-correlation, summed over channels, from -max_delay to max_delay samples.

    >>> sound = np.random.default_rng(0).standard_normal((1, 500))
    >>> find_delay(sound, np.roll(sound, 7), 50)
    7
    """
    size = fft.next_fast_len(reference.shape[1] + delayed.shape[1], real=True)
    spectra = [fft.rfft(audio.astype(np.float64), size) for audio in (reference, delayed)]
    correlation = fft.irfft(np.conj(spectra[0]) * spectra[1], size).sum(axis=0)
    # Beyond its own length a recording overlaps nothing.
    earliest, latest = (min(max_delay, audio.shape[1] - 1) for audio in (reference, delayed))
    lags = np.arange(-earliest, latest + 1)
    return int(lags[np.argmax(correlation[lags])])


def align(reference: Audio, delayed: Audio, max_delay: int) -> Audio:
    """Shift `delayed` onto `reference` by whole samples, and cut or pad it to the same length.

    Args:
        reference, delayed: (channels, samples) at one rate.
        max_delay: Largest shift, samples.
    """
    delay = find_delay(reference, delayed, max_delay)
    shifted = delayed[:, delay:] if delay >= 0 else np.pad(delayed, ((0, 0), (-delay, 0)))
    missing = max(0, reference.shape[1] - shifted.shape[1])
    return np.pad(shifted, ((0, 0), (0, missing)))[:, : reference.shape[1]]
