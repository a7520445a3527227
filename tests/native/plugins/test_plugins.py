"""The plugins in hosts: VST3 in pedalboard, LV2 in our own (CLAP: test_clap.py). Compiling takes a minute."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hushgate.engine import PARAMETERS, BlockDenoiser, available_models, load_model
from tests.native.compiled import build_plugins
from tests.native.plugins.lv2_host import Lv2Host
from tests.native.test_hum import music_in_hum
from tests.native.test_parity import Audio, sound

RATE = 48_000
MODELS = tuple(build_plugins().plugin_models(available_models()))


def expected_sound(model: str, audio: Audio, **settings: Any) -> Audio:
    """What the denoiser of Python makes of a sound."""
    denoiser = BlockDenoiser(model, engine="onnx", **settings)
    denoiser.prepare(RATE, 8_192, len(audio))
    return denoiser.process(audio)


def _set_exactly(plugin: Any, name: str, value: float) -> None:
    """pedalboard rounds values to one of a thousand; the raw value is exact."""
    row = PARAMETERS[name]
    plugin.parameters[name].raw_value = (value - row.minimum) / (row.maximum - row.minimum)


def test_models_keep_their_numbers() -> None:
    assert MODELS[:4] == ("voice", "guitar", "music", "bass")
    assert build_plugins().plugin_models(["a", "music", "voice"]) == ["voice", "music", "a"]


def test_tables_hold_every_parameter_preset_and_model() -> None:
    script = build_plugins()
    source = script.tables_source(MODELS)
    names = script.core_parameters()
    assert names == list(PARAMETERS)
    for name in names:
        parameter = PARAMETERS[name]
        assert f'{{"{name}", ' in source
        assert f'"{parameter.description}"' in source
        for choice in parameter.choices or ():
            assert f'"{choice}"' in source
    assert '"none", 120.0f, std::numeric_limits<double>::infinity()' in source
    assert '"off", -100.0f, -std::numeric_limits<double>::infinity()' in source
    assert f"kNumParameters = {len(names) + 1};" in source
    assert f"kNumModels = {len(MODELS)};" in source
    assert '{"default", preset0},' in source
    for preset in ("podcast", "tuner", "music-hiss", "de-hum"):
        assert f'{{"{preset}", preset' in source


@pytest.mark.level(7)
@pytest.mark.parametrize("model", MODELS)
def test_vst3_in_pedalboard_gives_the_sound_of_the_denoiser(model: str, plugins: Path) -> None:
    pedalboard = pytest.importorskip("pedalboard")
    plugin = pedalboard.load_plugin(str(plugins / "hushgate.vst3"))
    assert set(build_plugins().core_parameters()) < set(plugin.parameters)
    plugin.model = model
    _set_exactly(plugin, "gate_threshold_db", -40.0)
    _set_exactly(plugin, "attenuation_limit_db", 20.0)
    _set_exactly(plugin, "mix", 0.75)
    audio = sound(RATE, 2)
    latency = load_model(model).latency_samples(RATE)
    padded = np.concatenate([audio, np.zeros((2, latency), np.float32)], axis=1)
    expected = expected_sound(model, padded, gate_threshold_db=-40.0, attenuation_limit_db=20.0, mix=0.75)
    found = plugin(audio, RATE, buffer_size=512)
    np.testing.assert_allclose(found, expected[:, latency:], rtol=0.0, atol=1e-5)
    assert plugin.reported_latency_samples == latency


@pytest.mark.level(7)
def test_the_program_of_a_new_plugin_is_its_defaults(plugins: Path) -> None:
    pedalboard = pytest.importorskip("pedalboard")
    plugin = pedalboard.load_plugin(str(plugins / "hushgate.vst3"))
    assert plugin.current_program == "default"
    names = [*build_plugins().core_parameters(), "model"]
    before = [plugin.parameters[name].raw_value for name in names]
    for value in (1.0, 0.0):
        plugin.parameters["current_program"].raw_value = value
        plugin(np.zeros((2, 512), np.float32), RATE)
    assert [plugin.parameters[name].raw_value for name in names] == pytest.approx(before, abs=1e-6)


@pytest.mark.level(7)
def test_vst3_keeps_its_settings_in_its_state(plugins: Path) -> None:
    pedalboard = pytest.importorskip("pedalboard")
    one, other = (pedalboard.load_plugin(str(plugins / "hushgate.vst3")) for _ in range(2))
    one.model, one.output, one.channel_link = "guitar", "residual", "independent"
    for name in ("mix", "gate_threshold_db", "hold_ms", "presence_db"):
        one.parameters[name].raw_value = 0.25
    one(np.zeros((2, 512), np.float32), RATE)  # a change reaches the state with the next block
    other.raw_state = one.raw_state
    for name in [*build_plugins().core_parameters(), "model"]:
        assert other.parameters[name].raw_value == pytest.approx(one.parameters[name].raw_value, abs=1e-6)
    assert (other.model, other.output, other.channel_link) == ("guitar", "residual", "independent")


@pytest.mark.level(7)
def test_vst3_survives_random_blocks_rates_and_settings(plugins: Path, rng: np.random.Generator) -> None:
    pedalboard = pytest.importorskip("pedalboard")
    plugin = pedalboard.load_plugin(str(plugins / "hushgate.vst3"))
    for _ in range(40):
        for name in [*build_plugins().core_parameters(), "model"]:
            plugin.parameters[name].raw_value = float(rng.random())
        rate = float(rng.choice([8_000, 22_050, 44_100, 48_000, 96_000]))
        audio = rng.standard_normal((2, int(rng.integers(100, 3_000)))).astype(np.float32)
        out = plugin(audio, rate, buffer_size=int(rng.integers(1, 1_000)), reset=bool(rng.random() < 0.5))
        assert np.isfinite(out).all()


@pytest.mark.level(7)
@pytest.mark.parametrize("model", MODELS)
def test_lv2_gives_the_sound_of_the_denoiser(model: str, plugins: Path) -> None:
    controls = {"mix": 0.75, "gate_threshold_db": -40.0, "output": 1.0, "model": float(MODELS.index(model))}
    host = Lv2Host(plugins / "hushgate.lv2", RATE, 256, controls)
    audio = sound(RATE, 2)
    expected = expected_sound(model, audio, mix=0.75, gate_threshold_db=-40.0, output="residual")
    np.testing.assert_allclose(host.process(audio), expected, rtol=0.0, atol=1e-5)
    host.close()


@pytest.mark.level(7)
def test_hum_is_removed_in_hosts(plugins: Path) -> None:
    pedalboard = pytest.importorskip("pedalboard")
    audio = music_in_hum(RATE, 50.0, 2, is_wide=True, seconds=10.0)
    expected = expected_sound("music", audio, hum_reduction_db=40.0)
    controls = {"hum_reduction_db": 40.0, "model": float(MODELS.index("music"))}
    host = Lv2Host(plugins / "hushgate.lv2", RATE, 256, controls)
    np.testing.assert_allclose(host.process(audio), expected, rtol=0.0, atol=1e-4)
    host.close()
    plugin = pedalboard.load_plugin(str(plugins / "hushgate.vst3"))
    plugin.model = "music"
    _set_exactly(plugin, "hum_reduction_db", 40.0)
    found = plugin(audio, RATE, buffer_size=512)
    late = plugin.reported_latency_samples
    assert late == load_model("music").latency_samples(RATE)
    np.testing.assert_allclose(found[:, :-late], expected[:, late:], rtol=0.0, atol=1e-4)


@pytest.mark.level(7)
def test_licences_go_along(plugins: Path) -> None:
    folders = (plugins, plugins / "hushgate.lv2", plugins / "hushgate.vst3" / "Contents" / "Resources")
    for path in build_plugins().LICENCES:
        for folder in folders:
            assert (folder / path.name).read_bytes() == path.read_bytes()


@pytest.mark.level(7)
def test_lv2_describes_itself(plugins: Path) -> None:
    program = shutil.which("lv2info")
    if program is None:
        pytest.skip("no lv2info (Debian's lilv-utils)")
    environment = {**os.environ, "LV2_PATH": str(plugins)}
    done = subprocess.run(
        [program, "urn:hushgate:denoiser"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in [*build_plugins().core_parameters(), "model"]:
        assert f"Symbol:      {name}\n" in done.stdout
