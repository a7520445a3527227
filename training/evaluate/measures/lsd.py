"""Log-spectral distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hushgate.training.evaluate.measures import Audio, Column
from hushgate.training.evaluate.sound_pairs import Item

_FRAME_S = 0.032
# Levels further below the clean sound's loudest bin than this count as this: nobody hears them.
_RANGE_DB = 80.0


class LogSpectralDistance:
    """Root mean square over frequency of the difference of levels, dB, averaged over time.

    Reference: Gray and Markel, "Distance measures for speech processing", 1976.
    Hann windows of 32 ms, half overlapping; levels from 80 dB below the clean sound's loudest bin on upward.
    """

    columns = (Column("lsd_db", "LSD, dB", 2, higher_is_better=False),)

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        size = 2 * round(_FRAME_S * item.sample_rate / 2)
        clean, other = (_power(audio, size) for audio in (item.clean, output))
        floor = max(float(clean.max()), 1e-20) * 10.0 ** (-_RANGE_DB / 10.0)
        difference = 10.0 * np.log10(np.maximum(clean, floor) / np.maximum(other, floor))
        return {"lsd_db": float(np.sqrt(np.mean(np.square(difference), axis=-1)).mean())}


def _power(audio: Audio, size: int) -> NDArray[np.float64]:
    missing = max(0, size - audio.shape[1])
    padded = np.pad(audio.astype(np.float64), ((0, 0), (0, missing)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, :: size // 2]
    power: NDArray[np.float64] = np.square(np.abs(np.fft.rfft(frames * np.hanning(size))))
    return power
