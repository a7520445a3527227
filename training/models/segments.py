"""Base of segment networks: cutting and joining of segments, and gains above the network's bins.

In training, an example is cut into segments side by side; in evaluation they overlap and cross-fade exactly
as in the engine (`hushgate.engine.segment_runner`), so that validation measures what the exported file does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import fusion

from hushgate.engine.signal.segment_crossfade import crossfade_weights
from hushgate.training.losses.summed_loss import SummedLoss

# Power floor of the features, -100 dBFS.
POWER_FLOOR = 1e-10


@dataclass(frozen=True)
class SegmentConfig:
    """Framing and segments of a segment network.

    Args:
        frame_ms: Length of an analysis frame, ms.
        overlap: Frames that cover each sample.
        num_bins: Bins the network sees, from 0 Hz upward, `1000 / frame_ms` Hz apart.
        segment_frames: Frames in a segment.
        segment_hop_frames: Frames from one segment to the next when it runs; in training they do not overlap.
        upper_from_hz: The gain above the network's bins is its own mean gain from here upward, Hz.
    """

    frame_ms: float
    overlap: int
    num_bins: int
    segment_frames: int
    segment_hop_frames: int
    upper_from_hz: float

    def __post_init__(self) -> None:
        if not 1 <= self.segment_hop_frames <= self.segment_frames:
            raise ValueError(
                f"segment_hop_frames must be between 1 and segment_frames, {self.segment_frames} "
                f"(got {self.segment_hop_frames})."
            )
        if not 0 <= self.upper_from_bin < self.num_bins:
            top = self.num_bins * 1000.0 / self.frame_ms
            raise ValueError(
                f"upper_from_hz must lie below the network's bins, which end at {top:g} Hz "
                f"(got {self.upper_from_hz})."
            )

    @property
    def upper_from_bin(self) -> int:
        """The bin at `upper_from_hz`."""
        return round(self.upper_from_hz * self.frame_ms / 1000.0)

    def require_multiple(self, factor: int, num_stages: int) -> None:
        """Refuse a patch that cannot be halved as often as the network does it."""
        for name in ("num_bins", "segment_frames"):
            value = getattr(self, name)
            if value % factor:
                raise ValueError(
                    f"{name} must be a multiple of {factor}, for {num_stages} stages that halve it "
                    f"(got {value})."
                )


class SegmentNetwork(nn.Module, ABC):
    """Base class of networks that map segments of the spectrum to segments.

    A family implements `forward`, which is what an exported file computes: segments of the spectrum (batch,
    segment_frames, num_bins, 2), scaled as in `hushgate.engine.signal.framing`, to the same shape, and the
    code in between (batch, positions, dimensions) where `has_code` says that there is one, else None.

    Args:
        config: Framing and segments.
    """

    has_code = False
    # Layers of training that the exported file does not contain.
    training_only: tuple[str, ...] = ()
    # True if `forward` takes the waveforms of frames (batch, samples) instead.
    takes_waveforms = False

    def __init__(self, config: SegmentConfig) -> None:
        super().__init__()
        self.config = config
        weights = crossfade_weights(config.segment_frames, config.segment_hop_frames)
        self.register_buffer("_weights", torch.from_numpy(weights), persistent=False)
        self._weights: Tensor

    @property
    def example_shape(self) -> tuple[int, ...]:
        """Shape of one input of the exported graph, without its batch axis."""
        return (self.config.segment_frames, self.config.num_bins, 2)

    @abstractmethod
    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map segments to the estimate and the code; shapes as above."""

    def estimate(self, segments: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Map segments of the spectrum to the same shape; also loss terms of the family's own, weighted."""
        return self(segments)[0], {}

    def enhance(self, spectrum: Tensor, target: Tensor | None = None) -> tuple[Tensor, dict[str, SummedLoss]]:
        """Map a spectrum (batch, frames, bins, 2), all bins up to Nyquist, to the estimate of the same shape.

        Also returns the terms of `estimate`.
        """
        config = self.config
        size = config.segment_frames
        hop = size if self.training else config.segment_hop_frames
        batch, frames, bins, _ = spectrum.shape
        missing = max(0, config.num_bins - bins)
        heard = functional.pad(spectrum[:, :, : config.num_bins], (0, 0, 0, missing))

        count = (frames - 1 + size - hop) // hop + 1
        lead = size - hop
        tail = (count - 1) * hop + size - lead - frames
        padded = functional.pad(heard, (0, 0, 0, 0, lead, tail))
        # (batch, count, bins, 2, size), the last axis from unfold.
        segments = padded.unfold(1, size, hop).permute(0, 1, 4, 2, 3).flatten(0, 1)
        low, means = self.estimate(segments)
        # Every example has as many segments as the next.
        terms = {name: SummedLoss(mean * batch, mean.new_tensor(batch)) for name, mean in means.items()}
        low = low.float()
        gains = self._upper_gains(segments, low)

        def joined(parts: Tensor) -> Tensor:
            parts = parts.unflatten(0, (batch, count))
            if hop == size:
                total = parts.flatten(1, 2)
            else:
                weighted = parts * self._weights[:, None, None]
                total = parts.new_zeros(batch, (count - 1) * hop + size, *parts.shape[3:])
                for index in range(count):
                    total[:, index * hop : index * hop + size] += weighted[:, index]
            return total[:, lead : lead + frames]

        top = spectrum[:, :, config.num_bins :] * joined(gains)
        return torch.cat([joined(low)[:, :, : bins - top.shape[2]], top], dim=2), terms

    def _upper_gains(self, heard: Tensor, estimate: Tensor) -> Tensor:
        """Gains above the network's bins, (segments, frames, 1, 1); see `segment_crossfade.upper_gains`."""
        first = self.config.upper_from_bin
        before = heard[:, :, first:].square().sum((2, 3), keepdim=True)
        after = estimate[:, :, first:].square().sum((2, 3), keepdim=True)
        ratio = torch.where(before > 0.0, after / before.clamp(min=1e-30), 0.0)
        # The lower clamp keeps the gradient of the square root finite.
        return ratio.clamp(1e-12, 1.0).sqrt() * (before > 0.0)

    def fuse(self) -> SegmentNetwork:
        """Fold every batch normalization into the convolution before it, in place; for inference only."""
        self.eval()
        for module in self.modules():
            if isinstance(module, ConvolutionNorm):
                module.fuse()
        return self


class ConvolutionNorm(nn.Module):
    """A convolution with batch normalization after it, which export folds in."""

    def __init__(self, convolution: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm: nn.Module = nn.BatchNorm2d(convolution.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.convolution(x))
        return y

    def fuse(self) -> None:
        """Fold the normalization's running statistics into the convolution, in place."""
        if isinstance(self.norm, nn.BatchNorm2d):
            transposed = isinstance(self.convolution, nn.ConvTranspose2d)
            self.convolution = fusion.fuse_conv_bn_eval(
                self.convolution.eval(), self.norm.eval(), transpose=transposed
            )
            self.norm = nn.Identity()


def start_near(layer: nn.Conv2d | nn.ConvTranspose2d, value: float) -> None:
    """Initialize a last layer to give about `value` in its first channel, in place.

    For masks it is a value that leaves them nearly open, so that training starts near the identity.
    """
    assert layer.bias is not None
    with torch.no_grad():
        layer.weight.mul_(0.1)
        layer.bias.zero_()
        layer.bias[0] = value


def power_of(segments: Tensor) -> Tensor:
    """Power of every bin: (..., 2) to (...)."""
    return segments.square().sum(-1)


def scaled_db(power: Tensor, low_db: float, high_db: float) -> Tensor:
    """Level of every bin in dB, `low_db` to `high_db` scaled to -1..1."""
    level = 10.0 * torch.log10(power + POWER_FLOOR)
    return ((level - low_db) * (2.0 / (high_db - low_db)) - 1.0).clamp(-1.0, 1.0)


def magnitude_from_db(scaled: Tensor, low_db: float, high_db: float) -> Tensor:
    """The inverse of `scaled_db`, as magnitude."""
    level = (scaled.clamp(-1.0, 1.0) + 1.0) * ((high_db - low_db) / 2.0) + low_db
    return torch.exp(level * 0.11512925464970229)  # ln(10) / 20


def with_phase_of(magnitude: Tensor, segments: Tensor) -> Tensor:
    """Magnitudes (...) with the phases of a spectrum (..., 2); bins of digital silence stay silent."""
    return segments * (magnitude * (power_of(segments) + 1e-24).rsqrt())[..., None]
