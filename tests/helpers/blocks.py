"""Sound cut into blocks of any sizes."""

from __future__ import annotations

import numpy as np

BLOCK_SIZES = [(50_000,), (1000,), (7, 480), (100, 3000, 1)]


def cut(sound: np.ndarray, sizes: tuple[int, ...]) -> list[np.ndarray]:
    """`sound`, (channels, samples), in blocks of these sizes, again and again."""
    blocks, start, turn = [], 0, 0
    while start < sound.shape[1]:
        blocks.append(sound[:, start : start + sizes[turn % len(sizes)]])
        start += blocks[-1].shape[1]
        turn += 1
    return blocks
