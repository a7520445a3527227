"""Cross-fades of overlapping segments, shared by the engine and training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def crossfade_weights(num_frames: int, hop_frames: int) -> NDArray[np.float32]:
    """Weights for the frames of a segment; those of all segments over one frame add up to 1.

    A Hann window, divided by the sum of its copies `hop_frames` apart. The middle of a segment, where the
    model has context on both sides, gets the largest weight.

    Args:
        num_frames: Frames in a segment.
        hop_frames: Frames from one segment to the next, 1 to `num_frames`.

    >>> crossfade_weights(4, 2).round(3)
    array([0.146, 0.854, 0.854, 0.146], dtype=float32)
    >>> crossfade_weights(3, 3).tolist()
    [1.0, 1.0, 1.0]
    """
    window = np.sin(np.pi * (np.arange(num_frames) + 0.5) / num_frames) ** 2
    sums = np.zeros(hop_frames)
    np.add.at(sums, np.arange(num_frames) % hop_frames, window)
    return (window / sums[np.arange(num_frames) % hop_frames]).astype(np.float32)


def upper_gains(
    noisy: NDArray[np.complex64], estimate: NDArray[np.complex64], from_bin: int
) -> NDArray[np.float32]:
    """Gains for the bins above a segment model's: its mean gain from `from_bin` upward.

    Args:
        noisy, estimate: Spectra before and after the model, complex64 (batch, frames, bins).
        from_bin: First bin of the mean.

    Returns:
        float32 (batch, frames, 1), at most 1.0; 0.0 where the input is silent.
    """
    before = _energy(noisy[:, :, from_bin:])
    after = _energy(estimate[:, :, from_bin:])
    ratio = np.divide(after, before, out=np.zeros_like(before), where=before > 0.0)
    return np.sqrt(np.minimum(ratio, np.float32(1.0)))[:, :, None]


def _energy(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
    parts = np.ascontiguousarray(spectra).view(np.float32)
    energy: NDArray[np.float32] = np.einsum("bfk,bfk->bf", parts, parts)
    return energy
