"""U-Net on patches of the spectrogram that predicts a mask.

Reference: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
MICCAI 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.training.models.segments import SegmentConfig, SegmentNetwork, power_of, scaled_db, start_near

_RANGE_DB = (-100.0, 0.0)
_HEAD_FILTERS = 2


@dataclass(frozen=True)
class UNetConfig(SegmentConfig):
    """Size and framing of a U-Net; the defaults are for speech at 16 kHz in patches of 128 x 128.

    Args:
        filters: Filters of the stages on the way down; each halves bins and frames.
        bottleneck: Filters at the bottom.
        dropout: Probability of dropout in the last stage and at the bottom.
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

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_multiple(2 ** len(self.filters), len(self.filters))
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout must be between 0.0 and 1.0 (got {self.dropout}).")


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


class UNet(SegmentNetwork):
    """Four stages down, a bottleneck, four stages up with skips; the output is a magnitude mask, 0 to 1.

    The network sees levels in dB, -100 to 0 dBFS scaled to -1..1, over (frames, bins). The phase is kept.
    """

    def __init__(self, config: UNetConfig | None = None) -> None:
        config = config or UNetConfig()
        super().__init__(config)
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
            nn.ConvTranspose2d(before, after, 2, stride=2)
            for before, after in zip(deeper, filters, strict=True)
        )
        self.up = nn.ModuleList(Pair(2 * after, after) for after in filters)
        self.head = nn.Conv2d(filters[-1], _HEAD_FILTERS, 3, padding=1)
        self.last = nn.Conv2d(_HEAD_FILTERS, 1, 1)
        start_near(self.last, 2.0)

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
        return inputs * torch.sigmoid(x[:, 0, :, :, None]), None
