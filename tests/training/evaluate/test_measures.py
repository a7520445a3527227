"""Measures that need no package of their own: the figures are those of their definitions."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("scipy", reason="evaluation needs the extra hushgate[evaluate]")

from hushgate.training.evaluate.confidence import estimate_mean
from hushgate.training.evaluate.measures.level import level_change_db, upper_level_change_db
from hushgate.training.evaluate.measures.level_mse import level_mse
from hushgate.training.evaluate.measures.lsd import log_spectral_distance, target_log_spectral_distance
from hushgate.training.evaluate.measures.snr import si_sdr_db

RATE = 44_100


def _tone(num_samples: int = RATE) -> NDArray[np.float32]:
    return np.sin(2 * np.pi * 1_000.0 * np.arange(num_samples) / RATE)[None].astype(np.float32)


def _noise(shape: tuple[int, int], seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("gain", [0.1, 1.0])
def test_si_sdr_is_the_ratio_at_any_gain(gain: float) -> None:
    clean, noise = _noise((1, 100_000)), _noise((1, 100_000), 1)
    assert si_sdr_db(clean, gain * (clean + 0.1 * noise)) == pytest.approx(20.0, abs=0.1)  # type: ignore[arg-type]


def test_si_sdr_ends_at_100_db() -> None:
    clean = _noise((1, 1_000))
    assert si_sdr_db(clean, clean) == 100.0
    assert si_sdr_db(clean, 0 * clean) == -100.0


def test_level_change_ignores_noise_and_finds_gain() -> None:
    clean, noise = _noise((2, 50_000)), _noise((2, 50_000), 1)
    assert level_change_db(clean, clean + noise) == pytest.approx(0.0, abs=0.1)
    assert level_change_db(clean, 0.5 * clean) == pytest.approx(-6.02, abs=0.01)


def test_upper_level_change_finds_a_lost_band() -> None:
    clean = _noise((1, RATE))
    spectrum = np.fft.rfft(clean)
    spectrum[:, 8_000:] *= 0.1
    dull = np.fft.irfft(spectrum).astype(np.float32)
    assert upper_level_change_db(clean, dull, RATE) == pytest.approx(-20.0, abs=0.1)
    assert math.isnan(upper_level_change_db(clean, clean, 16_000))


def test_target_lsd_is_the_gain_and_counts_the_clean_sounds_bins_only() -> None:
    tone = _tone()
    assert target_log_spectral_distance(tone, tone) == 0.0
    assert target_log_spectral_distance(tone, 0.5 * tone) == pytest.approx(6.02, abs=0.01)
    assert target_log_spectral_distance(tone, tone + 1e-4 * _noise(tone.shape)) < 0.2
    assert target_log_spectral_distance(tone, 0.0 * tone) > 50.0
    assert math.isnan(target_log_spectral_distance(0.0 * tone, tone))


def test_lsd_counts_the_noise_that_target_lsd_leaves_out() -> None:
    tone = _tone()
    noisy, harmed = tone + 1e-2 * _noise(tone.shape), 0.5 * tone
    # Noise between the tone's bins is far from the clean sound; half the tone is near.
    assert log_spectral_distance(tone, noisy, RATE) > 2.0 * log_spectral_distance(tone, harmed, RATE)
    # Of the tone itself the noise leaves more.
    assert target_log_spectral_distance(tone, noisy) < target_log_spectral_distance(tone, harmed)


def test_level_mse_is_the_error_of_the_scaled_decibels() -> None:
    rng = np.random.default_rng(4)
    clean = rng.standard_normal((1, 8_000)).astype(np.float32) * 0.1
    assert level_mse(clean, clean, 16_000) == 0.0
    # 10 dB are a twentieth of -100 to 100 dB.
    assert level_mse(clean, clean * np.float32(10**0.5), 16_000) == pytest.approx(0.0025, rel=1e-3)
    assert level_mse(clean * 0.0, clean * np.float32(1e-9), 16_000) < 1e-6


def test_confidence_interval_leaves_out_what_could_not_be_measured() -> None:
    estimate = estimate_mean([1.0, math.nan, 3.0], interval="t")
    assert estimate.mean == 2.0
    assert estimate.margin == pytest.approx(12.71, abs=0.01)
    assert math.isnan(estimate_mean([math.nan], interval="t").mean)


def test_measuring_does_not_import_torch() -> None:
    code = (
        "import sys, hushgate.training.evaluate.confidence, hushgate.training.evaluate.alignment\n"
        "from hushgate.training.evaluate.measures import make_measures\n"
        "make_measures(['si_sdr', 'snr', 'mse', 'lsd', 'target_lsd', 'level', 'upper_level'])\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
