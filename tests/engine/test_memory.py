"""Memory does not grow with the length of the sound."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest

from hushgate.engine import BlockDenoiser, Model
from tests.helpers.sounds import noise


@pytest.mark.level(9)
@pytest.mark.parametrize(("block_size", "num_blocks"), [(64, 1000), (30_000, 30)])
def test_memory_does_not_grow_while_processing(
    any_model: Model, block_size: int, num_blocks: int, rng: np.random.Generator
) -> None:
    denoiser = BlockDenoiser(any_model, gate_threshold_db=-30.0, mix=0.7)
    denoiser.prepare(48_000, block_size, 2)
    block = noise(rng, 2, block_size)
    tracemalloc.start()
    try:
        for _ in range(num_blocks // 10):
            denoiser.process(block)
        gc.collect()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(num_blocks):
            denoiser.process(block)
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # What stays differs by the sizes of the last results, not by what went through.
    assert after - before < 20_000
    # At no time more than a few copies of the block and of one call's spectra.
    frames = min(32, 2 + block_size // (denoiser.latency_samples // 4))
    assert peak - before < 200_000 + 12 * 8 * block_size + 2 * 12 * 8 * frames * denoiser.model.info.num_bins
    assert np.isfinite(denoiser.process(block)).all()


def test_memory_of_one_long_block_is_that_of_its_result(identity: Model) -> None:
    denoiser = BlockDenoiser(identity)
    denoiser.prepare(48_000, 480, 1)
    minute = np.zeros((1, 60 * 48_000), np.float32)
    denoiser.process(minute[:, :100_000])
    tracemalloc.start()
    try:
        denoiser.process(minute)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Wet and dry; silence is not copied but replaced once more.
    assert peak < 3 * minute.nbytes + 5_000_000
