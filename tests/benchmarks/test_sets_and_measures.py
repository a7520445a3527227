"""What the music, guitar and full-band sets hold, and that the measures measure it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy", reason="the benchmarks need scipy (extra bench)")
pytest.importorskip("soxr", reason="the benchmarks need soxr (extra bench)")
from support import metrics, music_sets, testsets

from hushgate.training.evaluate.measures.base import Column, Item


def _bursts(num_samples: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.1 * rng.standard_normal(num_samples) * np.abs(np.sin(np.arange(num_samples) / 3_000.0))


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Recordings without a manifest: the subfolders say what they are."""
    for kind, rate in (("speech", 16_000), ("noise", 44_100), ("guitar", 16_000), ("instrument", 16_000)):
        for number in range(4):
            path = tmp_path / kind / f"{kind}{number}" / "one.flac"
            path.parent.mkdir(parents=True)
            # Half of the speech has its full band.
            rate = 48_000 if kind == "speech" and number > 1 else rate
            soundfile.write(path, _bursts(5 * rate, number), rate)
    (tmp_path / "music").mkdir()
    for number in range(2):
        sound = np.stack([_bursts(10 * 44_100, 10 + number), _bursts(10 * 44_100, 20 + number)], axis=1)
        soundfile.write(tmp_path / "music" / f"song{number}.flac", sound, 44_100)
    return [tmp_path]


def _snr_db(item: Item) -> float:
    powers = [
        float(np.mean(sound.astype(np.float64) ** 2)) for sound in (item.clean, item.noisy - item.clean)
    ]
    return 10.0 * math.log10(powers[0] / powers[1])


@pytest.mark.parametrize(("name", "tolerance_db"), [("music", 0.1), ("guitar", 0.1), ("voice-48k", 0.1)])
def test_sets_have_the_snr_they_name_and_follow_their_seed(
    folders: list[Path], name: str, tolerance_db: float
) -> None:
    items, again = (testsets.SETS[name].build(folders, 4, 5) for _ in range(2))
    for item, same in zip(items, again, strict=True):
        np.testing.assert_array_equal(item.noisy, same.noisy)
        assert _snr_db(item) == pytest.approx(float(item.groups["SNR"][:-3]), abs=tolerance_db)
        assert np.abs(item.noisy).max() < 1.0
    assert not np.array_equal(items[0].noisy, testsets.SETS[name].build(folders, 1, 6)[0].noisy)


def test_music_set_has_all_nine_noises_independent_in_each_channel(folders: list[Path]) -> None:
    items = testsets.SETS["music"].build(folders, 9, 1)
    assert len({(item.groups["SNR"], item.groups["noise"]) for item in items}) == 9
    for item in items:
        assert item.sample_rate == 44_100
        left, right = item.noisy - item.clean
        assert abs(np.corrcoef(left, right)[0, 1]) < 0.05


@pytest.mark.parametrize(("kind", "slope_db"), [("white", 0.0), ("pink", -3.0)])
def test_hiss_has_its_slope(kind: str, slope_db: float) -> None:
    noise = music_sets.hiss(kind, 1 << 18, 44_100, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2
    frequency = np.fft.rfftfreq(1 << 18, 1.0 / 44_100)
    octaves = [
        10 * np.log10(power[(frequency >= low) & (frequency < 2 * low)].mean()) for low in (500, 1_000)
    ]
    assert octaves[1] - octaves[0] == pytest.approx(slope_db, abs=0.5)
    assert np.mean(noise**2) == pytest.approx(1.0)


def test_clean_sets_give_what_they_expect_back(folders: list[Path]) -> None:
    (item,) = testsets.SETS["music-clean"].build(folders, 1, 1)
    assert item.noisy is item.clean
    (noisy,) = testsets.SETS["music"].build(folders, 1, 1)
    np.testing.assert_array_equal(item.clean, noisy.clean)


def test_full_band_voices_come_from_recordings_that_have_the_band(folders: list[Path]) -> None:
    items = testsets.SETS["voice-48k"].build(folders, 4, 1)
    assert {item.name.split()[1] for item in items} == {"speech2", "speech3"}
    for item in items:
        spectrum = np.abs(np.fft.rfft(item.clean[0])) ** 2
        frequency = np.fft.rfftfreq(item.clean.shape[1], 1.0 / 48_000)
        assert item.sample_rate == 48_000
        assert spectrum[frequency > 10_000].mean() > 0.1 * spectrum[frequency < 8_000].mean()


def test_speech_at_lower_rates_is_no_full_band_speech(folders: list[Path]) -> None:
    for number in (2, 3):
        (folders[0] / "speech" / f"speech{number}" / "one.flac").unlink()
    with pytest.raises(ValueError, match=r"44,100 Hz or more \(got 2 recordings below\)"):
        testsets.SETS["voice-48k"].build(folders, 4, 1)


def test_short_recordings_are_joined_by_those_of_the_same_speaker(tmp_path: Path) -> None:
    for kind, seconds in (("speech", 1.0), ("noise", 5.0)):
        for number in range(3):
            path = tmp_path / kind / f"{kind}{number % 2}" / f"{number}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, _bursts(round(seconds * 16_000), number), 16_000)
    for item in testsets.SETS["voice"].build([tmp_path], 3, 1):
        assert 4.0 <= item.clean.shape[1] / 16_000 <= 8.0


def test_a_table_shows_the_first_column_of_a_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ratings:
        columns = (Column("overall", "overall", 2), Column("speech", "speech", 2))

        def __call__(self, item: Item, output: np.ndarray) -> dict[str, float]:
            return {"speech": 4.0, "overall": 3.0}

    monkeypatch.setattr(metrics, "_measure", lambda title: Ratings())
    item = Item("one", np.zeros((1, 8), np.float32), np.zeros((1, 8), np.float32), 8_000)
    assert metrics.figures(["DNSMOS"], item, item.noisy) == {"DNSMOS": 3.0}
