"""Files whose noise and hum are known from the first sample on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from hushgate import Chain, Denoiser, HumRemover, available_models, stream_file
from hushgate.engine import BlockDenoiser
from hushgate.rendering.learn_ahead import learn_ahead
from tests.helpers.sounds import mains_hum, power_db
from tests.helpers.strings import PLUCK_S, pluck

RATE = 16_000
Sound = NDArray[np.float32]


@pytest.fixture
def humming(tmp_path: Path) -> Path:
    """9 s of 60 Hz hum and a little hiss."""
    path = tmp_path / "hum.wav"
    sound = mains_hum(60.0, 9 * RATE, RATE) + hiss(9 * RATE, 1e-5)
    soundfile.write(path, sound.T, RATE, subtype="FLOAT")
    return path


def hiss(num_samples: int, level: float) -> Sound:
    return (level * np.random.default_rng(5).standard_normal((1, num_samples))).astype(np.float32)


def cleaned(effect: Denoiser | HumRemover | Chain, path: Path, *, learn: bool = True) -> Sound:
    return np.concatenate(list(stream_file(effect, path, learn=learn)), axis=1)


@pytest.mark.parametrize("nested", [False, True])
def test_hum_of_a_file_is_gone_from_the_first_sample(humming: Path, nested: bool) -> None:
    remover: HumRemover | Chain = HumRemover(60.0)
    if nested:
        remover = Chain([Chain([remover])])
    first = slice(RATE // 10)
    assert power_db(cleaned(remover, humming)[:, first]) < -75.0
    assert power_db(cleaned(remover, humming, learn=False)[:, first]) > -40.0


def test_a_second_file_does_not_inherit_the_first_ones_hum(humming: Path, tmp_path: Path) -> None:
    remover = HumRemover(60.0)
    cleaned(remover, humming)
    sound = hiss(9 * RATE, 0.01)
    soundfile.write(tmp_path / "hiss.wav", sound.T, RATE, subtype="FLOAT")
    np.testing.assert_array_equal(cleaned(remover, tmp_path / "hiss.wav"), sound)
    np.testing.assert_array_equal(remover(sound, RATE), sound)


@pytest.mark.skipif("music" not in available_models(), reason="the music model is not shipped")
def test_the_first_tenth_of_a_second_of_noise_is_as_quiet_as_the_rest(tmp_path: Path) -> None:
    rate = 44_100
    soundfile.write(tmp_path / "hiss.wav", hiss(8 * rate, 0.01).T, rate, subtype="FLOAT")
    denoiser = Denoiser("music")
    path = tmp_path / "hiss.wav"
    with_learning, without = cleaned(denoiser, path), cleaned(denoiser, path, learn=False)
    first, rest = slice(rate // 10), slice(rate // 10, rate)
    assert power_db(with_learning[:, first]) < power_db(with_learning[:, rest]) + 3.0
    assert power_db(with_learning[:, first]) < power_db(without[:, first]) - 20.0


@pytest.mark.parametrize("preset", ["gate-bass", "gate-hard", "guitar", "tuner", "music"])
def test_a_note_at_the_first_sample_stays(preset: str, tmp_path: Path) -> None:
    """Played backwards it is a swell: a guitar's model that heard it so removed it by up to 148 dB."""
    rate = 44_100
    plucks = [pluck(frequency_hz, sample_rate=rate) for frequency_hz in (110.0, 146.8, 196.0)]
    notes = np.concatenate(plucks)[round(PLUCK_S * rate) :]
    path = tmp_path / "notes.wav"
    soundfile.write(path, notes, rate, subtype="FLOAT")
    effect = Chain.from_preset(preset)
    with_learning, without = (cleaned(effect, path, learn=learn) for learn in (True, False))
    first = slice(rate // 2)
    assert power_db(with_learning[:, first]) == pytest.approx(power_db(without[:, first]), abs=1.0)


def test_learning_by_hand_is_what_files_get(humming: Path, stateful: str) -> None:
    sound = soundfile.read(humming, dtype="float32")[0]
    denoiser = Denoiser(stateful, hum_reduction_db=40.0)
    expected = cleaned(denoiser, humming)[0]
    denoiser.learn()
    latency = denoiser.latency_samples_at(RATE)
    passed = denoiser(sound, RATE, reset=False)
    np.testing.assert_array_equal(passed, sound[: len(sound) - latency])
    np.testing.assert_allclose(denoiser(sound, RATE), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("hum_reduction_db", "num_channels", "seconds"), [(0.0, 1, 8), (40.0, 1, 30), (40.0, 200, 11)]
)
def test_so_much_is_taken_beforehand(
    stateful: str, hum_reduction_db: float, num_channels: int, seconds: int
) -> None:
    blocks = (np.zeros((num_channels, RATE), np.float32) for _ in range(60))
    taken = learn_ahead(Denoiser(stateful, hum_reduction_db=hum_reduction_db), blocks, RATE, RATE)
    assert len(taken) == seconds


def test_of_a_long_block_the_beginning_alone_is_run_through(
    stateful: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    process = BlockDenoiser.process

    def counting(self: BlockDenoiser, block: Sound) -> Sound:
        sizes.append(block.shape[1])
        return process(self, block)

    monkeypatch.setattr(BlockDenoiser, "process", counting)
    learn_ahead(Denoiser(stateful), iter([np.zeros((1, 60 * RATE), np.float32)]), RATE, RATE)
    assert sum(sizes) == pytest.approx(8 * RATE, abs=RATE / 10)


def test_sound_that_is_not_from_files_learns_nothing(stateful: str) -> None:
    sound = hiss(RATE, 0.1)
    denoiser = Denoiser(stateful)
    first = denoiser(sound, RATE)
    np.testing.assert_array_equal(denoiser(sound, RATE), first)
