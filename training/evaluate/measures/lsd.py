"""Log-spectral distance over all bins, and over the bins of the clean sound."""

from __future__ import annotations

import math

import numpy as np

from hushgate.training.evaluate.measures.base import Audio, Column, Item
from hushgate.training.evaluate.measures.spectra import magnitudes

_FRAME_S = 0.032
_RANGE_DB = 80.0
_TARGET_FRAME = 2_048
_TARGET_RANGE_DB = 50.0
_TARGET_DEPTH_DB = 100.0


def log_spectral_distance(clean: Audio, output: Audio, sample_rate: int) -> float:
    """Distance of the two spectra over all frames and bins, dB; 0.0 for equal sounds.

    With C and E the levels in dB of a bin k of frame n: mean over n of sqrt(mean over k of (C - E)^2). Levels
    are floored 80 dB below the loudest bin of the clean sound, so that inaudible differences do not
    count. Noise left between the clean sound's bins counts as much as damage to them, so the figure says how
    close the output is to the clean sound, not which of the two is wrong. Frames of 32 ms, Hann, half
    overlapping; channels are averaged as further frames.
    Reference: Gray and Markel, "Distance measures for speech processing", IEEE Trans. ASSP 24(5), 1976.

    Args:
        clean, output: (channels, samples) of one shape, aligned.
        sample_rate: Hz.
    """
    size = 2 * round(_FRAME_S * sample_rate / 2)
    powers = [np.square(magnitudes(audio, np.hanning(size), size // 2)) for audio in (clean, output)]
    floor = max(float(powers[0].max()), 1e-20) * 10.0 ** (-_RANGE_DB / 10.0)
    one, other = (np.maximum(power, floor) for power in powers)
    return float(np.sqrt(np.mean(np.square(10.0 * np.log10(one / other)), axis=-1)).mean())


def target_log_spectral_distance(clean: Audio, output: Audio) -> float:
    """Change of the clean sound's own bins, dB; 0.0 where they are untouched.

    As `log_spectral_distance`, but over the bins within 50 dB of the clean sound's loudest bin, and over the
    frames that have such bins; NaN where there are none. Noise left elsewhere does not count, so the figure
    says what happened to the wanted sound: a denoiser that removes noise and harms the sound raises it.
    Output levels are floored 150 dB below the loudest bin. Frames of 2,048 samples, Hann, half overlapping.

    Args:
        clean, output: (channels, samples) of one shape, aligned.
    """
    one, other = (
        magnitudes(audio, np.hanning(_TARGET_FRAME), _TARGET_FRAME // 2) for audio in (clean, output)
    )
    peak = float(one.max())
    own = one >= peak * 10.0 ** (-_TARGET_RANGE_DB / 20.0)
    counts = own.sum(axis=-1)
    sounding = counts > 0
    if peak <= 0.0 or not sounding.any():
        return math.nan
    floor = peak * 10.0 ** (-(_TARGET_RANGE_DB + _TARGET_DEPTH_DB) / 20.0)
    difference = 20.0 * np.log10(np.maximum(one, floor) / np.maximum(other, floor))
    squares = np.where(own, np.square(difference), 0.0).sum(axis=-1)
    return float(np.sqrt(squares[sounding] / counts[sounding]).mean())


class LogSpectralDistance:
    """`log_spectral_distance` as a measure."""

    columns = (Column("lsd_db", "LSD, dB", 2, higher_is_better=False),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        return {"lsd_db": log_spectral_distance(item.clean, output, item.sample_rate)}


class TargetLogSpectralDistance:
    """`target_log_spectral_distance` as a measure."""

    columns = (Column("target_lsd_db", "target LSD, dB", 2, higher_is_better=False),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        return {"target_lsd_db": target_log_spectral_distance(item.clean, output)}
