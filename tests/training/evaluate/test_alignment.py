"""Delays between recordings: found and taken out."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="evaluation needs the extra hushgate[evaluate]")

from hushgate.training.evaluate.alignment import align, find_delay


@pytest.mark.parametrize("delay", [-30, 0, 320])
def test_alignment_undoes_any_delay(delay: int) -> None:
    clean = np.random.default_rng(0).standard_normal((2, 4_000)).astype(np.float32)
    delayed = np.roll(np.pad(clean, ((0, 0), (400, 400))), delay, axis=1)[:, 400:-30]
    aligned = align(clean, delayed, 400)
    assert find_delay(clean, delayed, 400) == delay
    assert aligned.shape == clean.shape
    np.testing.assert_array_equal(aligned[:, 40:-40], clean[:, 40:-40])


@pytest.mark.parametrize("delay", [-30, 0, 45])
@pytest.mark.parametrize("length", [90, 100, 120])
def test_a_limit_may_exceed_the_recordings(delay: int, length: int) -> None:
    sound = np.random.default_rng(1).standard_normal((1, 300)).astype(np.float32)
    clean, delayed = sound[:, 100:200], sound[:, 100 - delay : 100 - delay + length]
    for max_delay in (99, 100, 10_000):
        assert find_delay(clean, delayed, max_delay) == delay
