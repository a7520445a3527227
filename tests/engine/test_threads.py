"""Sessions are shared between threads, sound never; settings may be moved from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hushgate.engine import PARAMETERS, BlockDenoiser, Model, load_model
from tests.helpers import tiny_models
from tests.helpers.sounds import Audio, noise, run


def prepared(model: Model, num_channels: int = 1) -> BlockDenoiser:
    denoiser = BlockDenoiser(model, gate_threshold_db=-30.0)
    denoiser.prepare(16_000, 512, num_channels)
    return denoiser


def test_denoisers_in_threads_give_what_they_give_alone(any_model: Model, rng: np.random.Generator) -> None:
    sounds = [noise(rng, 1, 8_000 + 1_000 * i, 0.2) for i in range(4)]
    alone = [run(prepared(any_model), sound, 160) for sound in sounds]

    def job(index: int) -> Audio:
        return run(prepared(any_model), sounds[index % 4], 160)

    with ThreadPoolExecutor(4) as pool:
        for index, out in enumerate(pool.map(job, range(8))):
            assert np.array_equal(out, alone[index % 4])


def test_threads_that_start_together_load_one_model(tmp_path: Path) -> None:
    path = tiny_models.stateful().save(tmp_path / "m.onnx")
    barrier = threading.Barrier(8)

    def load(_: int) -> Model:
        barrier.wait()
        return load_model(path)

    with ThreadPoolExecutor(8) as pool:
        assert len({id(model) for model in pool.map(load, range(8))}) == 1


def run_beside(action: Callable[[], None], denoiser: BlockDenoiser, blocks: list[Audio]) -> list[Audio]:
    """Process `blocks` while another thread repeats `action`; its errors are raised here."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.is_set():
            action()

    with ThreadPoolExecutor(1) as pool:
        repeating = pool.submit(repeat)
        try:
            return [denoiser.process(block) for block in blocks]
        finally:
            stop.set()
            repeating.result(timeout=10)


@pytest.mark.level(7)
def test_settings_from_another_thread_keep_the_sound_finite(
    any_model: Model, rng: np.random.Generator
) -> None:
    denoiser = prepared(any_model, 2)
    values = {
        name: list(p.choices or [*rng.uniform(p.minimum, p.maximum, 20), *p.special])
        for name, p in PARAMETERS.items()
    }

    def turn_everything() -> None:
        for name in PARAMETERS:
            setattr(denoiser, name, values[name][rng.integers(len(values[name]))])

    outs = run_beside(turn_everything, denoiser, [noise(rng, 2, 32) for _ in range(500)])
    assert all(np.isfinite(out).all() for out in outs)
    for name, parameter in PARAMETERS.items():
        setattr(denoiser, name, parameter.default)
    denoiser.reset()
    fresh = BlockDenoiser(any_model)
    fresh.prepare(16_000, 512, 2)
    audio = noise(rng, 2, 4000)
    assert np.array_equal(run(denoiser, audio, 100), run(fresh, audio, 100))


@pytest.mark.level(4)
def test_reading_everything_from_another_thread_changes_nothing(
    any_model: Model, rng: np.random.Generator
) -> None:
    blocks = [noise(rng, 2, 256) for _ in range(150)]
    quiet = prepared(any_model, 2)
    expected = [quiet.process(block) for block in blocks]
    denoiser = prepared(any_model, 2)

    def read_everything() -> None:
        repr(denoiser)
        for name in PARAMETERS:
            getattr(denoiser, name)
        assert denoiser.gain_reduction_db >= 0.0
        assert 0.0 <= denoiser.presence <= 1.0
        assert denoiser.input_peak_db <= 20.0
        assert denoiser.output_peak_db <= 20.0
        assert denoiser.num_nonfinite == denoiser.num_faulty_frames == 0

    outs = run_beside(read_everything, denoiser, blocks)
    assert all(np.array_equal(out, other) for out, other in zip(outs, expected, strict=True))
