"""Run an effect without an audience: how late is it, and what does it cost?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hushgate.live.processing.overload import OverloadGuard
from hushgate.pedalboard_compat.effect_protocol import Effect

# Quiet noise, not silence: nothing may take a short cut.
_LEVEL = 1e-3
_MIN_SECONDS = 0.5
_MAX_SECONDS = 10.0
# An effect that is hopelessly slow need not play to the end to show it.
_MAX_ELAPSED_S = 5.0


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal showed.

    Attributes:
        latency_samples: How many samples the effect holds back, with blocks of this size.
        load: Time the processing took over the duration of the sound.
        is_overload: Whether a device would have run out of samples.
    """

    latency_samples: int
    load: float
    is_overload: bool


def rehearse(
    effect: Effect,
    sample_rate: float,
    num_channels: int,
    block_size: int,
    reserve_s: float,
    clock: Callable[[], float] = time.perf_counter,
) -> Rehearsal:
    """Stream half a second of quiet noise through `effect`, longer while it holds back more and more.

    The first call of an effect is slow, for it makes room; after a rehearsal it is not. The effect
    is reset before and after.

    Args:
        effect: Anything with pedalboard's `process` and `reset`.
        sample_rate: Hz.
        num_channels: 1 or more.
        block_size: Samples per call, more than channels.
        reserve_s: Time that the devices cover when a call is late, seconds.
        clock: Time in seconds.

    Raises:
        Whatever the effect raises; RuntimeError when it still holds back more after 10 seconds.
    """
    noise = np.random.default_rng(0).standard_normal((num_channels, block_size))
    block = (noise * _LEVEL).astype(np.float32)
    duration_s = block_size / sample_rate
    effect.reset()
    effect.process(block, sample_rate, reset=False)
    effect.reset()
    guard = OverloadGuard(reserve_s)
    owed = latency = 0
    elapsed_s = sound_s = 0.0
    is_overload = False
    settled_s = 0.0
    while sound_s < _MIN_SECONDS or sound_s < 2.0 * settled_s:
        started = clock()
        output = effect.process(block, sample_rate, reset=False)
        block_s = clock() - started
        is_overload |= guard.record(block_s, duration_s)
        elapsed_s += block_s
        sound_s += duration_s
        owed += block_size - output.shape[1]
        if owed > latency:
            latency, settled_s = owed, sound_s
        if elapsed_s > _MAX_ELAPSED_S and elapsed_s > sound_s:
            break
        if sound_s > _MAX_SECONDS:
            raise RuntimeError(f"{effect!r} returns fewer samples than it takes and cannot run live.")
    effect.reset()
    return Rehearsal(latency, elapsed_s / sound_s, is_overload)
