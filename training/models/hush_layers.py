"""The layers of hush networks: matrix products over channels, neighbouring patches, time and bands."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.training.models.quick_gru import run_gru


class ProductNorm(nn.Module):
    """Matrix product, then batch normalization: (rows, channels) to the same.

    Export folds the normalization into the product (`fuse`), so it costs nothing at run time. Rows are one
    axis because ONNX adds the bias in the product of two axes (Gemm), but not of more.
    """

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(num_in, num_out)
        self.norm: nn.Module = nn.BatchNorm1d(num_out)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norm(self.linear(x))
        return result

    def fuse(self) -> None:
        """Fold the normalization's running statistics into the product, in place."""
        if isinstance(self.norm, nn.BatchNorm1d):
            self.linear = nn.utils.fusion.fuse_linear_bn_eval(self.linear.eval(), self.norm.eval())
            self.norm = nn.Identity()

    def silence(self) -> None:
        """Set the output to zero by weights that training can move, in place."""
        assert isinstance(self.norm, nn.BatchNorm1d)
        nn.init.zeros_(self.norm.weight)
        nn.init.zeros_(self.norm.bias)


class Neighbours(nn.Module):
    """Join each patch with its two neighbours: c values a patch, in any shape, to (frames * patches, 3c)."""

    def __init__(self, patches: int, channels: int) -> None:
        super().__init__()
        # Sizes are stored, because the exporter adds the computation of a tensor's shape to the graph.
        self.patches, self.channels = patches, channels
        self._rows = (torch.arange(patches)[:, None] + torch.arange(3)).flatten()

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x.reshape(-1, self.patches, self.channels), (0, 0, 1, 1))
        if self.training:  # faster in PyTorch, forward and backward
            joined = torch.cat([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], dim=-1)
        else:  # faster in onnxruntime: one copy instead of three
            joined = padded.index_select(1, self._rows.to(x.device))
        return joined.reshape(-1, 3 * self.channels)


class FrequencyLayer(nn.Module):
    """Residual layer that sees each patch and its two neighbours: (frames * patches, c) to the same shape."""

    def __init__(self, patches: int, channels: int) -> None:
        super().__init__()
        self.neighbours = Neighbours(patches, channels)
        self.product = ProductNorm(3 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + functional.silu(self.product(self.neighbours(x)))

    def start_as_identity(self) -> None:
        """Pass everything unchanged until training moves it, in place."""
        self.product.silence()


class BandBlock(nn.Module):
    """Recurrence over time, the same for every band, then attention over the bands of a frame."""

    def __init__(self, bands: int, channels: int, num_heads: int) -> None:
        super().__init__()
        self.bands, self.channels, self.num_heads = bands, channels, num_heads
        self.gru = nn.GRU(channels, channels)
        self.time_out = ProductNorm(channels, channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.band_out = ProductNorm(channels, channels)

    def forward(self, x: Tensor, hidden: Tensor, num_frames: int) -> tuple[Tensor, Tensor]:
        """Map x (frames * batch * bands, channels) and hidden (batch, bands, channels) to the same shapes."""
        bands, channels = self.bands, self.channels
        hidden = hidden.reshape(1, -1, channels)
        rows = x.reshape(num_frames, -1, channels)
        over_time, last = run_gru(self.gru, rows, hidden) if self.training else self.gru(rows, hidden)
        x = x + self.time_out(over_time.reshape(-1, channels))

        size = channels // self.num_heads
        # A leading axis of one stays, and the key is reshaped: fewer and faster operations in onnxruntime.
        heads = self.query_key_value(x).reshape(-1, bands, 3, self.num_heads, size)
        query, key, value = heads.permute(2, 0, 3, 1, 4).split(1)
        key = key.reshape(-1, self.num_heads, bands, size)
        weights = torch.softmax(query @ key.transpose(-1, -2) * (1.0 / math.sqrt(size)), dim=-1)
        mixed = (weights @ value).transpose(2, 3).reshape(-1, channels)
        return x + self.band_out(mixed), last.reshape(-1, bands, channels)

    def start_as_identity(self) -> None:
        """Pass everything unchanged until training moves it, in place."""
        self.time_out.silence()
        self.band_out.silence()


def band_weights(patches: int, bands: int) -> Tensor:
    """Triangular averaging windows, narrow at low and wide at high frequencies: (bands, patches).

    Rows sum to 1. The first half of the bands starts out one patch wide, the rest widens geometrically up to
    the top; training moves them from there.
    """
    linear = bands // 2
    growth = torch.logspace(
        math.log10(linear), math.log10(patches - 1), bands - linear + 1, dtype=torch.float64
    )
    centres = torch.cat([torch.arange(linear, dtype=torch.float64), growth[1:]])
    position = torch.arange(patches, dtype=torch.float64)
    widths = torch.gradient(centres)[0].clamp(min=1.0)
    weights = (1.0 - (position - centres[:, None]).abs() / widths[:, None]).clamp(min=0.0)
    return (weights / weights.sum(1, keepdim=True)).float()
