"""Ramps and delays, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.engine.signal.delay_line import DelayLine
from hushgate.engine.signal.gain_ramp import GainRamp
from tests.helpers.sounds import noise


@pytest.mark.parametrize("delay", [0, 1, 5, 64, 1000])
@pytest.mark.parametrize("block_size", [1, 3, 64, 65, 999, 1000, 1001, 5000])
def test_delay_is_exact_for_every_block_size(delay: int, block_size: int, rng: np.random.Generator) -> None:
    audio = noise(rng, 2, 5000 if block_size > 3 else 2100)
    line = DelayLine(delay, 2)
    out = np.concatenate(
        [line.process(audio[:, i : i + block_size]) for i in range(0, audio.shape[1], block_size)], axis=1
    )
    expected = np.concatenate([np.zeros((2, delay), np.float32), audio], axis=1)[:, : audio.shape[1]]
    assert np.array_equal(out, expected)


def test_delay_takes_blocks_of_mixed_sizes_and_forgets_on_reset(rng: np.random.Generator) -> None:
    audio = noise(rng, 1, 4000)
    line = DelayLine(100, 1)
    parts, done = [], 0
    while done < 4000:
        size = int(rng.integers(0, 260))
        parts.append(line.process(audio[:, done : done + size]))
        done += size
    assert np.array_equal(np.concatenate(parts, axis=1)[:, 100:], audio[:, :-100])
    line.reset()
    assert not line.process(np.ones((1, 100), np.float32)).any()


@pytest.mark.parametrize("block_size", [1, 7, 100, 1000])
def test_small_steps_of_a_ramp_equal_one_large_step(block_size: int) -> None:
    whole, parts = GainRamp((1.0, 0.0), 300), GainRamp((1.0, 0.0), 300)
    expected, found = [], []
    for target in ((0.0, 1.0), (0.5, -0.5)):  # the second comes while the first still runs
        whole.go_to(target)
        parts.go_to(target)
        expected.append(whole.step(200))
        for start in range(0, 200, block_size):
            found.append(parts.step(min(block_size, 200 - start)))
    assert np.array_equal(np.concatenate(expected, axis=1), np.concatenate(found, axis=1))


def test_a_ramp_arrives_exactly_and_never_jumps() -> None:
    ramp = GainRamp((1.0,), 100)
    ramp.go_to((0.0,))
    curve = [1.0, *ramp.step(50)[0]]
    ramp.go_to((1.0,))
    curve += [*ramp.step(150)[0]]
    assert ramp.settled
    assert curve[-51:] == [1.0] * 51
    assert np.abs(np.diff(curve)).max() <= 0.01 + 1e-6


def test_a_ramp_of_no_length_jumps() -> None:
    ramp = GainRamp((1.0,), 0)
    ramp.go_to((0.25,))
    assert ramp.settled
    assert ramp.target == (0.25,)
