"""Peak limiter: ceiling, smooth gain, unchanged samples."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.rendering.peak_limiter import PeakLimiter
from tests.helpers.blocks import BLOCK_SIZES, cut
from tests.helpers.seeded_noise import noise


def limited(sound: np.ndarray, sizes: tuple[int, ...]) -> tuple[np.ndarray, float]:
    limiter = PeakLimiter(48_000, 0.98)
    parts = [limiter.process(block) for block in cut(sound, sizes)]
    rest = limiter.flush()
    assert rest is not None
    return np.concatenate([*parts, rest], axis=1), limiter.lowest_gain


@pytest.mark.parametrize("sizes", BLOCK_SIZES)
def test_the_limiter_holds_every_peak_and_leaves_the_rest_alone(sizes: tuple[int, ...]) -> None:
    sound = noise(2, 50_000, scale=0.35)
    sound[:, :20_000] *= 0.3
    out, lowest_gain = limited(sound, sizes)
    assert out.shape == sound.shape
    assert np.abs(out).max() <= 0.98
    assert np.array_equal(out[:, :19_000], sound[:, :19_000])
    assert lowest_gain == pytest.approx(0.98 / np.abs(sound).max(), rel=1e-6)
    assert np.array_equal(out, limited(sound, (50_000,))[0])


def test_the_limiter_moves_smoothly_and_both_channels_alike() -> None:
    sound = np.full((2, 4000), 0.5, np.float32)
    sound[0, 2000] = 1.96
    out, _ = limited(sound, (4000,))
    gain = out / sound
    assert np.allclose(gain[0], gain[1])
    assert np.abs(np.diff(gain[1])).max() < 0.005
    assert gain[1, 2000] == pytest.approx(0.5)
    assert np.array_equal(gain[1, :1700], np.ones(1700))


def test_a_limiter_without_input_holds_nothing() -> None:
    assert PeakLimiter(48_000, 0.98).flush() is None
