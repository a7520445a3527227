"""The part of a recording's beginning that a model hears beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.engine.signal.beginning import Beginning

RATE = 1_000


@pytest.mark.parametrize("block_size", [7, 1_000, 20_000])
@pytest.mark.parametrize(("num_samples", "num_heard"), [(4_000, 2_000), (8_000, 4_000), (12_000, 4_000)])
def test_half_is_heard_and_at_most_four_seconds(block_size: int, num_samples: int, num_heard: int) -> None:
    sound = np.random.default_rng(0).standard_normal((2, num_samples)).astype(np.float32)
    beginning = Beginning(RATE, 2, latency_samples=3)
    for start in range(0, num_samples, block_size):
        beginning.take_in(sound[:, start : start + block_size])
    np.testing.assert_array_equal(beginning.heard(), sound[:, :num_heard])


def test_sound_passes_at_the_latency_bit_for_bit() -> None:
    sound = np.random.default_rng(0).standard_normal((1, 100)).astype(np.float32)
    beginning = Beginning(RATE, 1, latency_samples=30)
    passed = [beginning.delayed(sound[:, start : start + 8]) for start in range(0, 100, 8)]
    np.testing.assert_array_equal(np.concatenate(passed, axis=1)[:, 30:], sound[:, :70])
    assert not np.concatenate(passed, axis=1)[:, :30].any()
