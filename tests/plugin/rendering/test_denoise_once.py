"""`hushgate.denoise`: arrays and paths, presets and loudness, players in a notebook."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile

import hushgate
from hushgate import Chain, Denoiser
from hushgate.measuring.loudness_meter import LoudnessMeter
from tests.helpers.blocks import as_file
from tests.helpers.seeded_noise import noise

RATE = 48_000


@pytest.fixture
def preset(tmp_path: Path, models: Path) -> str:
    """A preset with a loudness."""
    path = tmp_path / "loud.toml"
    path.write_text(
        f'version = 1\nloudness = -20\n[[chain]]\neffect = "Denoiser"\nmodel = "{models / "half.onnx"}"\n'
    )
    return str(path)


def loudness(sound: np.ndarray) -> float | None:
    meter = LoudnessMeter(RATE, len(sound))
    meter.update(np.asarray(sound))
    return meter.lufs


@pytest.mark.parametrize("shape", [(RATE,), (2, RATE), (RATE, 2)])
def test_an_array_comes_back_in_its_layout(stateful: str, shape: tuple[int, ...]) -> None:
    sound = noise(RATE, 2).reshape(-1)[: int(np.prod(shape))].reshape(shape)
    clean = hushgate.denoise(sound, RATE, model=stateful)
    np.testing.assert_array_equal(clean, as_file(Denoiser(stateful), sound, RATE))
    assert clean.sample_rate == RATE
    assert np.asarray(clean[..., :10]).dtype == np.float32


def test_a_path_brings_its_rate(tmp_path: Path, stateful: str) -> None:
    path = tmp_path / "take.wav"
    soundfile.write(path, noise(RATE, 2), RATE, subtype="FLOAT")
    clean = hushgate.denoise(path, model=stateful, mix=0.5)
    assert (clean.shape, clean.sample_rate) == ((2, RATE), RATE)


def test_a_preset_brings_its_loudness(preset: str, tmp_path: Path) -> None:
    sound = noise(3 * RATE, 2).T.astype(np.float32)
    assert loudness(hushgate.denoise(sound, RATE, preset=preset)) == pytest.approx(-20.0, abs=0.2)
    assert loudness(hushgate.denoise(sound, RATE, preset=preset, loudness=-30)) == pytest.approx(
        -30.0, abs=0.2
    )
    plain = hushgate.denoise(sound, RATE, preset=preset, loudness=None)
    np.testing.assert_array_equal(plain, as_file(Chain.from_preset(preset), sound, RATE))


def test_a_preset_with_a_loudness_takes_an_empty_sound(preset: str) -> None:
    clean = hushgate.denoise(np.zeros((2, 0), np.float32), RATE, preset=preset)
    assert (clean.shape, clean.sample_rate) == ((2, 0), RATE)


def test_a_clean_sound_keeps_its_rate_on_the_way_to_another_process(stateful: str) -> None:
    clean = hushgate.denoise(noise(RATE, 2), RATE, model=stateful)
    for copied in (pickle.loads(pickle.dumps(clean)), copy.copy(clean), copy.deepcopy(clean)):
        assert isinstance(copied, type(clean))
        assert copied.sample_rate == RATE
        np.testing.assert_array_equal(copied, clean)


def test_presets_are_accepted_by_name_where_effects_are(preset: str, tmp_path: Path) -> None:
    sound = noise(3 * RATE, 1).reshape(1, -1).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", sound.T, RATE, subtype="FLOAT")
    done = hushgate.render(preset, tmp_path / "in.wav", tmp_path / "out.wav")
    assert done == 3 * RATE
    assert loudness(soundfile.read(tmp_path / "out.wav", dtype="float32")[0][None]) == pytest.approx(
        -20.0, abs=0.2
    )
    assert dict(done.summary.lines())["loudness"].endswith("dBTP")
    assert "noise floor" in done._repr_html_()
    streamed = np.concatenate(list(hushgate.stream(preset, [sound], RATE)), axis=1)
    filed = np.concatenate(list(hushgate.stream_file(preset, tmp_path / "in.wav")), axis=1)
    np.testing.assert_allclose(streamed, 0.5 * sound, atol=1e-5)
    np.testing.assert_allclose(streamed, filed, atol=1e-5)


def test_a_notebook_shows_labelled_players(identity: str) -> None:
    shown = hushgate.denoise(noise(RATE, 1).reshape(-1), RATE, model=identity)._repr_html_()
    for label in ("before", "after"):
        assert f'aria-label="{label}"' in shown
        assert f'alt="spectrogram, {label}"' in shown


def test_rates_are_for_samples_only(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="sample_rate must be given"):
        hushgate.denoise(np.zeros(100, np.float32))
    with pytest.raises(TypeError, match="sample_rate is that of the file"):
        hushgate.denoise(tmp_path / "a.wav", 48_000)
    with pytest.raises(TypeError, match=r"got 'podcast'\)\. Did you mean preset='podcast'\?"):
        hushgate.denoise(tmp_path / "a.wav", "podcast")  # type: ignore[arg-type]
    for wrong in (5, None):
        with pytest.raises(TypeError, match=f"sound must be samples or the path of a recording.*{wrong}"):
            hushgate.denoise(wrong)  # type: ignore[arg-type]


def test_something_else_in_place_of_an_effect_is_named(tmp_path: Path, identity: str) -> None:
    lists = "effect must be an effect or a preset .got list.. Wrap a list in Chain"
    for wrong, message in (
        ([hushgate.Denoiser(identity)], lists),
        (None, "got NoneType"),
        (hushgate.Denoiser, "got the class Denoiser"),
    ):
        with pytest.raises(TypeError, match=message):
            hushgate.render(wrong, tmp_path / "in.wav", tmp_path / "out.wav")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=message):
            list(hushgate.stream(wrong, [], RATE))  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=message):
            list(hushgate.stream_file(wrong, tmp_path / "in.wav"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"preset must be a shipped name.*\(got list\)"):
        hushgate.batch(tmp_path / "in.wav", tmp_path, preset=[])  # type: ignore[arg-type]
