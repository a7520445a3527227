"""Trial run: measure an effect's latency and load on half a second of noise."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hushgate.live.processing.overload import OverloadGuard
from hushgate.pedalboard_compat.effect_protocol import Effect

# Quiet noise, because effects may skip work on silence.
_LEVEL = 1e-3
_MIN_SECONDS = 0.5
_MAX_SECONDS = 10.0
# Stop early where the effect is far too slow.
_MAX_ELAPSED_S = 5.0


@dataclass(frozen=True)
class TrialRun:
    """Result of a trial run.

    Attributes:
        latency_samples: Samples that the effect holds back, with blocks of this size.
        load: Time the processing took over the duration of the sound.
        is_overload: True if a device would have run out of samples.
    """

    latency_samples: int
    load: float
    is_overload: bool


def run_trial(
    effect: Effect,
    sample_rate: float,
    num_channels: int,
    block_size: int,
    reserve_s: float,
    clock: Callable[[], float] = time.perf_counter,
) -> TrialRun:
    """Stream half a second of quiet noise through `effect`, longer while it holds back more and more.

    The first call of an effect is slow, because it allocates memory; after a trial run it is not. The
    effect is reset before and after.

    Args:
        effect: Anything with pedalboard's `process` and `reset`.
        sample_rate: Hz.
        num_channels: 1 or more.
        block_size: Samples per call, more than channels.
        reserve_s: Time that the devices cover when a call is late, seconds.
        clock: Time in seconds.

    Raises:
        RuntimeError: The effect still holds back more and more samples after 10 seconds.
        Exception: Any error of the effect.
    """
    noise = np.random.default_rng(0).standard_normal((num_channels, block_size))
    block = (noise * _LEVEL).astype(np.float32)
    duration_s = block_size / sample_rate
    effect.reset()
    effect.process(block, sample_rate, reset=False)
    effect.reset()
    guard = OverloadGuard(reserve_s)
    num_held = latency = 0
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
        num_held += block_size - output.shape[1]
        if num_held > latency:
            latency, settled_s = num_held, sound_s
        if elapsed_s > _MAX_ELAPSED_S and elapsed_s > sound_s:
            break
        if sound_s > _MAX_SECONDS:
            raise RuntimeError(f"{effect!r} returns fewer samples than it takes and cannot run live.")
    effect.reset()
    return TrialRun(latency, elapsed_s / sound_s, is_overload)
