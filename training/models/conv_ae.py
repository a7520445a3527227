"""Convolutional autoencoder on the STFT magnitude: three stages down, three stages up, noisy phase."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.training.models.segments import (
    SegmentConfig,
    SegmentNetwork,
    power_of,
    start_near,
    with_phase_of,
)

_OUTPUTS = ("mask", "magnitude")
_TINY = 1e-6


@dataclass(frozen=True)
class ConvAEConfig(SegmentConfig):
    """Size and framing of a convolutional autoencoder; the defaults are for songs at 44.1 kHz.

    Args:
        filters: Filters of the stages on the way down; each halves bins and frames.
        compression: Exponent of the magnitudes that the network sees, above 0 to 1 (plain magnitudes).
        output: "mask" scales the input by 0 to 1, "magnitude" generates magnitudes.
    """

    frame_ms: float = 46.44
    overlap: int = 2
    num_bins: int = 1024
    segment_frames: int = 64
    segment_hop_frames: int = 32
    upper_from_hz: float = 16_000.0
    filters: Sequence[int] = (16, 32, 64)
    compression: float = 0.3
    output: str = "mask"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_multiple(2 ** len(self.filters), len(self.filters))
        if self.output not in _OUTPUTS:
            raise ValueError(f"output must be one of {', '.join(_OUTPUTS)} (got {self.output!r}).")
        if not 0.0 < self.compression <= 1.0:
            raise ValueError(f"compression must be above 0.0 and at most 1.0 (got {self.compression}).")


class ConvAE(SegmentNetwork):
    """Autoencoder of 3 x 3 convolutions with ReLU over (frames, bins), without skips.

    Magnitudes are relative to the mean of their segment: how loud a recording is makes no difference.
    """

    def __init__(self, config: ConvAEConfig | None = None) -> None:
        config = config or ConvAEConfig()
        super().__init__(config)
        self.output, self.compression = config.output, config.compression
        sizes = [1, *config.filters]
        self.down = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in itertools.pairwise(sizes)
        )
        sizes.reverse()
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1)
            for before, after in itertools.pairwise(sizes)
        )
        last = self.up[-1]
        assert isinstance(last, nn.ConvTranspose2d)
        start_near(last, 2.0 if config.output == "mask" else 1.0)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        level, relative = self._features(inputs)
        return self._render(self._decode(self._encode(relative)), level, inputs), None

    def _features(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Mean compressed magnitude of each segment, and all of them relative to it with a channel axis."""
        magnitude = (power_of(segments) + _TINY**2).pow(self.compression / 2.0)[:, None]
        level = magnitude.mean((2, 3), keepdim=True)
        return level, magnitude / level

    def _encode(self, x: Tensor) -> Tensor:
        for layer in self.down:
            x = functional.relu(layer(x))
        return x

    def _decode(self, x: Tensor) -> Tensor:
        for layer in self.up[:-1]:
            x = functional.relu(layer(x))
        y: Tensor = self.up[-1](x).float()
        return y

    def _render(self, decoded: Tensor, level: Tensor, segments: Tensor) -> Tensor:
        if self.output == "mask":
            return segments * torch.sigmoid(decoded[:, 0, :, :, None])
        magnitude = (functional.relu(decoded) * level).pow(1.0 / self.compression)[:, 0]
        return with_phase_of(magnitude, segments)
