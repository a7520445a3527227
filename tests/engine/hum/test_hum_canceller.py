"""Mains hum goes, from music too; notes, other steady tones and silence stay."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hushgate.engine.hum.hum_canceller import HumCanceller
from tests.helpers.blocks import cut
from tests.helpers.sounds import mains_hum, power_db

RATE = 8000
Samples = NDArray[np.float32]


def without_hum(sound: Samples, rate: float = RATE, *, learn: bool = False) -> tuple[Samples, HumCanceller]:
    canceller = HumCanceller(rate, len(sound))
    if learn:
        canceller.learn(sound)
        canceller.rewind()
    hum = canceller.process(sound)
    return (sound if hum is None else sound - hum), canceller


def fall_db(before: Samples, after: Samples, rate: float, start_s: float, end_s: float) -> float:
    part = slice(round(start_s * rate), round(end_s * rate))
    return power_db(before[:, part]) - power_db(after[:, part])


def hiss(num_samples: int, num_channels: int = 1) -> Samples:
    noise = np.random.default_rng(7).standard_normal((num_channels, num_samples))
    return (1e-5 * noise).astype(np.float32)


def note(
    frequency_hz: float, start_s: float, length_s: float, duration_s: float, level: float = 0.2
) -> Samples:
    """A held tone with six partials and soft ends."""
    time = np.arange(round(duration_s * RATE)) / RATE
    envelope = np.clip((time - start_s) / 0.02, 0.0, 1.0) * np.clip(
        (start_s + length_s - time) / 0.05, 0.0, 1.0
    )
    partials = [np.cos(2.0 * np.pi * frequency_hz * k * time + k) / k for k in range(1, 7)]
    sound: Samples = (level * envelope * np.sum(partials, axis=0))[None].astype(np.float32)
    return sound


@pytest.mark.parametrize("mains_hz", [49.8, 50.0, 50.13, 59.85, 60.0, 60.2])
@pytest.mark.parametrize("step", [1, 2])  # rectifiers double the frequency
def test_hum_falls_by_40_db(mains_hz: float, step: int) -> None:
    hum = mains_hum(mains_hz, 12 * RATE, RATE, orders=range(step, 25, step), num_channels=2)
    output, canceller = without_hum(hum + hiss(12 * RATE, 2))
    assert canceller.frequency_hz == pytest.approx(mains_hz, abs=1e-3)
    assert fall_db(hum, output, RATE, 0.0, 8.0) == pytest.approx(0.0, abs=0.1)
    assert fall_db(hum, output, RATE, 9.0, 12.0) > 40.0


def test_hum_of_a_rectifier_is_found_though_its_lowest_line_is_covered() -> None:
    num_samples = 12 * RATE
    frequencies_hz = np.fft.rfftfreq(num_samples, 1.0 / RATE)
    hum = mains_hum(60.05, num_samples, RATE, orders=range(2, 25, 2))
    spectrum = np.fft.rfft(np.random.default_rng(3).standard_normal(num_samples))
    covering = np.fft.irfft(spectrum * (np.abs(frequencies_hz - 120.0) < 30.0), num_samples)
    covering *= 4.0 * np.std(hum) / np.std(covering)
    output, canceller = without_hum((hum + covering[None]).astype(np.float32) + hiss(num_samples), learn=True)
    assert canceller.frequency_hz == pytest.approx(60.05, abs=1e-2)
    higher = frequencies_hz > 200.0
    before, after = (
        np.abs(np.fft.rfft(sound[0] * np.hanning(num_samples))[higher]) for sound in (hum, output)
    )
    assert np.sum(after**2) < 1e-3 * np.sum(before**2)


@pytest.mark.parametrize("rate", [11_025, 44_100, 96_000])
def test_hum_falls_at_every_rate(rate: int) -> None:
    hum = mains_hum(50.1, 10 * rate, rate)
    output, _ = without_hum(hum + hiss(10 * rate), rate)
    assert fall_db(hum, output, rate, 9.0, 10.0) > 40.0


def test_a_recording_learnt_beforehand_has_no_hum_from_the_first_sample() -> None:
    hum = mains_hum(60.05, 10 * RATE, RATE)
    output, canceller = without_hum(hum + hiss(10 * RATE), learn=True)
    assert canceller.frequency_hz == pytest.approx(60.05, abs=1e-3)
    assert fall_db(hum, output, RATE, 0.0, 0.1) > 35.0
    assert fall_db(hum, output, RATE, 0.0, 10.0) > 40.0


@pytest.mark.parametrize("drone_hz", [119.7, 119.8])
def test_a_drone_beside_a_line_is_not_taken_for_the_path_of_the_others(drone_hz: float) -> None:
    time = np.arange(12 * RATE) / RATE
    mains_hz = 60.02 + 0.009 * time
    hum = mains_hum(mains_hz, len(time), RATE)
    drone = (0.02 * np.sin(2.0 * np.pi * drone_hz * time))[None].astype(np.float32)
    output, canceller = without_hum(hum + drone + hiss(len(time)), learn=True)
    assert canceller.frequency_hz == pytest.approx(mains_hz[-1], abs=0.01)
    assert fall_db(hum, output - drone, RATE, 0.0, 12.0) > 8.0


def test_lines_that_music_covers_at_first_are_learnt_from_a_later_pause() -> None:
    time = np.arange(20 * RATE) / RATE
    covered_until_s = 11.0
    wavering = 0.1 * np.sin(2.0 * np.pi * 148.0 * time + 3.0 * np.sin(2.0 * np.pi * 0.7 * time))
    music = (wavering * (time < covered_until_s))[None].astype(np.float32) + hiss(len(time))
    hum = mains_hum(50.05, len(time), RATE, orders=range(1, 7))
    covered_line = mains_hum(50.05, len(time), RATE, orders=[3])
    falls_db = {}
    for learn in (False, True):
        output, _ = without_hum(music + hum, learn=learn)
        falls_db[learn] = fall_db(covered_line, output - music, RATE, 1.0, 6.0)
        assert fall_db(hum, output - music, RATE, 12.0, 13.0) > 40.0
        assert fall_db(hum, output - music, RATE, 14.0, 20.0) > 40.0
    assert abs(falls_db[False]) < 1.0
    assert falls_db[True] > 15.0


def test_hum_that_loud_sound_covers_at_first_is_found_later_and_removed_from_the_start() -> None:
    time = np.arange(25 * RATE) / RATE
    noise = 0.5 * np.random.default_rng(3).standard_normal(len(time)) * (time < 12.0)
    loud = noise[None].astype(np.float32) + hiss(len(time))
    hum = mains_hum(50.05 + 0.003 * time, len(time), RATE, orders=range(1, 7))
    falls_db = {}
    for learn in (False, True):
        output, _ = without_hum(loud + hum, learn=learn)
        falls_db[learn] = fall_db(hum, output - loud, RATE, 0.0, 12.0)
        assert fall_db(hum, output - loud, RATE, 20.5, 25.0) > 40.0
    assert falls_db[False] == pytest.approx(0.0, abs=0.1)
    assert falls_db[True] > 6.0


def test_hum_that_begins_within_a_recording_is_not_removed_before() -> None:
    time = np.arange(25 * RATE) / RATE
    hum = mains_hum(50.05, len(time), RATE) * np.float32(time >= 5.0)
    sound = hum + hiss(len(time))
    output, canceller = without_hum(sound, learn=True)
    assert np.array_equal(output[:, : 5 * RATE], sound[:, : 5 * RATE])
    assert canceller.frequency_hz == pytest.approx(50.05, abs=1e-3)
    assert fall_db(hum, output, RATE, 15.0, 25.0) > 40.0


def test_a_tone_held_on_an_exact_multiple_is_not_taken_for_a_line() -> None:
    time = np.arange(12 * RATE) / RATE
    tone = (0.02 * np.sin(2.0 * np.pi * 13.0 * 50.05 * time))[None].astype(np.float32)
    hum = mains_hum(50.05, len(time), RATE, orders=range(2, 25, 2))
    output, _ = without_hum(hum + tone + hiss(len(time)), learn=True)
    assert fall_db(hum, output - tone, RATE, 1.0, 12.0) > 40.0


def test_hum_that_drifts_with_the_grid_and_changes_its_level_is_followed() -> None:
    time = np.arange(30 * RATE) / RATE
    drifting = 50.0 + 0.2 * np.sin(2.0 * np.pi * time / 60.0)
    swelling = np.float32(1.0 + 0.3 * np.sin(2.0 * np.pi * time / 20.0))
    hum = mains_hum(drifting, len(time), RATE) * swelling
    output, _ = without_hum(hum + hiss(len(time)))
    assert fall_db(hum, output, RATE, 9.0, 30.0) > 25.0


def test_hum_falls_within_louder_sound_and_in_its_pauses() -> None:
    rng = np.random.default_rng(3)
    music = np.zeros((1, 20 * RATE), np.float32)
    for start in range(0, 19 * RATE, RATE // 4):
        music[:, start : start + RATE // 4] = note(
            55.0 * 2.0 ** (rng.integers(36) / 12), 0.0, 0.24, 0.25, 0.1
        )
    music[:, 15 * RATE : 18 * RATE] = 0.0
    music += hiss(20 * RATE)
    hum = mains_hum(50.05, 20 * RATE, RATE)
    assert power_db(music[:, : 15 * RATE]) - power_db(hum) > 10.0
    output, _ = without_hum(music + hum, learn=True)
    assert fall_db(hum, output - music, RATE, 0.0, 15.0) > 10.0
    assert fall_db(hum, output - music, RATE, 15.5, 16.0) > 40.0
    assert fall_db(hum, output - music, RATE, 16.0, 18.0) > 60.0


@pytest.mark.parametrize("learn", [False, True])
@pytest.mark.parametrize("frequency_hz", [49.0, 50.0, 60.0, 61.7, 100.0])
def test_a_note_of_6_s_stays_bit_for_bit(frequency_hz: float, learn: bool) -> None:
    sound = note(frequency_hz, 2.0, 6.0, 12.0) + hiss(12 * RATE)
    output, canceller = without_hum(sound, learn=learn)
    assert canceller.frequency_hz is None
    assert np.array_equal(output, sound)


@pytest.mark.parametrize("learn", [False, True])
@pytest.mark.parametrize("frequency_hz", [49.0, 50.0, 100.0])
def test_a_note_of_6_s_stays_where_hum_is_removed(frequency_hz: float, learn: bool) -> None:
    played = note(frequency_hz, 10.0, 6.0, 18.0)
    output, _ = without_hum(played + mains_hum(50.0, 18 * RATE, RATE) + hiss(18 * RATE), learn=learn)
    part = slice(10 * RATE, 16 * RATE)
    assert power_db(output[:, part]) - power_db(played[:, part]) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("frequency_hz", [48.999, 51.913, 58.27, 61.735, 110.2])
def test_steady_tones_beside_the_mains_stay(frequency_hz: float) -> None:
    sound = note(frequency_hz, 0.0, 14.0, 14.0) + hiss(14 * RATE)
    output, _ = without_hum(sound)
    assert np.array_equal(output, sound)


def test_hum_that_begins_late_is_removed_later_and_none_is_left_where_it_ends() -> None:
    hum = mains_hum(50.0, 26 * RATE, RATE)
    hum[:, : 4 * RATE] = 0.0
    hum[:, 18 * RATE :] = 0.0
    noise = hiss(26 * RATE)
    output, canceller = without_hum(hum + noise)
    assert fall_db(hum, output - noise, RATE, 13.5, 18.0) > 40.0
    assert power_db((output - noise)[:, 19 * RATE :]) < -60.0
    assert power_db((output - noise)[:, 22 * RATE :]) < -90.0
    assert canceller.frequency_hz is None


def test_output_does_not_depend_on_block_sizes(rng: np.random.Generator) -> None:
    sound = mains_hum(50.0, 10 * RATE, RATE, num_channels=2) + hiss(10 * RATE, 2)
    expected, _ = without_hum(sound)
    canceller = HumCanceller(RATE, 2)
    parts = []
    for block in cut(sound, (1, 7, 480, int(rng.integers(801, 3000)))):
        hum = canceller.process(block)
        parts.append(block if hum is None else block - hum)
    assert np.array_equal(np.concatenate(parts, axis=1), expected)


def test_reset_equals_a_new_one() -> None:
    sound = mains_hum(60.0, 9 * RATE, RATE) + hiss(9 * RATE)
    canceller = HumCanceller(RATE, 1)
    first = canceller.process(sound)
    canceller.reset()
    assert canceller.frequency_hz is None
    again = canceller.process(sound)
    assert first is not None
    assert again is not None
    assert np.array_equal(first, again)


def test_a_recording_that_is_too_short_or_has_no_hum_is_not_changed() -> None:
    for sound in (mains_hum(50.0, 6 * RATE, RATE), hiss(12 * RATE), np.zeros((1, 12 * RATE), np.float32)):
        output, _ = without_hum(sound, learn=True)
        assert np.array_equal(output, sound)
