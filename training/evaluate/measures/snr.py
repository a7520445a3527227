"""Ratios of signal to error, over all channels together."""

from __future__ import annotations

import math

import numpy as np

from hushgate.training.evaluate.measures import Audio, Column
from hushgate.training.evaluate.sound_pairs import Item

_CEILING_DB = 100.0
_TINY = 1e-20


class SiSdr:
    """Scale-invariant signal-to-distortion ratio, dB, at most 100 dB; NaN for a silent clean sound.

    Reference: Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019.
    """

    columns = (Column("si_sdr_db", "SI-SDR, dB", 2),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        target, other = item.clean.astype(np.float64).ravel(), output.astype(np.float64).ravel()
        target, other = target - target.mean(), other - other.mean()
        energy = float(target @ target)
        if energy <= _TINY:
            return {"si_sdr_db": math.nan}
        projection = target * (float(other @ target) / energy)
        return {"si_sdr_db": _ratio_db(float(projection @ projection), other - projection)}


class Snr:
    """Signal-to-noise ratio, dB; any difference is noise, one of level too. NaN for a silent clean sound."""

    columns = (Column("snr_db", "SNR, dB", 2),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        target = item.clean.astype(np.float64).ravel()
        energy = float(target @ target)
        if energy <= _TINY:
            return {"snr_db": math.nan}
        return {"snr_db": _ratio_db(energy, output.astype(np.float64).ravel() - target)}


class MeanSquaredError:
    """Mean squared error as a level, dB below full scale: defined for silence as well."""

    columns = (Column("mse_db", "MSE, dB", 1, higher_is_better=False),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        error = float(np.mean(np.square(output.astype(np.float64) - item.clean)))
        return {"mse_db": 10.0 * math.log10(max(error, _TINY))}


def _ratio_db(signal: float, error: np.ndarray) -> float:
    if signal <= _TINY:
        # Nothing of the target is left, as in an output of silence: no ratio of nothing to nothing.
        return -_CEILING_DB
    ratio = signal / max(float(error @ error), _TINY)
    return float(np.clip(10.0 * math.log10(ratio), -_CEILING_DB, _CEILING_DB))
