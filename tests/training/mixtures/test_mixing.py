"""Mixtures: reproducible, at the level and ratio asked for, and honest about missing recordings."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.training.config.mixture_schema import DataConfig, MixConfig, SourceSpec
from hushgate.training.mixtures import augmentations
from hushgate.training.mixtures.mixer import Mixer
from hushgate.training.recordings.clips import ClipPool, list_clips
from hushgate.training.synthesis import noises
from tests.helpers.plain_mix import PLAIN

RATE = 16_000
# At any speed, and with a triangle of ratios.
MIX = replace(PLAIN, noises=(SourceSpec("coloured"),), snr_db=(5.0, 5.0001, 5.0002), speed=MixConfig().speed)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a manifest: tones as speech of two speakers, and a tick as noise, in two splits."""
    folder = tmp_path_factory.mktemp("recordings")
    rows = []
    time = np.arange(2 * RATE) / RATE
    for number, (kind, split, label) in enumerate(
        [
            ("speech", "train", "ann"),
            ("speech", "train", "bob"),
            ("speech", "val", "cid"),
            ("tick", "train", "t"),
        ]
    ):
        audio = 0.1 * np.sin(2 * np.pi * (200 + 50 * number) * time) * (np.sin(2 * np.pi * 3 * time) > 0)
        soundfile.write(folder / f"{number}.wav", audio, RATE)
        rows.append((f"{number}.wav", kind, split, label))
    with open(folder / "manifest.csv", "w", newline="") as file:
        csv.writer(file).writerows([("path", "kind", "split", "label"), *rows])
    return folder


def _data(folder: Path) -> DataConfig:
    return DataConfig(folders=(str(folder),), sample_rate=RATE, segment_s=1.5)


def test_an_example_depends_on_its_seed_and_number_only(recordings: Path) -> None:
    mix = replace(MIX, equalizer=1.0, room=1.0, band_limit=0.5, noises=(SourceSpec("synthesized"),))
    one, other = (Mixer(_data(recordings), mix, "train") for _ in range(2))
    for index in (3, 1, 2):
        one.example(5, index)
    for mine, again in zip(one.example(5, 7), other.example(5, 7), strict=True):
        np.testing.assert_array_equal(mine, again)
    assert not np.array_equal(one.example(5, 7)[0], one.example(6, 7)[0])


def test_mixtures_have_the_ratio_and_level_asked_for(recordings: Path) -> None:
    mixer = Mixer(_data(recordings), MIX, "train")
    for index in range(4):
        noisy, clean = mixer.example(1, index)
        assert noisy.shape == clean.shape == (24_000,)
        assert noisy.dtype == clean.dtype == np.float32
        active = augmentations.active_level_db(clean, RATE)
        assert active == pytest.approx(-20.0, abs=0.1)
        # A floor of converter noise below -70 dBFS may have been added on top.
        assert active - augmentations.level_db(noisy - clean) == pytest.approx(5.0, abs=0.1)


def test_extremes_have_no_target_or_no_noise(recordings: Path) -> None:
    noisy, clean = Mixer(_data(recordings), replace(MIX, noise_only=1.0), "train").example(1, 0)
    assert not clean.any()
    assert augmentations.level_db(noisy) > -60.0
    noisy, clean = Mixer(_data(recordings), replace(MIX, clean_only=1.0), "train").example(1, 0)
    assert augmentations.level_db(noisy - clean) < -69.0


def test_missing_recordings_are_said_before_training(recordings: Path) -> None:
    with pytest.raises(ValueError, match=r"kind 'song', split 'train'"):
        Mixer(_data(recordings), replace(MIX, targets=(SourceSpec("song"),)), "train")
    with pytest.raises(FileNotFoundError):
        Mixer(DataConfig(folders=(str(recordings / "nowhere"),)), MIX, "train")
    # Validation may lack one source, not all of them.
    both = replace(MIX, noises=(SourceSpec("tick"), SourceSpec("coloured")))
    assert Mixer(_data(recordings), both, "val").example(0, 0)[0].any()
    with pytest.raises(ValueError, match=r"kind 'tick', split 'val'"):
        Mixer(_data(recordings), replace(MIX, noises=(SourceSpec("tick"),)), "val")


def test_plain_folders_need_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "speech").mkdir()
    for number in range(20):
        soundfile.write(tmp_path / "speech" / f"{number:02}.flac", np.zeros(10), RATE)
    clips = list_clips(tmp_path)
    assert {c.kind for c in clips} == {"speech"}
    assert [c.split for c in clips].count("val") == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="audio files or manifest"):
        list_clips(tmp_path / "empty")


def test_short_recordings_are_joined_within_their_label(recordings: Path) -> None:
    clips = [c for c in list_clips(recordings) if c.kind == "speech" and c.split == "train"]
    pool = ClipPool(clips, RATE)
    audio = pool.draw(5 * RATE, np.random.default_rng(2), (0.1, 0.2))
    spectrum = np.abs(np.fft.rfft(audio))
    strength = [spectrum[int(f * 5) - 2 : int(f * 5) + 3].max() for f in (200, 250)]
    assert max(strength) > 20 * min(strength)


def test_a_pause_longer_than_the_example_leaves_silence(recordings: Path) -> None:
    pool = ClipPool([c for c in list_clips(recordings) if c.kind == "speech" and c.split == "train"], RATE)
    drawn = [pool.draw(3 * RATE, np.random.default_rng(seed), (0.0, 20.0)) for seed in range(30)]
    silent = sum(not audio.any() for audio in drawn)
    assert 0 < silent < 30
    assert all(audio.shape == (3 * RATE,) for audio in drawn)


@pytest.mark.parametrize("name", noises.GENERATORS)
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_every_noise_is_finite_reproducible_and_at_unit_level(name: str, rate: int) -> None:
    generate = noises.GENERATORS[name]
    for seed in range(3):
        audio = generate(rate, rate, np.random.default_rng(seed))
        assert audio.shape == (rate,)
        assert audio.dtype == np.float32
        assert augmentations.level_db(audio) == pytest.approx(0.0, abs=0.1)
        np.testing.assert_array_equal(audio, generate(rate, rate, np.random.default_rng(seed)))


def test_high_band_noise_leaves_low_frequencies_alone() -> None:
    audio = noises.high_band(RATE, RATE, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(audio)) ** 2
    assert power[:2000].sum() < 1e-3 * power.sum()


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.18])
def test_speed_moves_pitch_and_keeps_level(factor: float) -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(2 * RATE) / RATE).astype(np.float32)
    moved = augmentations.change_speed(tone, factor)
    spectrum = np.abs(np.fft.rfft(moved * np.hanning(len(moved)), 1 << 18))
    assert np.argmax(spectrum) * RATE / (1 << 18) == pytest.approx(500 * factor, rel=0.01)
    assert augmentations.level_db(moved) == pytest.approx(-3.0, abs=0.2)
    assert len(moved) == pytest.approx(len(tone) / factor, rel=0.01)


def test_band_limit_and_clipping_do_what_they_say() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    power = np.abs(np.fft.rfft(augmentations.limit_band(noise, RATE, 300.0, 3400.0))) ** 2
    assert power[5000:].sum() < 1e-3 * power.sum()
    assert power[:100].sum() < 1e-2 * power.sum()
    assert np.abs(augmentations.clip_peaks(noise, 0.5)).max() == pytest.approx(np.abs(noise).max() / 2)


def test_a_room_starts_with_the_direct_sound_and_decays() -> None:
    response = augmentations.room_response(RATE, np.random.default_rng(0), decay_s=0.5, direct_db=6.0)
    assert response[0] == 1.0
    energy = np.square(response[1:])
    assert 10 * np.log10(energy.sum()) == pytest.approx(-6.0, abs=0.3)
    assert energy[: len(energy) // 4].sum() > 20 * energy[-len(energy) // 4 :].sum()


def test_overdrive_saturates_and_keeps_the_level() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE).astype(np.float32)
    driven = augmentations.overdrive(tone, 45.0)
    assert augmentations.level_db(driven) == pytest.approx(augmentations.level_db(tone), abs=0.01)
    # Nearly a square wave: its peak is its RMS level.
    assert np.abs(driven).max() == pytest.approx(0.1 / np.sqrt(2), rel=0.05)
    assert not augmentations.overdrive(np.zeros(100, np.float32), 45.0).any()
