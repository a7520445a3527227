"""Datasets: the package's own `map` over real audio; tensors of torchaudio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hushgate import Denoiser
from hushgate.integrations.datasets import DenoiseExamples, denoise_waveform

EXAMPLE = Path(__file__).parents[3] / "examples" / "noisy_speech.flac"


def test_map_cleans_the_recordings_of_a_dataset(stateful: str) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    speech, rate = soundfile.read(EXAMPLE, dtype="float32", frames=48_000)
    takes = [speech[:24_000], speech[24_000:]]
    rows = [{"audio": {"array": take, "sampling_rate": rate}, "text": str(i)} for i, take in enumerate(takes)]
    dataset = datasets.Dataset.from_list(rows)
    cleaned = dataset.map(DenoiseExamples(model=stateful))
    for row, take in zip(cleaned, takes, strict=True):
        assert row["audio"]["sampling_rate"] == rate
        np.testing.assert_allclose(row["audio"]["array"], Denoiser(stateful)(take, rate), atol=1e-6)
    assert cleaned["text"] == ["0", "1"]


def test_another_column_may_hold_the_recordings(stateful: str, rng: np.random.Generator) -> None:
    sound = rng.standard_normal((2, 4800)).astype(np.float32)
    example: dict[str, Any] = {"speech": {"array": sound, "sampling_rate": 16_000}, "id": 7}
    cleaned: dict[str, Any] = DenoiseExamples(model=stateful, column="speech")(example)
    assert cleaned["id"] == 7
    np.testing.assert_array_equal(cleaned["speech"]["array"], Denoiser(stateful)(sound, 16_000))
    assert example["speech"]["array"] is sound


def test_a_tensor_keeps_shape_and_device(stateful: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    speech, rate = soundfile.read(EXAMPLE, dtype="float32", frames=48_000)
    waveform = torch.from_numpy(speech[None])
    cleaned = denoise_waveform(waveform, rate, Denoiser(stateful))
    assert cleaned.shape == waveform.shape
    np.testing.assert_array_equal(cleaned.numpy()[0], Denoiser(stateful)(speech, rate))
