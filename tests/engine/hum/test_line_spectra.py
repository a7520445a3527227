"""Amplitudes and phases of lines in frames, at any rate."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.engine.hum.line_spectra import LineSpectra


@pytest.mark.parametrize("sample_rate", [1000.0, 8000.0, 11025.0, 44056.3, 48000.0, 192_000.0])
@pytest.mark.parametrize("frequency_hz", [50.0, 50.17, 119.6, 441.0, 2950.0])
def test_a_line_reads_its_amplitude_and_its_phase_in_the_middle(
    sample_rate: float, frequency_hz: float
) -> None:
    if frequency_hz > 0.45 * sample_rate:
        pytest.skip("no such line at this rate")
    lines = LineSpectra(sample_rate)
    size, kept = lines.hop_size, lines.num_preceding
    places = np.arange(-size - kept, size)
    sound = 0.25 * np.cos(2.0 * np.pi * frequency_hz * places / sample_rate + 0.7)[None].astype(np.float32)
    hops = [np.ascontiguousarray(sound[:, first : first + kept + size]) for first in (0, size)]
    frame = np.concatenate([lines.at_low_rate(hop) for hop in hops], axis=1)
    (bin_,), (factor,) = lines.bins_of(np.array([frequency_hz]))
    found = lines.of_frame(frame)[0, bin_] * factor
    assert abs(found) == pytest.approx(0.25, rel=1e-3)
    assert np.angle(found) == pytest.approx(0.7, abs=2e-3)


def test_a_tone_a_hop_rate_beside_a_line_does_not_reach_it() -> None:
    lines = LineSpectra(48_000.0)
    places = np.arange(-lines.hop_size - lines.num_preceding, lines.hop_size)
    sound = np.cos(2.0 * np.pi * 60.0 * places / 48_000.0)[None].astype(np.float32)
    hops = [sound[:, : lines.num_preceding + lines.hop_size], sound[:, lines.hop_size :]]
    frame = np.concatenate([lines.at_low_rate(np.ascontiguousarray(hop)) for hop in hops], axis=1)
    (bin_,), _ = lines.bins_of(np.array([50.0]))
    assert abs(lines.of_frame(frame)[0, bin_]) < 1e-4


def test_lines_stay_below_3_khz_and_half_the_rate() -> None:
    assert LineSpectra(48_000.0).num_lines(50.0) == 60
    assert LineSpectra(48_000.0).num_lines(60.0) == 50
    assert LineSpectra(1000.0).num_lines(50.0) == 9
