"""Both definitions of an SNR, measured block by block."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hushgate.training.mixtures.augmentations import active_level_db, level_db
from hushgate.training.mixtures.noised_files.snr import PowerMeter, ratio_db

RATE = 8_000


def _phrases(rng: np.random.Generator) -> np.ndarray:
    time = np.arange(3 * RATE + 77) / RATE
    return (np.sin(2 * np.pi * 200 * time) * (np.sin(2 * np.pi * time) > 0.3)).astype(np.float32)


@pytest.mark.parametrize("block_size", [50, 160, 4_001, 10**6])
def test_the_definitions_are_those_of_the_mixer_for_every_block_size(
    block_size: int, rng: np.random.Generator
) -> None:
    sound = _phrases(rng)
    meters = {"file": PowerMeter(RATE), "active": PowerMeter(RATE, "active")}
    for start in range(0, len(sound), block_size):
        for meter in meters.values():
            meter.update(sound[None, start : start + block_size])
    assert 10 * math.log10(meters["file"].power) == pytest.approx(level_db(sound), abs=1e-4)
    assert 10 * math.log10(meters["active"].power) == pytest.approx(active_level_db(sound, RATE), abs=1e-4)
    assert meters["active"].power > 1.5 * meters["file"].power


def test_silence_and_nothing_have_no_ratio() -> None:
    meter = PowerMeter(RATE, "active")
    assert meter.power == 0.0
    meter.update(np.zeros((2, 400), np.float32))
    assert meter.power == 0.0
    assert math.isnan(ratio_db(meter.power, 1.0))
    assert math.isnan(ratio_db(1.0, 0.0))
    with pytest.raises(ValueError, match="snr_of must be one of file, active"):
        PowerMeter(RATE, "loud")
