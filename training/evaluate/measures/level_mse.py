"""Mean squared error of scaled spectrograms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hushgate.training.evaluate.measures.base import Audio, Column, Item
from hushgate.training.evaluate.measures.spectra import magnitudes

_FRAME_S = 0.046
_LOWEST_DB, _HIGHEST_DB = -100.0, 100.0


def level_mse(clean: Audio, output: Audio, sample_rate: int) -> float:
    """Mean squared error of the two spectrograms, levels of -100 to 100 dB scaled to 0..1.

    0.0 for equal sounds. A full-scale sine reads 0 dB. Frames of 46 ms, Hann, three quarters overlapping; all
    channels, frames and bins count alike. 0.001 is a difference of 6.3 dB (RMS). Differences below -100 dB do
    not count, and the phase does not either.

    Args:
        clean, output: (channels, samples) of one shape, aligned.
        sample_rate: Hz.
    """
    size = 4 * round(_FRAME_S * sample_rate / 4)
    one, other = (_scaled_levels(audio, size) for audio in (clean, output))
    return float(np.mean(np.square(one - other)))


class LevelMse:
    """`level_mse` as a measure."""

    columns = (Column("level_mse", "spectrogram MSE", 5, higher_is_better=False),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        return {"level_mse": level_mse(item.clean, output, item.sample_rate)}


def _scaled_levels(audio: Audio, size: int) -> NDArray[np.float64]:
    window = np.hanning(size)
    power = np.square(magnitudes(audio, window * (2.0 / window.sum()), size // 4))
    levels = 10.0 * np.log10(power + 10.0 ** (_LOWEST_DB / 10.0))
    scaled: NDArray[np.float64] = np.clip((levels - _LOWEST_DB) / (_HIGHEST_DB - _LOWEST_DB), 0.0, 1.0)
    return scaled
