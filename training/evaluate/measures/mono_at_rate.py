"""Conversion to one channel at a measure's sample rate."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray


def mono_at(audio: NDArray[np.float32], sample_rate: int, wanted_rate: int) -> NDArray[np.float64]:
    """The mean of the channels of (channels, samples) at `wanted_rate` Hz, float64 (samples,)."""
    mono = audio.mean(axis=0).astype(np.float64)
    return mono if sample_rate == wanted_rate else np.asarray(soxr.resample(mono, sample_rate, wanted_rate))
