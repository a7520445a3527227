"""Noise from a seed, in any shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def noise(*shape: int, seed: int = 0, scale: float = 0.1) -> NDArray[np.float32]:
    """Reproducible noise."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)
