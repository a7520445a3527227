"""Which bins belong to which band above a model, and what it is told of them."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.engine.signal.upper_bands import UpperLevels, upper_band_slices

EDGES = (8_000.0, 9_500.0, 11_500.0, 14_000.0, 17_500.0)


def _levels(num_bins: int) -> UpperLevels:
    return UpperLevels(EDGES, 24_000.0, 32.0, 256, num_bins)


def test_bands_follow_one_another_without_gaps() -> None:
    slices = upper_band_slices(EDGES, 32.0, 256, 769)
    assert [band for band, _ in slices] == [0, 1, 2, 3, 4]
    assert [part.start for _, part in slices] == [256, 304, 368, 448, 560]
    assert [part.stop for _, part in slices] == [304, 368, 448, 560, 769]
    assert upper_band_slices(EDGES, 32.0, 256, 256) == []


@pytest.mark.parametrize(
    ("rate", "num_known"),
    [(8_000, 0), (16_000, 0), (22_050, 2), (24_000, 2), (32_000, 4), (44_100, 5), (48_000, 5), (96_000, 5)],
)
def test_a_band_is_known_where_half_of_it_is_there(rate: int, num_known: int) -> None:
    num_bins = int(rate * 0.032) // 2 + 1
    levels = _levels(num_bins).levels(np.ones((1, 2, num_bins), np.complex64))
    assert levels.shape == (1, 2, 5, 2)
    assert levels.dtype == np.float32
    assert levels[0, 1, :, 1].tolist() == [1.0] * num_known + [0.0] * (5 - num_known)
    assert np.array_equal(levels[..., 0], levels[..., 1])


def test_levels_are_mean_powers_and_end_at_the_top() -> None:
    spectra = np.zeros((1, 1, 1537), np.complex64)
    spectra[..., 256:304] = 0.3 + 0.4j
    spectra[..., 304:336] = 1.0  # half of the second band
    spectra[..., 768:] = 100.0  # above 24 kHz nothing is heard
    found = _levels(1537).levels(spectra)[0, 0, :, 0]
    assert found == pytest.approx([0.25, 0.5, 0.0, 0.0, 0.0], rel=1e-6)
