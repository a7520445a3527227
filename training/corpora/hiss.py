"""Hiss of a recording room lowered, so that a voice can be a target."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Audio = NDArray[np.float32]

_FRAME_S = 0.0214
_QUIET_SHARE, _FEWEST_QUIET = 0.08, 8
# How far the estimate of the noise is raised, which is made of the quietest frames and so too low, and means
# over frames and bins that keep single bins from twinkling.
_RAISED = 4.0
_NOISE_BINS, _AROUND, _GAIN_AROUND = 9, 5, 3
_TINY = 1e-20


def lower_hiss(audio: Audio, sample_rate: float, most_db: float = 15.0) -> Audio:
    """Filter steady noise after Wiener, gently: what it takes from loud speech lies 40 dB below it.

    The noise is the mean of the quietest frames, so there must be a pause.

    Args:
        audio: (samples,), a second or more.
        sample_rate: Hz.
        most_db: Largest reduction of a bin, dB.
    """
    size = 2 * round(0.5 * _FRAME_S * sample_rate)
    shape = {"nperseg": size, "noverlap": size - size // 4}
    _, _, spectrum = signal.stft(audio, sample_rate, boundary="even", **shape)
    power = np.abs(spectrum) ** 2
    order = np.argsort(power.sum(0))
    quiet = order[: max(_FEWEST_QUIET, int(_QUIET_SHARE * len(order)))]
    noise = _mean_around(power[:, quiet].mean(1, keepdims=True), _NOISE_BINS, 1)
    gain = np.sqrt(np.clip(1.0 - _RAISED * noise / (_mean_around(power, _AROUND, _AROUND) + _TINY), 0.0, 1.0))
    gain = _mean_around(np.maximum(gain, 10.0 ** (-most_db / 20.0)), _GAIN_AROUND, _GAIN_AROUND)
    _, filtered = signal.istft(spectrum * gain, sample_rate, **shape)
    return np.asarray(filtered[: len(audio)], dtype=np.float32)


def _mean_around(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    padded = np.pad(values, ((rows // 2,) * 2, (columns // 2,) * 2), mode="edge")
    kernel = np.ones((rows, columns)) / (rows * columns)
    return np.asarray(signal.fftconvolve(padded, kernel, mode="valid"))
