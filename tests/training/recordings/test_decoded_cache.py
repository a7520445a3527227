"""Decoding: the cache holds the same samples, notices other files, and is there whole or not at all."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.training.config.mixture_schema import DataConfig, MixConfig, SourceSpec
from hushgate.training.mixtures.mixer import Mixer
from hushgate.training.recordings import decoded_cache
from hushgate.training.recordings.decoded_cache import load_samples

RATE = 8_000


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    (tmp_path / "speech").mkdir()
    paths = []
    for number in range(3):
        time = np.arange((number + 1) * 2_000) / RATE
        paths.append(tmp_path / "speech" / f"{number}.wav")
        soundfile.write(paths[-1], 0.1 * np.sin(2 * np.pi * (200 + number) * time), RATE)
    return paths


def test_the_cache_holds_what_memory_would(files: list[Path], tmp_path: Path) -> None:
    samples, starts = load_samples(files, 16_000)
    for _ in range(2):
        kept, kept_starts = load_samples(files, 16_000, tmp_path / "cache")
        np.testing.assert_array_equal(kept, samples)
        np.testing.assert_array_equal(kept_starts, starts)
    assert starts.tolist() == [0, 4_000, 12_000, 24_000]
    assert [np.abs(samples[a:b]).max() for a, b in pairwise(starts)] == [32_767] * 3
    assert isinstance(kept, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1


def test_files_are_decoded_once(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_samples(files, RATE, tmp_path / "cache")
    monkeypatch.setattr(decoded_cache, "read_clip", lambda *_: pytest.fail("decoded again"))
    load_samples(files, RATE, tmp_path / "cache")


def test_other_files_rates_and_orders_are_kept_apart(files: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    before, _ = load_samples(files, RATE, cache)
    assert len(load_samples(files[:2], RATE, cache)[0]) == 6_000
    assert len(load_samples(files, 2 * RATE, cache)[0]) == 24_000
    assert load_samples(files[::-1], RATE, cache)[1].tolist() == [0, 6_000, 10_000, 12_000]
    soundfile.write(files[0], np.linspace(-0.5, 0.5, 2_000), RATE)
    os.utime(files[0], ns=(1, 1))
    after, _ = load_samples(files, RATE, cache)
    assert not np.array_equal(after[:2_000], before[:2_000])
    np.testing.assert_array_equal(after[2_000:], before[2_000:])


def test_what_cannot_be_decoded_leaves_no_cache(files: list[Path], tmp_path: Path) -> None:
    files[2].write_bytes(b"no sound")
    with pytest.raises(soundfile.LibsndfileError):
        load_samples(files, RATE, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_nothing_but_empty_files_is_no_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    samples, starts = load_samples([tmp_path / "empty.wav"], RATE, tmp_path / "cache")
    assert len(samples) == 0
    assert starts.tolist() == [0, 0]


def test_mixtures_are_the_same_with_a_cache(files: list[Path], tmp_path: Path) -> None:
    mix = MixConfig((SourceSpec("speech"),), (SourceSpec("speech"),))
    # A plain folder: its first level of subfolders is the kind.
    plain = DataConfig((str(tmp_path),), RATE, 0.4)
    cached = DataConfig((str(tmp_path),), RATE, 0.4, cache=str(tmp_path / "cache"))
    one, other = (Mixer(data, mix, "train").mixture(3, 5) for data in (plain, cached))
    np.testing.assert_array_equal(one.noisy, other.noisy)
    np.testing.assert_array_equal(one.clean, other.clean)


def test_a_cache_miss_is_logged_and_nothing_is_printed(
    files: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("INFO", logger="hushgate.training"):
        for _ in range(2):
            load_samples(files, RATE, tmp_path / "cache")
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["cache miss"]
    assert capfd.readouterr() == ("", "")
