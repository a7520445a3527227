"""Sound that repeats without a click at the seam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def close_loop(sound: NDArray[np.float32], fade: int) -> NDArray[np.float32]:
    """Crossfade the end of (..., samples) into its beginning: `fade` samples shorter, ready to repeat.

    Args:
        sound: Two fades long or longer.
        fade: Samples; 0 returns the sound as it is.
    """
    if not fade:
        return sound
    ramp = np.sin(0.5 * np.pi * (np.arange(fade, dtype=np.float32) + 0.5) / fade)
    end = sound.shape[-1] - fade
    turn = sound[..., :end].copy()
    turn[..., :fade] = turn[..., :fade] * ramp + sound[..., end:] * ramp[::-1]
    return turn
