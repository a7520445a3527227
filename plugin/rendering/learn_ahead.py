"""The beginning of a recording, heard before its first sample is processed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hushgate.effects.denoiser import Denoiser, find_effects
from hushgate.effects.hum_remover import HumRemover
from hushgate.engine.signal.beginning import HUM_LEARNT_S, LEARNT_S
from hushgate.pedalboard_compat.effect_protocol import Effect

Block = NDArray[np.float32]

# Samples of all channels, 128 MiB, that are taken beyond 8 s.
_MOST_VALUES = 2**25


def learn_ahead(effect: Effect, blocks: Iterator[Block], sample_rate: float, block_size: int) -> list[Block]:
    """Let the denoisers in an effect learn the noise and the hum of a recording from its beginning.

    The effect is reset, and runs over the first 8 s (30 s where hum is to be removed, less of very many
    channels) with its denoisers as mere listeners. The next `reset` of the effect begins the recording with
    what they have learnt.

    Args:
        effect: Any effect.
        blocks: The recording, float32 (channels, samples) each. Nothing is taken where nothing can be learnt.
        sample_rate: Hz.
        block_size: Samples handed to the effect at once.

    Returns:
        The blocks that were taken, to be processed before the others.
    """
    learners: list[Denoiser | HumRemover] = list(find_effects(effect, Denoiser, HumRemover))
    if not learners:
        return []
    wanted_s = HUM_LEARNT_S if any(learner.hum_reduction_db > 0.0 for learner in learners) else LEARNT_S
    beginning, num_samples, num_learnt = [], 0, 0
    for block in blocks:
        beginning.append(block)
        num_samples += block.shape[1]
        most_s = max(LEARNT_S, _MOST_VALUES / (block.shape[0] * sample_rate))
        num_learnt = round(min(wanted_s, most_s) * sample_rate)
        if num_samples >= num_learnt:
            break
    if not beginning or num_samples <= beginning[0].shape[0]:  # too little to tell channels from samples
        return beginning
    effect.reset()
    # Chains reset effects that they have not run before, which would end the learning.
    num_channels = beginning[0].shape[0]
    effect.process(
        np.zeros((num_channels, num_channels + 1), np.float32), sample_rate, block_size, reset=False
    )
    for learner in learners:
        learner.learn()
    sound = np.concatenate(beginning, axis=1)[:, :num_learnt]
    for block in _equal_blocks(sound, max(block_size, num_channels + 1)):
        effect.process(block, sample_rate, block_size, reset=False)
    return beginning


def _equal_blocks(sound: Block, size: int) -> Iterator[Block]:
    """The sound in blocks of one size, as effects get it afterwards, and the rest in a smaller one."""
    for start in range(0, sound.shape[1], size):
        block = sound[:, start : start + size]
        if block.shape[1] > block.shape[0]:
            yield np.ascontiguousarray(block)
