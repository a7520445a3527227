"""Frames of 16-bit samples through an effect, as voice agents hand them over."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from hushgate.effects.chain import Chain
from hushgate.effects.denoiser import Denoiser, find_denoisers
from hushgate.effects.preset_or_model import make_preset_or_model
from hushgate.live.processing.sound_stream import SoundStream

_SLICE_S = 0.02
_SCALE = 32_768.0
_FORMATS = ("B", "b", "c", "h", "<h")  # of buffers: bytes, and 16-bit integers


class PcmStream:
    """An effect over interleaved 16-bit frames: as many samples out as in, `latency_samples` late.

    Args:
        preset: A shipped name or a path; None for the model alone.
        model: A shipped name or a path; None for the preset's own, or "voice".
        **settings: Parameters of `Denoiser`, such as `attenuation_limit_db=24.0`.

    A frame of another sample rate or number of channels than before starts afresh. Not for two threads at
    once.

    Raises:
        OSError, PresetError, ModelError: The preset or the model cannot be used.
        TypeError, ValueError: A parameter out of range.
    """

    def __init__(
        self,
        preset: str | os.PathLike[str] | None = None,
        model: str | os.PathLike[str] | None = None,
        **settings: Any,
    ) -> None:
        self.effect: Denoiser | Chain = make_preset_or_model(preset, model, settings)
        self._format: tuple[int, int] | None = None
        self._stream: SoundStream | None = None

    def latency_samples(self, sample_rate: int) -> int:
        """Delay at `sample_rate` Hz, samples."""
        return self.effect.latency_samples_at(sample_rate)

    def process(self, data: bytes | bytearray | memoryview, sample_rate: int, num_channels: int = 1) -> bytes:
        """The next frame.

        Args:
            data: Interleaved 16-bit samples in the machine's byte order.
            sample_rate: Hz, 1,000 to 1,000,000.
            num_channels: 1 or more.

        Raises:
            TypeError: Neither bytes nor 16-bit integers.
            ValueError: Not whole samples of all channels, or a sample rate out of range.
        """
        view = memoryview(data)
        if view.format not in _FORMATS:
            raise TypeError(
                f"data must be 16-bit samples, as bytes or int16 (got items of format {view.format!r}). "
                "Scale floats by 32767 and convert them to int16."
            )
        if num_channels < 1:
            raise ValueError(f"num_channels must be 1 or more (got {num_channels}).")
        if view.nbytes % 2:
            raise ValueError(f"a frame must hold whole samples of 16 bits (got {view.nbytes} bytes).")
        frame = np.frombuffer(data, np.int16)
        if len(frame) % num_channels:
            raise ValueError(
                f"a frame must hold whole samples of {num_channels} channels (got {len(frame)})."
            )
        if self._stream is None or self._format != (sample_rate, num_channels):
            self._format = (sample_rate, num_channels)
            self._stream = SoundStream(
                self.effect,
                sample_rate,
                num_channels,
                self.latency_samples(sample_rate),
                max(16, round(_SLICE_S * sample_rate)),
            )
        block = (frame.reshape(-1, num_channels).T / _SCALE).astype(np.float32)
        output = np.rint(self._stream.process(block).T * np.float32(_SCALE))
        cleaned: bytes = np.clip(output, -_SCALE, _SCALE - 1.0).astype(np.int16).tobytes()
        return cleaned

    def set(self, **settings: Any) -> None:
        """Change parameters of every `Denoiser` while sound runs.

        Raises:
            TypeError, ValueError, AttributeError: A value out of range, or no parameter.
        """
        for denoiser in find_denoisers(self.effect):
            for name, value in settings.items():
                setattr(denoiser, name, value)

    def reset(self) -> None:
        """Forget all sound."""
        self._stream = None
