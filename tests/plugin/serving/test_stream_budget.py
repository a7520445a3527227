"""Admission of streams by load, number and how well the running ones are held."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

budget_module = pytest.importorskip("hushgate.serving.streams.stream_budget")


def test_streams_are_taken_until_their_loads_reach_the_limit() -> None:
    budget = budget_module.StreamBudget(max_streams=10, max_load=0.5)
    with ExitStack() as running:
        for _ in range(4):
            running.enter_context(budget.room_for(0.12))
        with pytest.raises(ValueError, match="holds 4 streams in real time and has no room"):
            budget.check(0.12)
        budget.check(0.02)
    budget.check(0.5)
    assert (budget.num_streams, budget.load) == (0, 0.0)


def test_a_stream_that_will_never_fit_is_told_so() -> None:
    budget = budget_module.StreamBudget(max_streams=10, max_load=0.5)
    with pytest.raises(ValueError, match=r"needs 0.60 cores .* Choose a lighter preset"):
        budget.check(0.6)


def test_while_running_streams_are_hardly_held_no_other_is_taken() -> None:
    budget = budget_module.StreamBudget(max_streams=10, max_load=10.0)
    with budget.room_for(0.1):
        for _ in range(1000):
            budget.count_frame(0.009, 0.010)
        with pytest.raises(ValueError, match="hardly keeps up with the 1 streams"):
            budget.check(0.1)
        for _ in range(1000):
            budget.count_frame(0.001, 0.010)
        budget.check(0.1)
        for _ in range(1000):
            budget.count_frame(0.009, 0.010)
    budget.check(0.1)
