"""Magnitudes of short-time spectra."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hushgate.training.evaluate.measures.base import Audio


def magnitudes(audio: Audio, window: NDArray[np.float64], hop: int) -> NDArray[np.float64]:
    """Magnitudes of windowed frames, (channels, frames, bins); a sound shorter than one frame is padded."""
    size = len(window)
    missing = max(0, size - audio.shape[1])
    padded = np.pad(audio.astype(np.float64), ((0, 0), (0, missing)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, ::hop]
    found: NDArray[np.float64] = np.abs(np.fft.rfft(frames * window))
    return found
