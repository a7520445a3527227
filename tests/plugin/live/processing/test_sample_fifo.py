"""Sample queue: every sample in order, zeros where it is empty."""

from __future__ import annotations

import numpy as np

from hushgate.live.processing.sample_fifo import SampleFifo
from tests.helpers.seeded_noise import noise


def test_fifo_gives_back_every_sample_in_order_however_it_is_asked(rng: np.random.Generator) -> None:
    sound = noise(2, 5000)
    fifo = SampleFifo(2, capacity=16)
    out, pushed = [], 0
    while pushed < sound.shape[1] or fifo.num_samples:
        count = int(rng.integers(0, 300))
        fifo.push(sound[:, pushed : pushed + count])
        pushed += count
        out.append(fifo.pull(min(fifo.num_samples, int(rng.integers(0, 320)))))
    np.testing.assert_array_equal(np.concatenate(out, axis=1), sound)


def test_fifo_puts_zeros_before_what_it_has_when_too_much_is_asked() -> None:
    fifo = SampleFifo(1, capacity=4)
    fifo.push(np.float32([[1.0, 2.0]]))  # type: ignore[arg-type]
    assert fifo.pull(5).tolist() == [[0.0, 0.0, 0.0, 1.0, 2.0]]
    assert fifo.num_samples == 0
