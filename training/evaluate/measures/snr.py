"""Signal-to-noise ratio, scale-invariant signal-to-distortion ratio, and mean squared error."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hushgate.training.evaluate.measures.base import Audio, Column, Item

_CEILING_DB = 100.0
_TINY = 1e-20


def si_sdr_db(clean: Audio, output: Audio) -> float:
    """Scale-invariant signal-to-distortion ratio over all channels together, dB, -100 to 100.

    With both mean-free and t the output's projection onto the clean sound:
    10 log10(|t|^2 / |output - t|^2). NaN for a silent clean sound, -100 for a silent output.
    Reference: Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019.

    Args:
        clean, output: (channels, samples) of one shape, aligned.
    """
    target, other = clean.astype(np.float64).ravel(), output.astype(np.float64).ravel()
    target, other = target - target.mean(), other - other.mean()
    energy = float(target @ target)
    if energy <= _TINY:
        return math.nan
    projection = target * (float(other @ target) / energy)
    return _ratio_db(float(projection @ projection), other - projection)


def snr_db(clean: Audio, output: Audio) -> float:
    """Level of the clean sound above the difference of both, all channels together, dB, -100 to 100.

    Every difference counts as noise, one of level too. NaN for a silent clean sound.
    """
    target = clean.astype(np.float64).ravel()
    energy = float(target @ target)
    return math.nan if energy <= _TINY else _ratio_db(energy, output.astype(np.float64).ravel() - target)


class SiSdr:
    """`si_sdr_db` as a measure."""

    columns = (Column("si_sdr_db", "SI-SDR, dB", 2),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        return {"si_sdr_db": si_sdr_db(item.clean, output)}


class Snr:
    """`snr_db` as a measure."""

    columns = (Column("snr_db", "SNR, dB", 2),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        return {"snr_db": snr_db(item.clean, output)}


class MeanSquaredError:
    """Mean squared error as a level, dB below full scale, -200 dB at least; defined for silence as well."""

    columns = (Column("mse_db", "MSE, dB", 1, higher_is_better=False),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        error = float(np.mean(np.square(output.astype(np.float64) - item.clean)))
        return {"mse_db": 10.0 * math.log10(max(error, _TINY))}


def _ratio_db(signal: float, error: NDArray[np.float64]) -> float:
    if signal <= _TINY:
        # Nothing of the target is left, as in an output of silence.
        return -_CEILING_DB
    ratio = signal / max(float(error @ error), _TINY)
    return float(np.clip(10.0 * math.log10(ratio), -_CEILING_DB, _CEILING_DB))
