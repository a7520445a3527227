"""Overload detection: bursts and single delays pass, lasting overload does not."""

from __future__ import annotations

import pytest

from hushgate.live.processing.overload import OverloadGuard
from tests.helpers.live_fakes import RATE

BLOCK_S = 256 / RATE


def test_guard_lets_work_that_comes_in_bursts_pass() -> None:
    guard = OverloadGuard(BLOCK_S)
    costs = [1.8 * BLOCK_S, 0.0, 0.0] * 1000
    assert not any(guard.record(cost, BLOCK_S) for cost in costs)


def test_guard_lets_a_single_hiccup_pass_however_long() -> None:
    guard = OverloadGuard(BLOCK_S)
    costs = [0.1 * BLOCK_S] * 500 + [0.5] + [0.1 * BLOCK_S] * 500
    assert not any(guard.record(cost, BLOCK_S) for cost in costs)


@pytest.mark.parametrize(("load", "longest_s"), [(1.1, 0.6), (1.5, 0.15), (3.0, 0.05), (200.0, 0.02)])
def test_guard_notices_lasting_overload_soon(load: float, longest_s: float) -> None:
    guard = OverloadGuard(BLOCK_S)
    sound_s = BLOCK_S
    while not guard.record(load * BLOCK_S, BLOCK_S):
        sound_s += BLOCK_S
        assert sound_s < longest_s
    guard.reset()
    assert not guard.record(load * BLOCK_S, BLOCK_S)


def test_guard_waits_for_as_long_as_the_devices_do() -> None:
    """Hiccups of 150 ms, four times: a device that holds 200 ms plays on, one that holds a block does not."""
    costs = ([0.15] + [0.05 * BLOCK_S] * 60) * 4
    assert not any(map(OverloadGuard(0.2).record, costs, [BLOCK_S] * len(costs)))
    assert any(map(OverloadGuard(BLOCK_S).record, costs, [BLOCK_S] * len(costs)))


def test_guard_forgets_what_is_long_ago() -> None:
    guard = OverloadGuard(BLOCK_S)
    costs = ([0.025] + [0.1 * BLOCK_S] * 600) * 5
    assert not any(guard.record(cost, BLOCK_S) for cost in costs)
