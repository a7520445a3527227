"""Frames keep their length in ms at every rate, and overlap-add gives back what went in."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.engine.signal.framing import analysis_window, frame_size_for, spectrum_scale
from tests.helpers.sounds import RATES, sine


def largest_prime_factor(number: int) -> int:
    factor, largest = 2, 1
    while number > 1:
        while number % factor == 0:
            largest, number = factor, number // factor
        factor += 1
    return largest


@pytest.mark.parametrize("frame_ms", [10.0, 20.0, 32.0, 64.0, 92.88])
@pytest.mark.parametrize("overlap", [2, 3, 4])
def test_frames_are_close_to_their_length_in_ms_and_quick_to_transform(frame_ms: float, overlap: int) -> None:
    for rate in RATES:
        size = frame_size_for(rate, frame_ms, overlap)
        assert size % overlap == 0
        assert size % 2 == 0
        assert largest_prime_factor(size) <= 11
        assert size == pytest.approx(rate * frame_ms / 1000.0, rel=0.03, abs=2 * overlap)


@pytest.mark.parametrize(("size", "overlap"), [(512, 2), (1408, 2), (768, 3), (1536, 4)])
def test_shifted_squared_windows_sum_to_half_the_overlap(size: int, overlap: int) -> None:
    squares = analysis_window(size).astype(np.float64) ** 2
    assert squares.reshape(overlap, -1).sum(axis=0) == pytest.approx(overlap / 2, abs=1e-6)


@pytest.mark.parametrize("rate", RATES)
def test_a_full_scale_sine_reads_one_at_every_rate(rate: int) -> None:
    size = frame_size_for(rate, 32.0, 2)
    window = analysis_window(size)
    tone = sine(rate, 50 * rate / size, 0.1)[0, :size]
    spectrum = np.fft.rfft(tone * window) * spectrum_scale(window)
    assert abs(spectrum[50]) == pytest.approx(1.0, abs=2e-3)
