"""Pictures of clean, noisy and added noise: levels are right, one row a setting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.training.mixtures.preview_plot import (
    StftSettings,
    draw_preview,
    level_spectrogram,
    parse_stft,
    read_pair,
)

RATE = 16_000
TONE = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)).astype(np.float32)


@pytest.mark.parametrize("settings", [StftSettings(512, 128), StftSettings(2048, 512, "blackman")])
def test_a_tone_reads_its_level_at_its_frequency(settings: StftSettings) -> None:
    levels = level_spectrogram(TONE, settings)
    assert levels.shape == (settings.frame_size // 2 + 1, RATE // settings.hop_size + 1)
    middle = levels[:, levels.shape[1] // 2]
    assert np.argmax(middle) == 1000 * settings.frame_size // RATE
    assert middle.max() == pytest.approx(-6.02, abs=0.05)
    assert np.median(middle) < -90.0


def test_what_is_shorter_than_a_frame_is_one_frame() -> None:
    assert level_spectrogram(TONE[:10], StftSettings(512, 128)).shape == (257, 1)


def test_every_setting_has_a_row_of_three_on_one_scale() -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    noise = 0.05 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    figure = draw_preview(
        TONE, TONE + noise, RATE, [StftSettings(256, 64), StftSettings(1024, 256)], range_db=70.0, title="a$b"
    )
    axes = [axis for axis in figure.axes if axis.collections and axis.get_title()]
    assert [axis.get_title().split()[0] for axis in axes] == ["clean", "noisy", "added"] * 2
    assert "256/64 (16 ms)" in axes[0].get_title()
    assert "1024/256 (64 ms)" in axes[3].get_title()
    limits = {axis.collections[0].get_clim() for axis in axes}
    ((low, high),) = limits
    assert high == pytest.approx(-6.0, abs=0.6)
    assert high - low == pytest.approx(70.0)
    # The third picture is the difference: no tone in it.
    third = np.asarray(axes[2].collections[0].get_array())
    assert third.max() < -20.0
    assert np.asarray(axes[1].collections[0].get_array()).max() > -7.0


def test_frequencies_can_be_logarithmic(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    figure = draw_preview(TONE, TONE, RATE, [StftSettings(512, 128)], scale="log")
    assert figure.axes[0].get_yscale() == "log"
    figure.savefig(tmp_path / "log.png")
    assert (tmp_path / "log.png").stat().st_size > 10_000


@pytest.mark.parametrize("text", ["512", "512/128"])
def test_settings_are_read(text: str) -> None:
    assert parse_stft(text) == StftSettings(512, 128)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("512x128", "stft must be FRAME/HOP"),
        ("8/2", "frame_size must be 16 samples or more"),
        ("512/0", "hop_size must be between 1 and frame_size"),
        ("512/600", "hop_size must be between 1 and frame_size"),
    ],
)
def test_wrong_settings_are_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_stft(text)


def test_wrong_arguments_are_named() -> None:
    settings = [StftSettings(512, 128)]
    with pytest.raises(ValueError, match="window must be one that SciPy knows"):
        StftSettings(512, 128, "glass")
    with pytest.raises(ValueError, match="clean and noisy must be equally long"):
        draw_preview(TONE, TONE[1:], RATE, settings)
    with pytest.raises(ValueError, match="range_db must be above 0 dB"):
        draw_preview(TONE, TONE, RATE, settings, range_db=0.0)
    with pytest.raises(ValueError, match="scale must be one of"):
        draw_preview(TONE, TONE, RATE, settings, scale="mel")


def test_pairs_of_files_are_read_alike(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([TONE, TONE], 1), RATE)
    soundfile.write(tmp_path / "b.wav", TONE[:-5], RATE)
    clean, noisy, rate = read_pair(tmp_path / "a.wav", tmp_path / "b.wav")
    assert rate == RATE
    np.testing.assert_allclose(clean, noisy, atol=1e-4)
    soundfile.write(tmp_path / "c.wav", TONE, 8_000)
    with pytest.raises(ValueError, match="must have the same sample rate"):
        read_pair(tmp_path / "a.wav", tmp_path / "c.wav")
