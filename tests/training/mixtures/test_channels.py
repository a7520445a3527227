"""Telephones, codecs, lost packets and overload: what happens to the mixture, and to the sound to keep."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.training.mixtures.channels import CHANNELS, compand

RATE = 16_000


@pytest.fixture
def sounds() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    clean = 0.1 * np.sin(2 * np.pi * 1000.0 * np.arange(RATE) / RATE)
    return (clean + 0.03 * rng.standard_normal(RATE)).astype(np.float32), clean.astype(np.float32)


@pytest.mark.parametrize("name", list(CHANNELS))
def test_both_sounds_come_out_as_long_and_inputs_stay(
    name: str, sounds: tuple[np.ndarray, np.ndarray]
) -> None:
    noisy, clean = sounds
    before = noisy.copy(), clean.copy()
    for seed in range(4):
        made = CHANNELS[name](noisy, clean, RATE, np.random.default_rng(seed))
        again = CHANNELS[name](noisy, clean, RATE, np.random.default_rng(seed))
        for one, other in zip(made, again, strict=True):
            assert one.dtype == np.float32
            assert one.shape == (RATE,)
            assert np.isfinite(one).all()
            assert np.array_equal(one, other)
    assert np.array_equal(noisy, before[0])
    assert np.array_equal(clean, before[1])
    silent = np.zeros(RATE, np.float32)
    assert not any(one.any() for one in CHANNELS[name](silent, silent, RATE, np.random.default_rng(0)))


def test_a_telephone_narrows_both(sounds: tuple[np.ndarray, np.ndarray]) -> None:
    hertz = np.fft.rfftfreq(RATE, 1 / RATE)
    for seed in range(4):
        noisy, clean = CHANNELS["telephone"](*sounds, RATE, np.random.default_rng(seed))
        power = np.abs(np.fft.rfft(noisy)) ** 2
        assert power[hertz > 7600].mean() < 0.05 * power[(hertz > 1200) & (hertz < 3000)].mean()
        assert np.abs(np.fft.rfft(clean))[1000] == pytest.approx(800.0, rel=0.1)


def test_companding_keeps_38_db_at_any_level() -> None:
    tone = np.sin(2 * np.pi * 440.0 * np.arange(RATE) / RATE).astype(np.float32)
    for gain in (1.0, 1e-3):
        error = compand(gain * tone) - gain * tone
        assert 10 * np.log10(np.mean((gain * tone) ** 2) / np.mean(error**2)) == pytest.approx(38.0, abs=2.0)
    assert not compand(np.zeros(4, np.float32)).any()


def test_a_codec_leaves_the_same_holes_in_both(sounds: tuple[np.ndarray, np.ndarray]) -> None:
    noisy, clean = CHANNELS["codec"](*sounds, RATE, np.random.default_rng(0))
    before = np.abs(np.fft.rfft(sounds[0])) ** 2
    assert 0.0 < np.mean((noisy - sounds[0]) ** 2) < 0.1 * np.mean(sounds[0] ** 2)
    assert np.mean((clean - sounds[1]) ** 2) < 0.01 * np.mean(sounds[1] ** 2)
    assert np.sum(np.abs(np.fft.rfft(noisy)) ** 2) < before.sum()


def test_lost_packets_are_silent_in_both(sounds: tuple[np.ndarray, np.ndarray]) -> None:
    noisy, clean = CHANNELS["packet loss"](*sounds, RATE, np.random.default_rng(3))
    gone = noisy == 0.0
    assert 0.01 * RATE - 16 <= gone.sum() <= 0.4 * RATE
    assert not clean[gone].any()
    kept = np.abs(noisy - sounds[0]) < 1e-6
    assert kept.mean() > 0.6


def test_overload_clips_the_mixture_alone(sounds: tuple[np.ndarray, np.ndarray]) -> None:
    noisy, clean = CHANNELS["overload"](*sounds, RATE, np.random.default_rng(0))
    peak = np.abs(sounds[0]).max()
    assert 0.25 * peak <= np.abs(noisy).max() <= 0.9 * peak + 1e-6
    assert np.array_equal(clean, sounds[1])
