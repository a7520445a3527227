"""Masks that are refined by the noise that they have removed on average."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hushgate.engine import BlockDenoiser, load_model
from hushgate.engine.mask_runner import MaskRunner
from hushgate.engine.steady_noise import SteadyNoise
from tests.helpers import tiny_models
from tests.helpers.sounds import assert_close

Spectra = NDArray[np.complex64]
HOP_S = 0.023
BINS = 400


def noise(rng: np.random.Generator, *shape: int) -> Spectra:
    return (0.01 * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))).astype(np.complex64)


def tones(rng: np.random.Generator, num_frames: int) -> Spectra:
    """Every tenth bin sounds, a second at a time."""
    music = np.zeros((1, num_frames, BINS), np.complex64)
    music[:, :, 5::10] = 0.03 * np.exp(2j * np.pi * rng.random((1, num_frames, BINS // 10)))
    music *= (np.arange(num_frames) // 40 % 2)[:, None]
    return music


def doubtful_mask(rng: np.random.Generator, sound: Spectra, hiss: Spectra) -> Spectra:
    """A Wiener mask whose idea of the noise is wrong by 6 dB or so, differently in every bin."""
    wanted, added = np.abs(sound) ** 2, np.full(sound.shape, np.mean(np.abs(hiss) ** 2))
    added *= 10.0 ** (0.6 * rng.standard_normal(sound.shape))
    result: Spectra = (wanted.mean(0) / (wanted.mean(0) + added.mean(0)) + 0.05)[None].astype(np.complex64)
    return result


def refined(
    steady: SteadyNoise, sound: Spectra, mask: Spectra, *, paired: bool, num_frames: int = 1000
) -> Spectra:
    target = np.full_like(sound, np.nan)
    for first in range(0, sound.shape[1], num_frames):
        now = slice(first, first + num_frames)
        steady.apply(sound[:, now], mask[:, now], target[:, now], paired=paired)
    return target


def error_db(found: Spectra, wanted: Spectra) -> float:
    """Of the part after the first second."""
    found, wanted = found[:, 50:], wanted[:, 50:]
    return float(10.0 * np.log10(np.sum(np.abs(found - wanted) ** 2) / np.sum(np.abs(wanted) ** 2)))


@pytest.mark.parametrize("num_channels", [1, 3])
def test_noise_that_a_mask_lets_through_now_and_then_is_held_back(
    num_channels: int, rng: np.random.Generator
) -> None:
    music = np.repeat(tones(rng, 400), num_channels, axis=0)
    sound = music + noise(rng, num_channels, 400, BINS)
    mask = np.where((music[:1] != 0.0) | (rng.random((1, 400, BINS)) < 0.1), 0.8, 0.1).astype(np.complex64)
    found = refined(SteadyNoise(num_channels, BINS, HOP_S), sound, mask, paired=False)
    assert error_db(found, music) < error_db(mask * sound, music) - 1.0


def test_hiss_leaves_the_other_side_of_music_from_the_middle(rng: np.random.Generator) -> None:
    music = np.repeat(tones(rng, 400), 2, axis=0)
    hiss = noise(rng, 2, 400, BINS)
    mask = doubtful_mask(rng, music, hiss)
    found = [
        refined(SteadyNoise(2, BINS, HOP_S), music + hiss, mask, paired=paired) for paired in (False, True)
    ]
    assert error_db(found[1], music) < error_db(found[0], music) - 1.0


@pytest.mark.parametrize("balance", [1.0, 0.5, -0.5, -1.0, 0.0])
def test_what_comes_from_one_direction_stays_there(balance: float, rng: np.random.Generator) -> None:
    one = noise(rng, 1, 100, BINS)
    sound = np.concatenate([one, np.float32(balance) * one])
    mask = np.full((1, 100, BINS), 0.5, np.complex64)
    found = refined(SteadyNoise(2, BINS, HOP_S), sound, mask, paired=True)
    assert_close(found[1], np.float32(balance) * found[0], abs=1e-7)
    alone = refined(SteadyNoise(1, BINS, HOP_S), one, mask, paired=False)
    assert_close(found[:1], alone, rel=1e-3, abs=1e-7)


def test_noise_that_both_channels_share_leaves_the_side_alone(rng: np.random.Generator) -> None:
    side = tones(rng, 400)
    music = np.concatenate([side, -side])
    hiss = np.repeat(noise(rng, 1, 400, BINS), 2, axis=0)
    mask = doubtful_mask(rng, music, hiss)
    found = refined(SteadyNoise(2, BINS, HOP_S), music + hiss, mask, paired=True)
    plain = mask * (music + hiss)
    kept = [np.sum(np.abs(s[0] - s[1])[50:] ** 2) for s in (found, plain)]
    assert kept[0] > kept[1]
    assert error_db(found, music) < error_db(plain, music)  # type: ignore[arg-type]


@pytest.mark.parametrize("paired", [False, True])
def test_what_passes_whole_stays_as_it_is(paired: bool, rng: np.random.Generator) -> None:
    sound = noise(rng, 2, 100, BINS)
    found = refined(SteadyNoise(2, BINS, HOP_S), sound, np.ones_like(sound[:1]), paired=paired)
    assert_close(found, sound, rel=1e-5, abs=1e-9)


def test_what_was_removed_by_60_db_does_not_come_back(rng: np.random.Generator) -> None:
    sound = noise(rng, 2, 100, BINS)
    sound[:, 60:] *= np.float32(30.0)  # loud against all that was removed before
    mask = np.full((1, 100, BINS), 0.001, np.complex64)
    found = refined(SteadyNoise(2, BINS, HOP_S), sound, mask, paired=True)
    power = (np.abs(found) ** 2).sum((0, 2)) / (np.abs(mask * sound) ** 2).sum((0, 2))
    assert power.max() < 10.0**0.05


@pytest.mark.parametrize("num_frames", [1, 3, 8, 11])
def test_the_result_does_not_depend_on_how_many_frames_come_at_once(
    num_frames: int, rng: np.random.Generator
) -> None:
    music, hiss = np.repeat(tones(rng, 100), 2, axis=0), noise(rng, 2, 100, BINS)
    mask = doubtful_mask(rng, music, hiss)
    whole, parts = (
        refined(SteadyNoise(2, BINS, HOP_S), music + hiss, mask, paired=True, num_frames=count)
        for count in (100, num_frames)
    )
    assert_close(parts, whole, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("num_bins", [1, 2, 3, 17, 1024])
def test_any_number_of_bins_has_bands(num_bins: int, rng: np.random.Generator) -> None:
    sound = noise(rng, 2, 20, num_bins)
    mask = np.full((1, 20, num_bins), 0.5, np.complex64)
    assert np.isfinite(refined(SteadyNoise(2, num_bins, HOP_S), sound, mask, paired=True)).all()


def test_silence_and_the_loudest_sound_leave_numbers(rng: np.random.Generator) -> None:
    steady = SteadyNoise(2, BINS, HOP_S)
    mask = np.full((1, 200, BINS), 0.5, np.complex64)
    for level in (0.0, 1e14, 0.0, 1.0):
        found = refined(steady, noise(rng, 2, 200, BINS) * np.float32(level), mask, paired=True)
        assert np.isfinite(found).all()


def test_a_file_says_whether_its_noise_is_steady(tmp_path: Path, rng: np.random.Generator) -> None:
    hiss = 0.05 * rng.standard_normal((2, 32_000)).astype(np.float32)
    level_db = {}
    for steady in (False, True):
        path = tiny_models.constant_mask(0.5, steady_noise=steady).save(tmp_path / f"{steady}.onnx")
        assert load_model(path).info.steady_noise == steady
        denoiser = BlockDenoiser(path)
        denoiser.prepare(16_000, 32_000, 2)
        sound = denoiser.process(hiss)
        level_db[steady] = 10.0 * np.log10(np.mean(sound[:, 16_000:] ** 2))
    # What is removed is noise, says the mask by half: so more of it goes.
    assert level_db[True] < level_db[False] - 1.0


def test_changing_the_link_carries_the_noise_over(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tiny_models.constant_mask(0.5, steady_noise=True).save(tmp_path / "steady.onnx")
    runner = MaskRunner(load_model(path), 2, 257)
    sound = noise(rng, 2, 600, 257)
    target = np.empty_like(sound)
    for part, linked in enumerate((True, False, True)):
        now = slice(200 * part, 200 * part + 200)
        runner.apply(sound[:, now], sound[:, now], target[:, now], linked=linked)
    gains = np.sqrt((np.abs(target) ** 2).mean((0, 2)) / (np.abs(sound) ** 2).mean((0, 2)))
    assert gains[205:] == pytest.approx(gains[150:200].mean(), rel=0.1)
