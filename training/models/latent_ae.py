"""Latent autoencoder: encodes a spectrogram as a short code and decodes the clean one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.training.models.segments import (
    ConvolutionNorm,
    SegmentConfig,
    SegmentNetwork,
    magnitude_from_db,
    power_of,
    scaled_db,
    start_near,
    with_phase_of,
)

_RANGE_DB = (-100.0, 100.0)
_PHASES = ("noisy", "predicted", "angle", "complex")
_LEVELS = ("signed", "unit")
# Exponent that compresses magnitudes at the input and the output.
_COMPRESSION = 0.3
# Initial output level: most bins of most sounds are near it. Starting at 0 dB would waste the first steps.
_INITIAL_DB = -65.0
_TINY = 1e-12
# Far below the faintest bin, and large enough that its reciprocal is finite in float32.
_SMALL = 1e-10


@dataclass(frozen=True)
class LatentAEConfig(SegmentConfig):
    """Size and framing of a latent autoencoder; the defaults are 2^16 samples at 22.05 kHz, 512 x 256 bins.

    Args:
        filters: Filters of the strided convolutions; each halves bins and frames.
        code_size: Dimensions of the code.
        skips: Layers on the way down, counted from 1, whose output is added on the way up.
        phase: "noisy" keeps the phase, "predicted" sees and generates its cosine and sine beside the level,
            "angle" its angle as one number, -pi to pi scaled to -1..1, "complex" real and imaginary parts.
        levels: Scale of the levels that the network sees and generates, -100 to 100 dBFS: "signed" is -1..1,
            "unit" 0..1. Without meaning for "complex".
    """

    frame_ms: float = 46.44
    overlap: int = 4
    num_bins: int = 512
    segment_frames: int = 256
    segment_hop_frames: int = 128
    upper_from_hz: float = 8000.0
    filters: Sequence[int] = (32, 64, 128, 256, 256, 512, 1024)
    code_size: int = 256
    skips: Sequence[int] = (3, 5)
    phase: str = "noisy"
    levels: str = "signed"

    def __post_init__(self) -> None:
        super().__post_init__()
        depth = len(self.filters)
        self.require_multiple(2**depth, depth)
        if self.phase not in _PHASES:
            raise ValueError(f"phase must be one of {', '.join(_PHASES)} (got {self.phase!r}).")
        if self.levels not in _LEVELS:
            raise ValueError(f"levels must be one of {', '.join(_LEVELS)} (got {self.levels!r}).")
        if not all(1 <= layer < depth for layer in self.skips):
            raise ValueError(f"skips must lie between 1 and {depth - 1} (got {list(self.skips)}).")
        if self.code_size < 1:
            raise ValueError(f"code_size must be at least 1 (got {self.code_size}).")


class LatentAE(SegmentNetwork):
    """Strided 3 x 3 convolutions down to a dense code and their mirror image, with additive skips.

    Levels are dB, -100 to 100 dBFS scaled to -1..1 or 0..1, over (frames, bins). The output is no mask: what
    comes out of a silent bin is up to the network ("noisy" excepted, where silence has no phase to give it).
    """

    has_code = True

    def __init__(self, config: LatentAEConfig | None = None) -> None:
        config = config or LatentAEConfig()
        super().__init__(config)
        self.phase, self.skips = config.phase, tuple(config.skips)
        self.is_unit = config.levels == "unit"
        channels = {"noisy": 1, "predicted": 3, "angle": 2, "complex": 2}[config.phase]
        sizes = [channels, *config.filters]
        depth = len(config.filters)
        self.deepest = (config.filters[-1], config.segment_frames >> depth, config.num_bins >> depth)
        self.down = nn.ModuleList(
            ConvolutionNorm(nn.Conv2d(before, after, 3, stride=2, padding=1))
            for before, after in itertools.pairwise(sizes)
        )
        self.to_code = nn.Linear(math.prod(self.deepest), config.code_size)
        self.from_code = nn.Linear(config.code_size, math.prod(self.deepest))
        sizes.reverse()
        mirrored = [
            nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1)
            for before, after in itertools.pairwise(sizes)
        ]
        self.up = nn.ModuleList(ConvolutionNorm(layer) for layer in mirrored[:-1])
        self.last = mirrored[-1]
        level = _INITIAL_DB / _RANGE_DB[1]
        level = 0.5 * (level + 1.0) if self.is_unit else level
        start_near(self.last, 0.0 if config.phase == "complex" else level)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        x = self._features(inputs)
        outputs = []
        for layer in self.down:
            x = functional.leaky_relu(layer(x), 0.1)
            outputs.append(x)
        code = self.to_code(x.flatten(1))
        x = functional.leaky_relu(self.from_code(code), 0.1).unflatten(1, self.deepest)
        for index, layer in zip(range(len(outputs) - 1, 0, -1), self.up, strict=True):
            x = functional.leaky_relu(layer(x), 0.1)
            if index in self.skips:
                x = x + outputs[index - 1]
        # Full precision under autocast: bfloat16 would quantize levels in dB to steps of half a dB.
        with torch.autocast(x.device.type, enabled=False):
            generated = self.last(x.float())
        return self._render(generated, inputs), code[:, None]

    def _features(self, segments: Tensor) -> Tensor:
        """The channels that the network sees, (batch, channels, frames, bins)."""
        power = power_of(segments)
        if self.phase == "complex":
            compressed = segments * (power + _TINY).pow((_COMPRESSION - 1.0) / 2.0)[..., None]
            return compressed.permute(0, 3, 1, 2)
        level = scaled_db(power, *_RANGE_DB)[:, None]
        if self.is_unit:
            level = 0.5 * (level + 1.0)
        if self.phase == "noisy":
            return level
        if self.phase == "angle":
            # The half-angle formula: ONNX has no atan2.
            real, imaginary = segments.unbind(-1)
            half = torch.atan(imaginary / (power.sqrt() + real + _SMALL))
            return torch.cat([level, (half * (2.0 / math.pi))[:, None]], dim=1)
        direction = segments * (power + _TINY).rsqrt()[..., None]
        return torch.cat([level, direction.permute(0, 3, 1, 2)], dim=1)

    def _render(self, generated: Tensor, segments: Tensor) -> Tensor:
        if self.phase == "complex":
            parts = generated.permute(0, 2, 3, 1)
            power = parts.square().sum(-1, keepdim=True) + _TINY
            return parts * power.pow((1.0 / _COMPRESSION - 1.0) / 2.0)
        level = 2.0 * generated[:, 0] - 1.0 if self.is_unit else generated[:, 0]
        magnitude = magnitude_from_db(level, *_RANGE_DB)
        if self.phase == "noisy":
            return with_phase_of(magnitude, segments)
        if self.phase == "angle":
            angle = generated[:, 1] * math.pi
            return magnitude[..., None] * torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1)
        direction = generated[:, 1:].permute(0, 2, 3, 1)
        return with_phase_of(magnitude, direction)
