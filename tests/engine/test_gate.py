"""The gate: decisions, and movements in dB and ms whatever the step or the sample rate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hushgate.engine.gate import GateCore
from hushgate.engine.parameters import ParameterValues
from tests.helpers.sounds import decibels

LOUD, BETWEEN, QUIET = (
    1e-2,
    10**-4.3,
    1e-8,
)  # -20, -43, -80 dBFS against a threshold of -40 and 6 dB hysteresis
STEPS_MS = (0.5, 1.0, 5.0, 16.0, 23.22)


def settings(**changes: float) -> ParameterValues:
    quick = {
        "gate_threshold_db": -40.0,
        "attack_ms": 0.0,
        "hold_ms": 0.0,
        "release_ms": 0.0,
        "presence_db": -60.0,
    }
    return ParameterValues(**{**quick, **changes})


def gains(core: GateCore, *powers: float) -> list[float]:
    return [core.step(power) for power in powers]


def test_it_starts_closed_at_the_floor_and_opens_at_the_threshold() -> None:
    core = GateCore(settings(gate_floor_db=-60.0), 16.0)
    assert gains(core, 0.0, QUIET, 10**-4.01) == pytest.approx([1e-3] * 3)
    assert core.step(1e-4) == 1.0
    assert core.is_open


def test_between_the_thresholds_it_stays_as_it_is() -> None:
    core = GateCore(settings(), 16.0)
    assert gains(core, BETWEEN, LOUD, BETWEEN, BETWEEN) == pytest.approx([1e-4, 1.0, 1.0, 1.0])
    assert gains(core, 10**-4.61, BETWEEN) == pytest.approx([1e-4, 1e-4])


def test_it_opens_only_for_what_stands_out_from_the_noise() -> None:
    core = GateCore(settings(presence_db=3.0), 16.0)
    assert core.step(LOUD, ratio=1.9) == pytest.approx(1e-4)
    assert core.step(LOUD, ratio=2.1) == 1.0
    assert core.step(LOUD, ratio=0.6) == 1.0  # 3 - 6 dB keeps it open
    assert core.step(LOUD, ratio=0.4) == pytest.approx(1e-4)
    unconditional = GateCore(settings(presence_db=-60.0), 16.0)
    assert unconditional.step(LOUD, ratio=0.0) == 1.0


@pytest.mark.parametrize("step_ms", STEPS_MS)
@pytest.mark.parametrize("attack_ms", [20.0, 150.0])
def test_attack_covers_63_percent_of_the_gain_in_its_time(step_ms: float, attack_ms: float) -> None:
    core = GateCore(settings(attack_ms=attack_ms, gate_floor_db=-80.0), step_ms)
    times = step_ms * np.arange(1, math.ceil(6 * attack_ms / step_ms))
    curve = np.array(gains(core, *[LOUD] * len(times)))
    assert curve == pytest.approx(1.0 - (1.0 - 1e-4) * np.exp(-times / attack_ms), abs=1e-9)


@pytest.mark.parametrize("step_ms", STEPS_MS)
@pytest.mark.parametrize(("hold_ms", "release_ms"), [(0.0, 100.0), (70.0, 100.0), (100.0, 25.0), (33.0, 0.0)])
def test_hold_and_release_follow_their_times_whatever_the_step(
    step_ms: float, hold_ms: float, release_ms: float
) -> None:
    core = GateCore(settings(hold_ms=hold_ms, release_ms=release_ms, gate_floor_db=-60.0), step_ms)
    core.step(LOUD)
    quiet_ms = step_ms * np.arange(1, 1 + math.ceil(500.0 / step_ms))
    curve = decibels(np.array(gains(core, *[QUIET] * len(quiet_ms))))
    released_ms = np.maximum(0.0, quiet_ms - hold_ms)
    if release_ms:
        expected = -60.0 * (1.0 - np.exp(-released_ms / release_ms))
    else:
        expected = np.where(released_ms > 0.0, -60.0, 0.0)
    assert curve == pytest.approx(expected, abs=1e-6)


def test_sound_within_the_hold_keeps_it_open_without_a_dip() -> None:
    core = GateCore(settings(hold_ms=100.0), 10.0)
    pulses = ([LOUD] + [QUIET] * 9) * 20
    assert gains(core, *pulses) == [1.0] * 200


def test_it_opens_again_during_the_release_from_where_it_is() -> None:
    core = GateCore(settings(release_ms=100.0, attack_ms=50.0), 10.0)
    core.step(LOUD)
    for _ in range(100):
        core.step(LOUD)
    down = gains(core, *[QUIET] * 5)
    up = gains(core, *[LOUD] * 3)
    assert down == sorted(down, reverse=True)
    assert up[0] > down[-1]
    assert up == sorted(up)


def test_switched_off_it_is_open_from_the_start() -> None:
    core = GateCore(settings(gate_threshold_db=-math.inf, attack_ms=1000.0), 10.0)
    assert core.idle
    assert core.step(0.0, ratio=0.0) == 1.0


def test_switching_off_opens_a_closed_gate_through_the_attack() -> None:
    core = GateCore(settings(attack_ms=100.0), 10.0)
    core.step(QUIET)
    core.configure(settings(gate_threshold_db=-math.inf, attack_ms=100.0), 10.0)
    curve = gains(core, *[0.0] * 200)
    assert curve == sorted(curve)
    assert curve[0] < 0.2
    assert core.idle


def test_settings_out_of_range_are_refused_by_their_names() -> None:
    with pytest.raises(ValueError, match=r"^gate_threshold_db must be between -100\.0 and 0\.0 dBFS"):
        ParameterValues(gate_threshold_db=3.0)
    with pytest.raises(ValueError, match=r"^hold_ms must be between"):
        ParameterValues(hold_ms=math.nan)
    with pytest.raises(TypeError, match=r"^gate_floor_db must be a number"):
        ParameterValues(gate_floor_db="low")
    with pytest.raises(TypeError, match=r"^there is no parameter 'threshold_db'"):
        ParameterValues(threshold_db=-40.0)


def test_settings_are_values_equal_hashable_and_fixed() -> None:
    assert settings(hold_ms=5) == settings(hold_ms=5.0) != settings(hold_ms=6.0)
    assert len({settings(hold_ms=5), settings(hold_ms=5.0)}) == 1
    with pytest.raises(AttributeError, match="hold_ms of ParameterValues cannot be changed"):
        settings().hold_ms = 6.0
