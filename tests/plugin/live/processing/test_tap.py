"""Tap: every sample from one thread to another, lost ones counted."""

from __future__ import annotations

import threading
import time

import numpy as np

from hushgate.live.processing.tap import Tap
from tests.helpers.seeded_noise import noise


def test_tap_carries_every_sample_between_two_threads() -> None:
    sound = noise(2, 50_000)
    tap = Tap(2, capacity=1000)

    def write() -> None:
        for start in range(0, sound.shape[1], 333):
            while not tap.write(sound[:, start : start + 333]):
                time.sleep(0)

    writer = threading.Thread(target=write)
    writer.start()
    parts = []
    while writer.is_alive() or tap.num_waiting:
        parts.append(tap.read())
        time.sleep(0)
    writer.join()
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), sound)


def test_tap_leaves_out_and_counts_what_does_not_fit_and_continues() -> None:
    tap = Tap(1, capacity=10)
    assert tap.write(np.ones((1, 8), np.float32))
    assert not tap.write(np.full((1, 3), 2.0, np.float32))
    assert tap.num_lost == 3
    assert tap.read().tolist() == [[1.0] * 8]
    assert tap.write(np.full((1, 10), 3.0, np.float32))
    assert tap.read().tolist() == [[3.0] * 10]
