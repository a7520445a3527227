"""Frame lengths, windows and spectrum scaling, shared by the engine and training.

The models get bins of a fixed width in Hz and frames of a fixed length in ms. At every
sample rate the frame is the nearest even number of samples that an FFT handles quickly,
and the spectrum is scaled by the window's sum, so a model's input is the same at every rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# pocketfft (numpy, scipy) has hand-written butterflies for these primes.
_FAST_PRIMES = (2, 3, 5, 7, 11)


def _has_fast_factors(length: int) -> bool:
    for prime in _FAST_PRIMES:
        while length % prime == 0:
            length //= prime
    return length == 1


def frame_size_for(sample_rate: float, frame_ms: float, overlap: int) -> int:
    """Samples in a frame: the FFT-friendly length nearest to `frame_ms`.

    Args:
        sample_rate: Hz, positive.
        frame_ms: Wanted length of a frame, ms.
        overlap: Frames that cover each sample (frame length over hop), 2 or more.

    Returns:
        A multiple of `overlap`, even, with no prime factor above 11.

    >>> frame_size_for(16_000, 32.0, 2), frame_size_for(44_100, 32.0, 2)
    (512, 1408)
    """
    wanted = sample_rate * frame_ms / 1000.0
    step = overlap if overlap % 2 == 0 else 2 * overlap
    nearest = max(1, round(wanted / step))
    for distance in range(nearest + 1):
        candidates = [n for n in (nearest - distance, nearest + distance) if n > 0]
        fast = [n * step for n in candidates if _has_fast_factors(n * step)]
        if fast:
            return min(fast, key=lambda size: abs(size - wanted))
    return step * nearest


def analysis_window(frame_size: int) -> NDArray[np.float32]:
    """Square root of a periodic Hann window: analysis and synthesis multiply to Hann.

    Shifted by `frame_size / overlap`, its squares add up to `overlap / 2`.
    """
    phase = np.arange(frame_size) * (np.pi / frame_size)
    result: NDArray[np.float32] = np.sin(phase).astype(np.float32)
    return result


def spectrum_scale(window: NDArray[np.float32]) -> float:
    """Factor that makes a full-scale sine read 1.0 in its bin, at any frame length."""
    return 2.0 / float(np.sum(window, dtype=np.float64))
