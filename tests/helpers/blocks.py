"""Sound cut into blocks of any sizes, and sound as if it came from a file."""

from __future__ import annotations

import numpy as np

from hushgate import Chain, Denoiser
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE
from hushgate.pedalboard_compat.channel_layout import LayoutMemory
from hushgate.rendering.learn_ahead import learn_ahead

BLOCK_SIZES = [(50_000,), (1000,), (7, 480), (100, 3000, 1)]


def cut(sound: np.ndarray, sizes: tuple[int, ...]) -> list[np.ndarray]:
    """`sound`, (channels, samples), in blocks of these sizes, again and again."""
    blocks, start, turn = [], 0, 0
    while start < sound.shape[1]:
        blocks.append(sound[:, start : start + sizes[turn % len(sizes)]])
        start += blocks[-1].shape[1]
        turn += 1
    return blocks


def as_file(effect: Denoiser | Chain, sound: np.ndarray, sample_rate: float) -> np.ndarray:
    """What commands, `render` and `hushgate.denoise` give for a recording with this sound.

    The effect learns from it first; its next `reset`, in the call, keeps what it has learnt.
    """
    planar = LayoutMemory().to_planar(sound)
    learn_ahead(effect, iter([planar]), sample_rate, DEFAULT_BLOCK_SIZE)
    return np.asarray(effect(sound, sample_rate))
