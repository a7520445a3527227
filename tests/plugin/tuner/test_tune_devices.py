"""`hushgate tune --live` in a process of its own, through a real sound server without a sound card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.live_room import RATE, Room, why_not
from tests.helpers.strings import pluck

WHY_NOT = why_not()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def test_a_string_played_into_the_microphone_is_read_live(room: Room, tmp_path: Path) -> None:
    string = pluck(110.5, sample_rate=RATE, seconds=5.0)
    sound = tmp_path / "string.raw"
    np.tile(string, 8).astype("<f4").tofile(sound)
    room.play(sound)
    options = ["--no-denoise", "--json", "--duration", "4", "--block-size", "512"]
    process = room.hushgate("tune", "--live", *options)
    out, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors.decode()
    readings = [json.loads(line) for line in out.decode().splitlines()]
    assert len(readings) > 50  # 25 a second, less what a busy machine loses
    cents = [reading["cents"] for reading in readings if reading["note"] == "A2"]
    assert len(cents) > 20
    assert float(np.median(cents)) == pytest.approx(7.85, abs=0.5)
