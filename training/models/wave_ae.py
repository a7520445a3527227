"""Dense autoencoder on the waveform: one second in, one second out, joined by Hann overlap-add.

The window of a second is the analysis frame itself: the engine multiplies it by the root of a Hann window
before and after, cuts its spectrum to the network's band (or pads it), and so brings every sample rate to
the network's.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.engine.signal.framing import analysis_window, spectrum_scale
from hushgate.training.models.segments import SegmentConfig, SegmentNetwork

_TINY = 1e-12


@dataclass(frozen=True)
class WaveAEConfig(SegmentConfig):
    """Size of a dense waveform autoencoder; the defaults are windows of 1 s at 16 kHz.

    Args:
        layers: Widths of the dense layers down to the code; they come back mirrored.
    """

    frame_ms: float = 1000.0
    overlap: int = 2
    num_bins: int = 8000
    segment_frames: int = 1
    segment_hop_frames: int = 1
    upper_from_hz: float = 6000.0
    layers: Sequence[int] = (1024, 512, 256)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.segment_frames != 1:
            raise ValueError(
                f"segment_frames must be 1: the segment is the frame (got {self.segment_frames})."
            )
        if not self.layers:
            raise ValueError("layers must name at least one width (got none).")

    @property
    def num_samples(self) -> int:
        """Samples in a window at the network's rate, `1000 * num_samples / frame_ms` Hz."""
        return 2 * self.num_bins


class WaveAE(SegmentNetwork):
    """Dense layers with ReLU from a window of sound to a code and back.

    A window goes in relative to its RMS level and comes out at that level.
    """

    has_code = True
    takes_waveforms = True

    def __init__(self, config: WaveAEConfig | None = None) -> None:
        config = config or WaveAEConfig()
        super().__init__(config)
        self.num_samples = config.num_samples
        self.scale = spectrum_scale(analysis_window(self.num_samples))
        sizes = [self.num_samples, *config.layers]
        self.down = nn.ModuleList(nn.Linear(before, after) for before, after in itertools.pairwise(sizes))
        sizes.reverse()
        self.up = nn.ModuleList(nn.Linear(before, after) for before, after in itertools.pairwise(sizes))

    @property
    def example_shape(self) -> tuple[int, ...]:
        """Shape of one input of the exported graph, without its batch axis: one window."""
        return (self.num_samples,)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map windows (batch, samples) to the same shape, and to their codes (batch, 1, dimensions)."""
        power = inputs.square().mean(-1, keepdim=True) + _TINY
        x = inputs * power.rsqrt()
        for layer in self.down[:-1]:
            x = functional.relu(layer(x))
        code = self.down[-1](x)
        x = code
        for layer in self.up:
            x = layer(functional.relu(x))
        return x.float() * power.sqrt(), code[:, None]

    def estimate(self, segments: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        spectrum = torch.view_as_complex(segments[:, 0].contiguous())
        window = torch.fft.irfft(functional.pad(spectrum, (0, 1)), self.num_samples) / self.scale
        output = torch.fft.rfft(self(window)[0]) * self.scale
        return torch.view_as_real(output[:, None, : self.config.num_bins]), {}
