"""U-Net on patches of the spectrogram that predicts a mask, or the clean spectrogram.

Reference: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
MICCAI 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.training.models.segments import (
    SegmentConfig,
    SegmentNetwork,
    magnitude_from_db,
    power_of,
    scaled_db,
    start_near,
    with_phase_of,
)

_RANGE_DB = (-100.0, 0.0)
_HEAD_FILTERS = 2
_UPSAMPLINGS = ("transposed", "convolution")
_OUTPUTS = ("mask", "spectrogram")
# Initial output of a generated spectrogram: most bins of most sounds are near it, -65 dB.
_INITIAL_LEVEL = -0.3


@dataclass(frozen=True)
class UNetConfig(SegmentConfig):
    """Size and framing of a U-Net; the defaults are for speech at 16 kHz in patches of 128 x 128.

    Args:
        filters: Filters of the stages on the way down; each halves bins and frames.
        bottleneck: Filters at the bottom.
        dropout: Probability of dropout in the last stage and at the bottom.
        upsampling: "transposed" widens by a transposed convolution, "convolution" repeats every value twice
            in both directions and applies a 2 x 2 convolution (Odena, Dumoulin and Olah, "Deconvolution and
            Checkerboard Artifacts", Distill 2016).
        output: "mask" scales the input by 0 to 1, "spectrogram" generates levels in dB.
    """

    frame_ms: float = 16.0
    overlap: int = 4
    num_bins: int = 128
    segment_frames: int = 128
    segment_hop_frames: int = 64
    upper_from_hz: float = 6000.0
    filters: Sequence[int] = (16, 32, 64, 128)
    bottleneck: int = 256
    dropout: float = 0.3
    upsampling: str = "transposed"
    output: str = "mask"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_multiple(2 ** len(self.filters), len(self.filters))
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout must be between 0.0 and 1.0 (got {self.dropout}).")
        for name, allowed in (("upsampling", _UPSAMPLINGS), ("output", _OUTPUTS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)} (got {getattr(self, name)!r}).")


class Pair(nn.Module):
    """Two 3 x 3 convolutions with LeakyReLU, and dropout after them."""

    def __init__(self, num_in: int, num_out: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Conv2d(num_in, num_out, 3, padding=1)
        self.second = nn.Conv2d(num_out, num_out, 3, padding=1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.leaky_relu(self.first(x), 0.1)
        y: Tensor = self.dropout(functional.leaky_relu(self.second(x), 0.1))
        return y


class WidenByConvolution(nn.Module):
    """Every value twice in both directions, then a 2 x 2 convolution that keeps the size."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(num_in, num_out, 2)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, frames, bins = x.shape
        x = x[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2)
        x = x.reshape(batch, channels, 2 * frames, 2 * bins)
        y: Tensor = self.convolution(functional.pad(x, (0, 1, 0, 1)))
        return y


class UNet(SegmentNetwork):
    """Four stages down, a bottleneck, four stages up with skips.

    The network sees levels in dB, -100 to 0 dBFS scaled to -1..1, over (frames, bins). The output is a
    magnitude mask, 0 to 1, or levels of the same scale. The phase is kept.
    """

    def __init__(self, config: UNetConfig | None = None) -> None:
        config = config or UNetConfig()
        super().__init__(config)
        self.output = config.output
        filters = list(config.filters)
        last = len(filters) - 1
        self.down = nn.ModuleList(
            Pair(before, after, config.dropout if stage == last else 0.0)
            for stage, (before, after) in enumerate(zip([1, *filters[:-1]], filters, strict=True))
        )
        self.bottom = Pair(filters[-1], config.bottleneck, config.dropout)
        deeper = [config.bottleneck, *filters[:0:-1]]
        filters.reverse()
        self.widen = nn.ModuleList(
            WidenByConvolution(before, after)
            if config.upsampling == "convolution"
            else nn.ConvTranspose2d(before, after, 2, stride=2)
            for before, after in zip(deeper, filters, strict=True)
        )
        self.up = nn.ModuleList(Pair(2 * after, after) for after in filters)
        self.head = nn.Conv2d(filters[-1], _HEAD_FILTERS, 3, padding=1)
        self.last = nn.Conv2d(_HEAD_FILTERS, 1, 1)
        start_near(self.last, 2.0 if config.output == "mask" else _INITIAL_LEVEL)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        x = scaled_db(power_of(inputs), *_RANGE_DB)[:, None]
        skips = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
            x = functional.max_pool2d(x, 2)
        x = self.bottom(x)
        for widen, stage, skip in zip(self.widen, self.up, reversed(skips), strict=True):
            x = stage(torch.cat([skip, functional.leaky_relu(widen(x), 0.1)], dim=1))
        x = self.last(functional.leaky_relu(self.head(x), 0.1)).float()
        if self.output == "spectrogram":
            return with_phase_of(magnitude_from_db(x[:, 0], *_RANGE_DB), inputs), None
        return inputs * torch.sigmoid(x[:, 0, :, :, None]), None
