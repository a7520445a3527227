"""Input level: scaled sound gives the scaled output, without pumping, and one fault does not deafen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import Denoiser, available_models
from hushgate.engine.input_level import HIGHEST_DB, LOWEST_DB, InputLevel
from tests.helpers.sounds import Audio

CLEAN = Path(__file__).parents[1] / "data" / "clean_speech.flac"
HOP_S = 0.016


def frames(*levels_db: float, channels: int = 1) -> np.ndarray:
    """Frames of 10 bins, each with the given power in dB."""
    amplitudes = 10.0 ** (np.array(levels_db) / 20.0) / np.sqrt(10.0)
    return np.broadcast_to(amplitudes[None, :, None], (channels, len(levels_db), 10)).astype(np.complex64)


def decibels(gains: np.ndarray | None) -> np.ndarray:
    assert gains is not None
    result: np.ndarray = 20.0 * np.log10(gains[0, :, 0])
    return result


def test_ordinary_levels_are_left_alone() -> None:
    level = InputLevel(1, HOP_S)
    assert level.gains(frames(-30.0, -12.0, -43.0, 0.0)) is None
    assert level.gains(frames(*[-60.0] * 60)) is None  # a pause of a second


def test_loud_sound_is_brought_to_the_upper_end_at_once() -> None:
    gains = InputLevel(1, HOP_S).gains(frames(HIGHEST_DB + 25.0))
    assert decibels(gains) == pytest.approx([-25.0], abs=1e-3)


def test_quiet_sound_is_brought_to_the_lower_end_within_seconds() -> None:
    gains = InputLevel(1, HOP_S).gains(frames(*[LOWEST_DB - 20.0] * 200))
    assert decibels(gains)[-1] == pytest.approx(20.0, abs=1e-3)
    assert np.flatnonzero(decibels(gains) > 19.9)[0] * HOP_S == pytest.approx(2.0, abs=0.1)


def test_pauses_after_a_settled_level_hardly_move_the_gain() -> None:
    level = InputLevel(1, HOP_S)
    level.gains(frames(LOWEST_DB + 0.01))
    gains = level.gains(frames(*[-70.0] * round(3.0 / HOP_S)))
    assert decibels(gains)[-1] == pytest.approx(3.0, abs=0.1)


def test_a_click_does_not_lower_what_follows() -> None:
    level = InputLevel(1, HOP_S)
    gains = level.gains(frames(-20.0, 120.0, 120.0, -20.0))
    assert decibels(gains)[-1] > HIGHEST_DB - 40.0 - 1.0
    assert level.gains(frames(*[-20.0] * round(9.0 / HOP_S))) is not None
    assert level.gains(frames(-20.0)) is None


def test_silence_has_no_level() -> None:
    level = InputLevel(1, HOP_S)
    assert level.gains(np.zeros((1, 1000, 10), np.complex64)) is None
    assert decibels(level.gains(frames(-60.0)))[0] < 1.0


def test_gains_do_not_depend_on_calls(rng: np.random.Generator) -> None:
    sound = frames(*rng.uniform(-80.0, 30.0, 200), channels=2)
    whole = InputLevel(2, HOP_S).gains(sound)
    assert whole is not None
    parts, level = [], InputLevel(2, HOP_S)
    for start in range(0, 200, 7):
        part = sound[:, start : start + 7]
        gains = level.gains(part)
        parts.append(np.ones((2, part.shape[1], 1), np.float32) if gains is None else gains)
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_reset_equals_a_new_object(rng: np.random.Generator) -> None:
    sound = frames(*rng.uniform(-80.0, 30.0, 50))
    level = InputLevel(1, HOP_S)
    level.gains(frames(*[40.0] * 9))
    level.reset()
    assert np.array_equal(level.gains(sound), InputLevel(1, HOP_S).gains(sound))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def noisy() -> tuple[Audio, int]:
    """Speech in white noise at 8 dB, peak -1 dBFS, four seconds."""
    clean, rate = soundfile.read(CLEAN, dtype="float32")
    clean = clean[: 4 * rate]
    noise = np.random.default_rng(1).standard_normal(len(clean)).astype(np.float32)
    noise *= np.sqrt(np.mean(clean**2) / np.mean(noise**2)) * 10.0 ** (-8.0 / 20.0)
    mixture = clean + noise
    return (mixture / np.max(np.abs(mixture)) * 0.89)[None], rate


@pytest.mark.skipif("voice" not in available_models(), reason="the voice model is not shipped")
@pytest.mark.parametrize("peak_db", [-60.0, -40.0, -20.0, 14.0, 27.0, 40.0])
def test_scaled_speech_gives_the_scaled_output(peak_db: float, noisy: tuple[Audio, int]) -> None:
    sound, rate = noisy
    gain = np.float32(10.0 ** ((peak_db + 1.0) / 20.0))
    plain = Denoiser("voice")(sound, rate)
    scaled = Denoiser("voice")(sound * gain, rate) / gain
    change_db = 10.0 * np.log10(np.mean(scaled**2) / np.mean(plain**2))
    assert abs(change_db) < 0.5
    error_db = 10.0 * np.log10(np.mean((scaled - plain) ** 2) / np.mean(plain**2))
    assert error_db < -12.0  # at +27 dBFS the error was as loud as the voice without the gain
