"""The engine's framing in PyTorch: the same frames, window and scale, differentiable and in batches."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from hushgate.engine.signal.framing import analysis_window, frame_size_for, spectrum_scale


class Framing:
    """Forward and inverse short-time transform as the engine does them, for whole segments.

    Args:
        sample_rate: Hz.
        frame_ms: Length of a frame, ms.
        overlap: Frames that cover each sample.

    Shapes: `analyse` maps (batch, samples) to (batch, frames, bins, 2), all bins from 0 Hz to Nyquist;
    `synthesize` maps it back to (batch, samples). Silence is added on both sides, so that every
    sample is covered by `overlap` frames and the round trip is exact.
    """

    def __init__(self, sample_rate: float, frame_ms: float, overlap: int) -> None:
        self.frame_size = frame_size_for(sample_rate, frame_ms, overlap)
        self.hop_size = self.frame_size // overlap
        self.overlap = overlap
        window = analysis_window(self.frame_size)
        self.scale = spectrum_scale(window)
        self._window = torch.from_numpy(window)

    def analyse(self, audio: Tensor) -> Tensor:
        lead = self.frame_size - self.hop_size
        tail = -audio.shape[-1] % self.hop_size + lead
        frames = functional.pad(audio, (lead, tail)).unfold(-1, self.frame_size, self.hop_size)
        spectrum = torch.fft.rfft(frames * self._window.to(audio.device)) * self.scale
        return torch.view_as_real(spectrum)

    def synthesize(self, spectrum: Tensor, num_samples: int) -> Tensor:
        frames = torch.fft.irfft(torch.view_as_complex(spectrum.contiguous()), self.frame_size)
        frames = frames * (self._window.to(spectrum.device) * (2.0 / (self.scale * self.overlap)))
        batch, count, _ = frames.shape
        # Overlap-add: every frame is `overlap` hops; hop j of frame i lands on hop i + j of the sound.
        hops = frames.reshape(batch, count, self.overlap, self.hop_size)
        total = sum(
            functional.pad(hops[:, :, j], (0, 0, j, self.overlap - 1 - j)) for j in range(self.overlap)
        )
        assert isinstance(total, Tensor)
        lead = self.frame_size - self.hop_size
        return total.reshape(batch, -1)[:, lead : lead + num_samples]


def apply_mask(spectrum: Tensor, mask: Tensor, upper_gain: Tensor) -> Tensor:
    """Multiply a spectrum by a complex mask on its lowest bins, and by one gain above them."""
    num_bins = min(mask.shape[-2], spectrum.shape[-2])
    real, imaginary = spectrum[..., :num_bins, :].unbind(-1)
    gain, turn = mask[..., :num_bins, :].unbind(-1)
    low = torch.stack([real * gain - imaginary * turn, real * turn + imaginary * gain], dim=-1)
    high = spectrum[..., num_bins:, :] * upper_gain[..., :1, None]
    return torch.cat([low, high], dim=-2)
