"""Meters of the callback: load percentiles, falling peaks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hushgate.live.processing.load_meters import LoadMeter, PeakMeter, peak_of
from tests.helpers.live_fakes import RATE

BLOCK_S = 256 / RATE


def test_load_percentiles_come_from_all_blocks() -> None:
    meter = LoadMeter(BLOCK_S)
    assert meter.percentile(50.0) == 0.0
    for load in [0.1] * 98 + [0.7, 40.0]:
        meter.update(load)
    assert meter.percentile(50.0) == pytest.approx(0.1, abs=0.0026)
    assert meter.percentile(99.0) == pytest.approx(0.7, abs=0.0026)
    assert meter.percentile(100.0) >= 5.0
    assert meter.largest == 40.0
    assert meter.num_late == 1


def test_peak_meter_jumps_up_and_falls_by_24_db_per_second() -> None:
    meter = PeakMeter(0.01)
    assert meter.dbfs == -math.inf
    meter.update(1.0)
    assert meter.dbfs == pytest.approx(0.0)
    for _ in range(100):
        meter.update(0.0)
    assert meter.dbfs == pytest.approx(-24.0, abs=0.01)


def test_peak_shows_what_is_no_number() -> None:
    assert peak_of(np.float32([[0.5, -2.0]])) == 2.0  # type: ignore[arg-type]
    assert math.isnan(peak_of(np.float32([[0.5, np.nan]])))  # type: ignore[arg-type]
    assert peak_of(np.float32([[0.5, -np.inf]])) == math.inf  # type: ignore[arg-type]
    assert peak_of(np.empty((1, 0), np.float32)) == 0.0
