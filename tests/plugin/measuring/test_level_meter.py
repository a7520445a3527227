"""Level meter: levels do not depend on block sizes."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.measuring.level_meter import LevelMeter
from tests.helpers.blocks import BLOCK_SIZES, cut


@pytest.mark.parametrize("sizes", BLOCK_SIZES)
def test_levels_are_right_whatever_the_blocks(sizes: tuple[int, ...]) -> None:
    sound = np.concatenate([np.full((2, 43_200), 0.5), np.full((2, 4_800), 0.005)], axis=1).astype(np.float32)
    meter = LevelMeter()
    for block in cut(sound, sizes):
        meter.update(block)
    assert meter.peak_db == pytest.approx(-6.02, abs=0.01)
    assert meter.level_db == pytest.approx(-6.02 + 10 * np.log10(0.9), abs=0.01)


def test_silence_has_no_level() -> None:
    meter = LevelMeter()
    meter.update(np.zeros((1, 48_000), np.float32))
    assert (meter.level_db, meter.peak_db) == (None, None)
