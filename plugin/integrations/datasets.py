"""Functions for `map` of Hugging Face datasets, and for tensors of torchaudio."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from hushgate.effects.preset_or_model import make_preset_or_model


class DenoiseExamples:
    """Clean the recordings of a dataset: `dataset.map(DenoiseExamples("voice"))`.

    Args:
        preset: A shipped name or a path; None for the model alone.
        model: A shipped name or a path; None for the preset's own, or "voice".
        column: The column with the recordings.
        **settings: Parameters of `Denoiser`.

    A recording is a dictionary with `array`, (samples,) or (channels, samples), and `sampling_rate` in Hz;
    the cleaned one has the same keys, and float32. An object can be pickled, for `num_proc`.

    Raises:
        OSError, PresetError, ModelError, TypeError, ValueError: When it is made: what cannot be used.
    """

    def __init__(
        self,
        preset: str | os.PathLike[str] | None = None,
        model: str | os.PathLike[str] | None = None,
        *,
        column: str = "audio",
        **settings: Any,
    ) -> None:
        self._effect = make_preset_or_model(preset, model, settings)
        self._column = column

    def __call__(self, example: dict[str, Any]) -> dict[str, Any]:
        """The example with its recording cleaned."""
        recording = example[self._column]
        rate = recording["sampling_rate"]
        samples = np.asarray(recording["array"], np.float32)
        return {**example, self._column: {"array": self._effect(samples, rate), "sampling_rate": rate}}


def denoise_waveform(waveform: Any, sample_rate: int, effect: Any = None) -> Any:
    """Clean a tensor as `torchaudio.load` returns it.

    Args:
        waveform: float tensor (channels, samples), on any device, without gradient.
        sample_rate: Hz.
        effect: A `Denoiser` or a `Chain`; None for the model voice.

    Returns:
        A float32 tensor of the same shape on the same device.
    """
    import torch

    if effect is None:
        effect = make_preset_or_model(None, None, {})
    samples = waveform.detach().cpu().numpy().astype(np.float32)
    return torch.from_numpy(effect(samples, sample_rate)).to(waveform.device)
