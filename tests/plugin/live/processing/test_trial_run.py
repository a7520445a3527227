"""Trial run: latency, load, effects that are too slow or keep samples."""

from __future__ import annotations

import pytest

from hushgate.live.processing.trial_run import run_trial
from tests.helpers.live_fakes import RATE, Clock, LateEffect, SlowEffect

BLOCK_S = 256 / RATE


@pytest.mark.parametrize("latency", [0, 1, 255, 256, 1536, 30_000])
def test_a_trial_run_finds_the_latency(latency: int) -> None:
    effect = LateEffect(latency)
    shown = run_trial(effect, RATE, 1, 256, BLOCK_S)
    assert shown.latency_samples == latency
    assert effect.num_resets >= 2


def test_a_trial_run_measures_load_and_tells_overload() -> None:
    clock = Clock()
    shown = run_trial(SlowEffect(clock, 0.25 * BLOCK_S), RATE, 1, 256, BLOCK_S, clock)
    assert shown.load == pytest.approx(0.25)
    assert not shown.is_overload
    shown = run_trial(SlowEffect(clock, 1.5 * BLOCK_S), RATE, 1, 256, BLOCK_S, clock)
    assert shown.is_overload


def test_a_trial_run_of_a_hopelessly_slow_effect_ends_early() -> None:
    clock = Clock()
    effect = SlowEffect(clock, 2.0)
    assert run_trial(effect, RATE, 1, 256, BLOCK_S, clock).is_overload
    assert effect.num_calls < 6


def test_a_trial_run_refuses_an_effect_that_returns_ever_less() -> None:
    class Halving(LateEffect):
        def process(self, input_array, *_args, **_options):  # type: ignore[no-untyped-def]
            return input_array[:, ::2]

    with pytest.raises(RuntimeError, match="fewer samples"):
        run_trial(Halving(), RATE, 1, 1024, BLOCK_S)
