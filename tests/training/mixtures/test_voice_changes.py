"""Voices made from others: whispered, shouted, sung, a child's."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.training.mixtures.augmentations import level_db
from hushgate.training.mixtures.voice_changes import VOICE_CHANGES

RATE = 16_000


def _voice(hz: float = 150.0, seconds: float = 2.0) -> np.ndarray:
    """A pulse train through two resonances: something between a vowel and a buzz."""
    count = round(seconds * RATE)
    audio = np.zeros(count)
    audio[:: round(RATE / hz)] = 1.0
    for centre in (700.0, 1800.0):
        pole = 0.97 * np.exp(2j * np.pi * centre / RATE)
        out = np.zeros(count)
        for i in range(2, count):
            out[i] = audio[i] + 2 * pole.real * out[i - 1] - abs(pole) ** 2 * out[i - 2]
        audio = out
    return np.asarray(0.1 * audio / np.abs(audio).max(), np.float32)


VOICE = _voice()


def _spectrum(audio: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2


def _peak_to_floor_db(audio: np.ndarray) -> float:
    """How far the partials of 150 Hz stand out of what lies between them, from 300 to 3000 Hz."""
    power = _spectrum(audio)
    at = [round(150.0 * n * len(audio) / RATE) for n in range(2, 20)]
    between = [round(150.0 * (n + 0.5) * len(audio) / RATE) for n in range(2, 20)]
    around = range(-4, 5)
    top = sum(power[a + d] for a in at for d in around)
    return float(10 * np.log10(top / sum(power[b + d] for b in between for d in around)))


@pytest.mark.parametrize("name", list(VOICE_CHANGES))
def test_length_type_and_level_stay_and_the_seed_decides(name: str) -> None:
    change = VOICE_CHANGES[name]
    before = VOICE.copy()
    made = change(VOICE, RATE, np.random.default_rng(1))
    assert made.dtype == np.float32
    assert made.shape == VOICE.shape
    assert np.array_equal(VOICE, before)
    assert np.isfinite(made).all()
    assert level_db(made) == pytest.approx(level_db(VOICE), abs=4.0)
    assert np.array_equal(made, change(VOICE, RATE, np.random.default_rng(1)))
    assert not np.array_equal(made, change(VOICE, RATE, np.random.default_rng(2)))


@pytest.mark.parametrize("name", list(VOICE_CHANGES))
def test_silence_stays_silence(name: str) -> None:
    made = VOICE_CHANGES[name](np.zeros(RATE, np.float32), RATE, np.random.default_rng(0))
    assert np.abs(made).max() < 1e-6


def test_a_whisper_has_the_formants_and_no_pitch() -> None:
    made = VOICE_CHANGES["whisper"](VOICE, RATE, np.random.default_rng(0))
    assert _peak_to_floor_db(VOICE) > 15.0
    assert abs(_peak_to_floor_db(made)) < 3.0
    power = _spectrum(made)
    hertz = np.fft.rfftfreq(len(made), 1 / RATE)
    formant = power[(hertz > 1600) & (hertz < 2000)].mean()
    assert formant > 10 * power[(hertz > 3500) & (hertz < 4500)].mean()


def _pitch_hz(audio: np.ndarray) -> float:
    correlation = np.fft.irfft(np.abs(np.fft.rfft(audio, 2 * len(audio))) ** 2)
    first, last = round(RATE / 400), round(RATE / 100)
    return RATE / (first + int(np.argmax(correlation[first:last])))


def test_a_child_and_a_shout_are_higher() -> None:
    assert _pitch_hz(VOICE) == pytest.approx(150.0, rel=0.02)
    for name, least, most in (("child", 1.2, 1.52), ("shout", 1.05, 1.27)):
        for seed in range(3):
            made = VOICE_CHANGES[name](VOICE, RATE, np.random.default_rng(seed))
            assert least < _pitch_hz(made) / 150.0 < most


def test_a_song_moves_over_several_notes() -> None:
    made = VOICE_CHANGES["song"](VOICE, RATE, np.random.default_rng(0))
    pitches = [_pitch_hz(made[i : i + 3200]) for i in range(0, len(made) - 3200, 1600)]
    assert max(pitches) / min(pitches) > 1.2
