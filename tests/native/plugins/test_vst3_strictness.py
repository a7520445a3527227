"""Pluginval's list on the VST3 in pedalboard; sound and state are in test_plugins.py."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.native.compiled import build_plugins
from tests.native.plugins.test_plugins import RATE
from tests.native.test_parity import Audio, sound

pytestmark = pytest.mark.level(7)


def _names() -> list[str]:
    return [*build_plugins().core_parameters(), "model", "bypass"]


def _load(plugins: Path) -> Any:
    pedalboard = pytest.importorskip("pedalboard", reason="no pedalboard")
    return pedalboard.load_plugin(str(plugins / "hushgate.vst3"))


def _assert_sound(out: Audio) -> None:
    assert np.isfinite(out).all()
    tiny = np.finfo(np.float32).tiny
    assert not ((out != 0.0) & (np.abs(out) < tiny)).any()


def test_opened_again_it_sounds_the_same(plugins: Path) -> None:
    audio = sound(RATE, 2)
    outputs = []
    for _ in range(2):
        plugin = _load(plugins)
        outputs.append(plugin(audio, RATE))
        del plugin
    np.testing.assert_array_equal(*outputs)


def test_programs_switch_while_sound_runs(plugins: Path, rng: np.random.Generator) -> None:
    plugin = _load(plugins)
    audio = sound(RATE, 2)
    settings = set()
    for value in (0.0, *rng.random(5), 0.0):
        plugin.parameters["current_program"].raw_value = float(value)
        _assert_sound(plugin(audio[:, :4_800], RATE, reset=False))
        settings.add(tuple(round(plugin.parameters[name].raw_value, 6) for name in _names()))
    assert len(settings) > 1


def test_automation_of_everything_in_short_blocks(plugins: Path, rng: np.random.Generator) -> None:
    plugin = _load(plugins)
    names = _names()
    audio = sound(RATE, 2)
    for at in range(0, 9_600, 32):
        for name in rng.choice(names, 3):
            plugin.parameters[name].raw_value = float(rng.choice([0.0, 1.0, rng.random()]))
        _assert_sound(plugin(audio[:, at : at + 32], RATE, buffer_size=32, reset=False))


def test_other_rates_and_blocks_without_a_reset(plugins: Path) -> None:
    plugin = _load(plugins)
    for rate, block in ((44_100, 64), (96_000, 1_024), (48_000, 1), (192_000, 511), (8_000, 480)):
        _assert_sound(plugin(sound(rate, 2)[:, :3_000], rate, buffer_size=block, reset=False))


def test_parameters_and_state_from_another_thread(plugins: Path, rng: np.random.Generator) -> None:
    plugin = _load(plugins)
    audio = sound(RATE, 2)
    plugin(audio[:, :512], RATE)
    state = plugin.raw_state
    ending = threading.Event()
    faults: list[BaseException] = []

    def disturb() -> None:
        try:
            while not ending.is_set():
                for name in _names():
                    plugin.parameters[name].raw_value = float(rng.random())
                repr(plugin)
                plugin.raw_state = state
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for at in range(0, 500 * 32, 32):
            _assert_sound(plugin(audio[:, at : at + 32], RATE, buffer_size=32, reset=False))
    finally:
        ending.set()
        thread.join()
    assert faults == []


def test_bypass_passes_the_delayed_input(plugins: Path) -> None:
    plugin = _load(plugins)
    plugin.parameters["bypass"].raw_value = 1.0
    plugin.output = "residual"
    audio = sound(RATE, 2)
    np.testing.assert_array_equal(plugin(audio, RATE), audio)
