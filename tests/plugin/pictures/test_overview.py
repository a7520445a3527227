"""Overviews: place of a tone, short recordings, any block size."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.pictures.overview import SpectrogramOverview, WaveformOverview
from tests.helpers.blocks import BLOCK_SIZES, cut
from tests.helpers.seeded_noise import noise


@pytest.mark.parametrize("sizes", BLOCK_SIZES)
def test_pictures_do_not_depend_on_blocks(sizes: tuple[int, ...]) -> None:
    sound = noise(2, 50_000)
    whole, parts = SpectrogramOverview(50_000, 48_000), SpectrogramOverview(50_000, 48_000)
    waves = WaveformOverview(50_000, columns=100), WaveformOverview(50_000, columns=100)
    whole.update(sound)
    waves[0].update(sound)
    for block in cut(sound, sizes):
        parts.update(block)
        waves[1].update(block)
    assert np.allclose(whole.decibels(), parts.decibels(), atol=1e-3)
    assert np.array_equal(waves[0].high, waves[1].high)
    assert np.array_equal(waves[0].low, waves[1].low)
    assert waves[0].high[0] == sound[:, :500].max()


def test_the_picture_shows_where_and_when_a_tone_is() -> None:
    time = np.arange(96_000) / 48_000
    tone = np.where(time < 1.0, np.sin(2 * np.pi * 1000 * time), 0.0).astype(np.float32)[np.newaxis]
    overview = SpectrogramOverview(96_000, 48_000)
    overview.update(tone)
    levels = overview.decibels()
    row = int(np.searchsorted(overview.edges_hz, 1000.0)) - 1
    assert abs(int(levels[:, 20].argmax()) - row) <= 1
    assert levels[:, 20].max() > -15.0
    assert levels[:, 180].max() < -100.0


@pytest.mark.parametrize("num_samples", [1, 100, 2048, 2049])
def test_recordings_shorter_than_a_frame_have_a_picture(num_samples: int) -> None:
    overview = SpectrogramOverview(num_samples, 48_000)
    overview.update(noise(1, num_samples))
    assert np.isfinite(overview.decibels()).all()
    assert overview.decibels().shape == (48, 200)


@pytest.mark.parametrize("num_samples", [48_000, 40_000, 100])
def test_a_length_that_was_estimated_too_long_still_makes_a_picture(num_samples: int) -> None:
    tone = np.sin(2 * np.pi * 1_000 * np.arange(num_samples) / 48_000)[np.newaxis].astype(np.float32)
    overview = SpectrogramOverview(50_000, 48_000, columns=50)
    for start in range(0, num_samples, 5_000):
        overview.update(tone[:, start : start + 5_000])
    levels = overview.decibels()
    assert levels.shape == (48, 50)
    assert levels.max(axis=0).min() > -80.0  # no column is empty
