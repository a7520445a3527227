"""Linked dynamics: one gain for all channels, in any layout, whole or as a stream."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pedalboard
import pytest
import soundfile

from hushgate import Chain, Linked, PresetError, available_models, available_presets, load_preset

CLEAN = Path(__file__).parents[2] / "data" / "clean_speech.flac"
RATE = 24_000
# Their models take speech for noise.
MAY_BE_SILENT = ("gate-bass", "gate-hard", "guitar", "tuner")


def dynamics() -> list[pedalboard.Plugin]:
    return [
        pedalboard.Compressor(-30.0, ratio=4.0, attack_ms=5.0, release_ms=100.0),
        pedalboard.Limiter(-6.0, release_ms=100.0),
    ]


@pytest.fixture(scope="module")
def panned() -> np.ndarray:
    """Speech 6 dB to the left."""
    speech = soundfile.read(CLEAN, dtype="float32")[0][: 4 * RATE]
    return np.stack([speech, speech * np.float32(0.5)])


def shift_db(sound: np.ndarray) -> np.ndarray:
    """Level of the left above the right channel in windows of 50 ms that sound, dB."""
    size = RATE // 20
    windows = sound[:, : sound.shape[1] // size * size].reshape(2, -1, size)
    power = np.mean(np.square(windows, dtype=np.float64), axis=2)
    sounding = power[0] > 1e-3 * power[0].max()
    return np.asarray(10.0 * np.log10(power[0, sounding] / power[1, sounding]))


def test_the_image_stays(panned: np.ndarray) -> None:
    moved = shift_db(pedalboard.Pedalboard(dynamics())(panned, RATE))
    assert np.ptp(moved) > 1.0  # pedalboard's own move it
    assert shift_db(Linked(dynamics())(panned, RATE)) == pytest.approx(20.0 * np.log10(2.0), abs=0.01)


@pytest.mark.skipif("voice" not in available_models(), reason="the voice model is not shipped")
@pytest.mark.parametrize("name", [preset.name for preset in map(load_preset, available_presets())])
def test_every_shipped_preset_keeps_the_image(name: str, panned: np.ndarray) -> None:
    output = Chain.from_preset(name)(panned, RATE)
    is_silent = np.max(np.abs(output)) < 1e-3
    assert not is_silent or name in MAY_BE_SILENT
    if not is_silent:
        assert shift_db(output) == pytest.approx(20.0 * np.log10(2.0), abs=0.1)


def test_mono_gets_what_the_plugins_give(panned: np.ndarray) -> None:
    expected = pedalboard.Pedalboard(dynamics())(panned[0], RATE)
    assert np.array_equal(Linked(dynamics())(panned[0], RATE), expected)


def test_the_loudest_channel_sets_the_gain(panned: np.ndarray) -> None:
    expected = pedalboard.Pedalboard(dynamics())(panned[0], RATE)
    assert Linked(dynamics())(panned, RATE)[0] == pytest.approx(expected, abs=1e-6)
    assert Linked(dynamics())(panned[::-1], RATE)[1] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("block_size", [1, 480, 511, 9000])
def test_output_does_not_depend_on_block_size(block_size: int, panned: np.ndarray) -> None:
    sound = panned[:, :20_000]
    whole = Linked(dynamics())(sound, RATE)
    linked = Linked(dynamics())
    linked.process(sound[:, :100], RATE)
    linked.reset()
    linked.process(np.zeros((2, 0), np.float32), RATE, reset=False)
    if block_size == 1:
        sound = sound[:, :2000]
    blocks = [
        linked(sound[:, start : start + block_size], RATE, reset=False)
        for start in range(0, sound.shape[1], block_size)
    ]
    assert np.concatenate(blocks, axis=1) == pytest.approx(whole[:, : sound.shape[1]], abs=1e-6)


def test_silence_stays_silence_and_layouts_come_back(panned: np.ndarray) -> None:
    assert not Linked(dynamics())(np.zeros((2, 4800), np.float32), RATE).any()
    upright = Linked(dynamics())(panned.T, RATE)
    assert np.array_equal(upright.T, Linked(dynamics())(panned, RATE))


def test_a_hard_panned_sound_leaves_the_other_channel_silent(panned: np.ndarray) -> None:
    sound = np.stack([panned[0], np.zeros_like(panned[0])])
    output = Linked(dynamics())(sound, RATE)
    assert not output[1].any()
    assert np.isfinite(output).all()


def test_copies_presets_and_pickles_hold_the_settings(panned: np.ndarray, tmp_path: Path) -> None:
    expected = Chain([Linked(dynamics())])(panned, RATE)
    chain = Chain([Linked(dynamics())])
    chain.save_preset(tmp_path / "linked.toml")
    for other in (
        copy.deepcopy(chain),
        pickle.loads(pickle.dumps(chain)),
        Chain.from_preset(tmp_path / "linked.toml"),
        Chain([Linked.from_dict(Linked(dynamics()).to_dict())]),
    ):
        assert np.array_equal(other(panned, RATE), expected)


def test_the_readings_are_those_of_its_plugins() -> None:
    linked, (plugin, _) = Linked(dynamics()), dynamics()
    assert (linked.is_effect, linked.is_instrument) == (plugin.is_effect, plugin.is_instrument)
    assert linked.latency_samples == linked.reported_latency_samples == 0


def test_other_effects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Linked takes Compressor, Limiter and NoiseGate"):
        Linked([pedalboard.Reverb()])
    path = tmp_path / "wrong.toml"
    text = 'version = 1\nname = "wrong"\ndescription = ""\n[[chain]]\neffect = "Linked"\n'
    path.write_text(text + 'effects = [{ effect = "Reverb" }]\n', encoding="utf-8")
    with pytest.raises(PresetError, match=r"chain\[0\].*Linked takes"):
        load_preset(path)
