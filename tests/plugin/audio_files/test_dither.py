"""Integer samples are rounded, not cut, and dithered where the word gets shorter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.audio_files.dither import Quantizer
from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.audio_format import AudioFormat

BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}
CONTAINERS = {"PCM_U8": "WAV", "PCM_S8": "AIFF", "PCM_16": "WAV", "PCM_24": "WAV"}


@pytest.mark.parametrize("container", ["WAV", "AIFF", "FLAC", "CAF", "W64", "RF64"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_every_container_rounds_to_the_nearest_step(tmp_path: Path, container: str, subtype: str) -> None:
    scale = 2 ** (BITS[subtype] - 1)
    steps = np.float32([[-0.9, -0.6, -0.4, 0.4, 0.6, 0.9, 100.4, -100.6, 1e9]])  # type: ignore[arg-type]
    form = AudioFormat(48_000, 1, steps.size, container, subtype)
    with FileWriter(tmp_path / "a", form) as writer:
        writer.write(steps / np.float32(scale))  # type: ignore[arg-type]
    read = soundfile.read(tmp_path / "a", dtype="float64")[0] * scale
    assert read.tolist() == [-1, -1, 0, 0, 1, 1, 100, -101, scale - 1]


@pytest.mark.parametrize("subtype", list(BITS))
def test_what_lies_on_the_steps_passes_unchanged(tmp_path: Path, subtype: str) -> None:
    scale = 2 ** (BITS[subtype] - 1)
    steps = np.random.default_rng(0).integers(-scale, scale, (2, 5000))
    block = (steps / scale).astype(np.float32)
    with FileWriter(tmp_path / "a", AudioFormat(48_000, 2, 5000, CONTAINERS[subtype], subtype)) as writer:
        writer.write(block)
    assert np.array_equal(soundfile.read(tmp_path / "a", dtype="float32")[0].T, block)


def test_dither_makes_the_error_independent_of_the_signal() -> None:
    quiet = np.full((1, 200_000), 0.3 / 32768, np.float32)
    assert not Quantizer("PCM_16")(quiet).any()  # without dither it is lost
    dithered = Quantizer("PCM_16", dither_seed=1)(quiet).astype(np.float64) * 32768
    assert dithered.mean() == pytest.approx(0.3, abs=0.01)
    # Triangular dither two steps wide: the variance of the error is 1/4, whatever the signal.
    assert np.mean((dithered - 0.3) ** 2) == pytest.approx(0.25, abs=0.01)


def test_dither_depends_on_the_seed_and_not_on_blocks() -> None:
    sound = np.random.default_rng(2).standard_normal((2, 4000)).astype(np.float32) * 0.1
    whole = Quantizer("PCM_16", dither_seed=7)(sound)
    pieces = Quantizer("PCM_16", dither_seed=7)
    joined = np.concatenate([pieces(sound[:, a:b]) for a, b in ((0, 1), (1, 700), (700, 4000))], axis=1)
    assert np.array_equal(whole, joined)
    assert not np.array_equal(whole, Quantizer("PCM_16", dither_seed=8)(sound))


def test_dither_keeps_digital_silence_silent() -> None:
    assert not Quantizer("PCM_16", dither_seed=1)(np.zeros((2, 1000), np.float32)).any()


def test_floating_point_passes_untouched() -> None:
    sound = np.float32([[1e-9, 1.5, -3.0]])  # type: ignore[arg-type]
    assert Quantizer("FLOAT", dither_seed=1)(sound) is sound  # type: ignore[arg-type, comparison-overlap]
