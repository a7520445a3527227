"""Loudness normalization: target met, true peaks below -1 dBTP, image kept, length kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from hushgate.measuring.loudness_meter import LoudnessMeter, TruePeaks
from hushgate.rendering.loudness import LoudnessNormalizer, normalized
from tests.helpers.blocks import BLOCK_SIZES, cut

RATE = 48_000


def talk(level_lufs: float, rng: np.random.Generator, seconds: float = 6.0) -> np.ndarray:
    """Bursts of filtered noise with sharp peaks, one side louder, at a loudness."""
    count = round(seconds * RATE)
    noise = np.fft.irfft(
        np.fft.rfft(rng.standard_normal(count)) / (1 + np.arange(count // 2 + 1) / 3000), count
    )
    envelope = np.clip(np.sin(2 * np.pi * np.arange(count) / (0.7 * RATE)), 0.0, None) ** 3
    sound = (np.sign(noise) * np.abs(noise) ** 1.5 * envelope * np.array([[1.0], [0.5]])).astype(np.float32)
    measured = loudness(sound)
    assert measured is not None
    gain = np.float32(10.0 ** ((level_lufs - measured) / 20.0))
    return np.asarray(sound * gain)


def loudness(sound: np.ndarray) -> float | None:
    meter = LoudnessMeter(RATE, len(sound))
    meter.update(sound)
    return meter.lufs


def true_peak_db(sound: np.ndarray) -> float:
    """Largest peak after an ideal interpolation by eight."""
    spectrum = np.fft.rfft(sound)
    fine = np.fft.irfft(spectrum, 8 * sound.shape[1]) * 8
    return float(20 * np.log10(np.abs(fine).max()))


def levelled(sound: np.ndarray, lufs: float = -16.0, sizes: tuple[int, ...] = (8192,)) -> np.ndarray:
    with LoudnessNormalizer(RATE, len(sound), lufs) as normalizer:
        return np.concatenate(list(normalized(cut(sound, sizes), normalizer)), axis=1)


@pytest.mark.parametrize("level", [-45.0, -23.0, -10.0])
def test_takes_reach_the_target_below_the_true_peak_limit(level: float, rng: np.random.Generator) -> None:
    out = levelled(talk(level, rng))
    assert loudness(out) == pytest.approx(-16.0, abs=0.5)
    assert true_peak_db(out) <= -1.0


def test_length_and_stereo_image_stay(rng: np.random.Generator) -> None:
    sound = talk(-30.0, rng)
    out = levelled(sound)
    assert out.shape == sound.shape
    loud = np.abs(sound).min(axis=0) > 1e-4
    np.testing.assert_allclose(out[0, loud] / out[1, loud], sound[0, loud] / sound[1, loud], rtol=1e-3)


def test_without_high_peaks_it_is_one_gain(rng: np.random.Generator) -> None:
    sound = talk(-20.0, rng)
    out = levelled(sound, -40.0)
    gains = out[np.abs(sound) > 1e-3] / sound[np.abs(sound) > 1e-3]
    assert np.ptp(gains) < 1e-5


@pytest.mark.parametrize("sizes", BLOCK_SIZES)
def test_result_does_not_depend_on_blocks(sizes: tuple[int, ...], rng: np.random.Generator) -> None:
    sound = talk(-30.0, rng, seconds=1.5)
    np.testing.assert_allclose(levelled(sound, sizes=sizes), levelled(sound), atol=1e-5)


def test_silence_and_clicks_too_short_to_have_a_loudness_pass(rng: np.random.Generator) -> None:
    silence = np.zeros((1, RATE), np.float32)
    np.testing.assert_array_equal(levelled(silence), silence)
    short = (0.1 * rng.standard_normal((1, 1000))).astype(np.float32)
    np.testing.assert_array_equal(levelled(short), short)


@pytest.mark.parametrize("lufs", [-61.0, 0.0, float("nan")])
def test_refuses_a_loudness_out_of_range(lufs: float) -> None:
    with pytest.raises(ValueError, match="loudness must be between -60 and -5 LUFS"):
        LoudnessNormalizer(RATE, 1, lufs)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 192_000])
def test_a_sine_has_the_loudness_of_the_standard(rate: int) -> None:
    """BS.1770: a sine of 997 Hz at 0 dBFS in one channel is -3.01 LUFS."""
    meter = LoudnessMeter(rate, 1)
    sine = 0.1 * np.sin(2 * np.pi * 997.0 * np.arange(3 * rate) / rate)
    meter.update(sine[None].astype(np.float32))
    assert meter.lufs == pytest.approx(-23.01, abs=0.1)


def test_true_peaks_lie_between_samples() -> None:
    sine = np.sin(np.pi / 2 * np.arange(4_800) + np.pi / 4)  # a quarter of the rate, peaks between samples
    fade = np.hanning(len(sine))
    peaks = TruePeaks(1)
    peaks.process((sine * fade)[None].astype(np.float32))
    assert np.abs(sine * fade).max() == pytest.approx(0.707, abs=0.01)
    assert peaks.peak == pytest.approx(1.0, abs=0.02)


def test_empty_blocks_change_no_true_peak(rng: np.random.Generator) -> None:
    sound = talk(-20.0, rng, seconds=1.0)
    plain, with_empty = TruePeaks(2), TruePeaks(2)
    assert with_empty.process(sound[:, :0]).shape == (0,)
    first = with_empty.process(sound[:, :1_000])
    assert with_empty.process(sound[:, :0]).shape == (0,)
    rest = with_empty.process(sound[:, 1_000:])
    np.testing.assert_array_equal(np.concatenate([first, rest]), plain.process(sound))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_names_the_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = open("/dev/full", "r+b", buffering=0)  # noqa: SIM115
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
    with (
        pytest.raises(OSError, match=f"No space left on device: 'the temporary file in {tmp_path}'"),
        LoudnessNormalizer(48_000, 1, -20.0, folder=tmp_path) as normalizer,
    ):
        normalizer.write(np.zeros((1, 100_000), np.float32))
