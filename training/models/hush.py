"""Hush: the causal mask network that hushgate ships, built from matrix products.

A few wide products run several times faster on a CPU than many small convolutions of the same arithmetic.
Every layer here is therefore a product over the last axis (channels) or over the frequency axis, and
neighbouring bins are gathered by shifting, not by a convolution.

    spectrum -> power-compressed features -> patches of `stride` bins -> residual layers over frequency
             -> squeeze to `bands` -> blocks of [GRU over time shared by all bands, attention over bands]
             -> expand -> join with the patches -> residual layers -> complex ratio mask

Sources: the band-wise GRU with attention over bands follows FastEnhancer (Ahn et al. 2025, "RNNFormer");
power compression of the spectrum follows Braun and Tashev 2020.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.training.losses.summed_loss import SummedLoss
from hushgate.training.models.hush_layers import (
    BandBlock,
    FrequencyLayer,
    Neighbours,
    ProductNorm,
    band_weights,
)
from hushgate.training.models.mask_corrections import relief, settle
from hushgate.training.models.presence import PresenceHead, Verdict, presence_loss
from hushgate.training.models.torch_framing import apply_mask
from hushgate.training.models.upper_head import UpperHead, upper_loss

# -120 dBFS squared: below it the features fade to zero instead of amplifying rounding noise.
_FLOOR = 1e-12
# Bound of either part of the mask: a denoiser has no reason to raise a bin by more than 6 dB.
_MASK_BOUND = 2.0
_MAX_RELIEF_DB = 20.0
# Power gain at which half of the relief remains for the gain above the bins.
_UPPER_DEEP = 0.001
# Mean mask below `upper_from_hz` under which the gain above the bins falls with it.
_UPPER_PAUSE = 0.25


@dataclass(frozen=True)
class HushConfig:
    """Size and framing of a Hush network.

    Args:
        frame_ms: Length of an analysis frame, ms.
        overlap: Frames that cover each sample (2: the hop is half a frame).
        num_bins: Bins of the input, from 0 Hz upward, `1000 / frame_ms` Hz apart; a multiple of `stride`.
        stride: Bins per patch.
        channels: Width of the layers over frequency, outside the squeeze.
        num_layers: Layers over frequency before the squeeze, and again after it.
        bands: Bands after the squeeze of the patches.
        band_channels: Width of the blocks inside the squeeze.
        num_blocks: Blocks of recurrence over time and attention over bands.
        num_heads: Attention heads; divides `band_channels`.
        upper_from_hz: The gain above the network's bins is the mean mask from here up to its highest bin, Hz.
        relief_db: What is suppressed by 5 to 20 dB comes back by up to this much, dB, 0 to 20 (see `settle`):
            for sound that the training lacks. Not while it trains, which would undo it.
        upper_relief_db: The same for the gain above the network's bins, in all frames and down to -30 dB.
        silent_pauses: Square the mask where hardly anything passes, outside training (see `settle`).
        silent_upper_pauses: Lower the gain above the network's bins where the mean mask below `upper_from_hz`
            is under 0.25, in proportion to it, outside training: a noise too weak at `upper_from_hz` to be
            removed there can be strong above.
        presence: Also say how sure it is that the target sounds, and turn frames in which it does not down by
            up to 40 dB, outside training (see `PresenceHead`).
        upper_edges_hz: Lower edges of bands above the network's bins, Hz. With any, the network takes their
            levels and gives a gain for each (see `UpperHead`); without, it gives one gain for everything
            above its bins, from `upper_from_hz`.
        upper_top_hz: Upper end of the last of those bands, Hz.
        steady_noise: The noise that it removes hardly changes within seconds, as hiss does. Written into the
            exported file for the engine (see `hushgate.engine.steady_noise`).
    """

    frame_ms: float = 32.0
    overlap: int = 2
    num_bins: int = 256
    stride: int = 4
    channels: int = 32
    num_layers: int = 1
    bands: int = 24
    band_channels: int = 48
    num_blocks: int = 2
    num_heads: int = 4
    upper_from_hz: float = 6000.0
    relief_db: float = 0.0
    upper_relief_db: float = 0.0
    silent_pauses: bool = False
    silent_upper_pauses: bool = False
    presence: bool = False
    upper_edges_hz: tuple[float, ...] = ()
    upper_top_hz: float = 24_000.0
    steady_noise: bool = False

    def __post_init__(self) -> None:
        for name in ("relief_db", "upper_relief_db"):
            value = getattr(self, name)
            if not 0.0 <= value <= _MAX_RELIEF_DB:  # also catches NaN
                raise ValueError(f"{name} must be between 0 and {_MAX_RELIEF_DB:g} dB (got {value:g}).")
        if self.num_bins % self.stride:
            raise ValueError(
                f"num_bins must be a multiple of stride ({self.stride} bins) (got {self.num_bins})."
            )
        if self.band_channels % self.num_heads:
            raise ValueError(
                f"band_channels must be a multiple of num_heads, {self.num_heads} (got {self.band_channels})."
            )
        # Plain data of a configuration file or a checkpoint holds lists.
        object.__setattr__(self, "upper_edges_hz", tuple(float(edge) for edge in self.upper_edges_hz))
        edges = (*self.upper_edges_hz, self.upper_top_hz)
        first_hz = self.num_bins * 1000.0 / self.frame_ms
        if self.upper_edges_hz and (edges[0] != first_hz or any(b <= a for a, b in pairwise(edges))):
            raise ValueError(
                f"upper_edges_hz must rise from {first_hz:g} Hz, where the network's bins end, and end below "
                f"upper_top_hz, {self.upper_top_hz:g} (got {', '.join(f'{e:g}' for e in edges[:-1])})."
            )
        top_hz = (self.num_bins - self.stride) * 1000.0 / self.frame_ms
        if not 0 <= self.upper_from_bin < self.num_bins - self.stride:
            raise ValueError(
                f"upper_from_hz must be 0 or more and below {top_hz:g} Hz, where the masks of num_bins = "
                f"{self.num_bins} end (got {self.upper_from_hz:g})."
            )
        if self.silent_upper_pauses and not self.upper_from_bin:
            raise ValueError(
                "upper_from_hz must leave a bin below it with silent_upper_pauses, which looks at the mask "
                f"there (got {self.upper_from_hz:g})."
            )

    @property
    def num_patches(self) -> int:
        """Patches of `stride` bins."""
        return self.num_bins // self.stride

    @property
    def upper_from_bin(self) -> int:
        """The lowest bin whose mask counts for what lies above the network's bins."""
        return round(self.upper_from_hz * self.frame_ms / 1000.0)


def _mean_gain(mask: Tensor) -> Tensor:
    """Mean magnitude over the bins of a mask (..., bins, 2): (..., 1)."""
    mean: Tensor = torch.linalg.vector_norm(mask, dim=-1).mean(-1, keepdim=True)
    return mean


class Answer(NamedTuple):
    """Output of a network for a spectrum.

    Attributes:
        mask: (batch, frames, bins, 2).
        upper_gain: (batch, frames, bands above; 1 if the network takes none).
        presence: Presence of the target; None without a head for it.
        state: State for the next call.
    """

    mask: Tensor
    upper_gain: Tensor
    presence: Verdict | None
    state: list[Tensor]


class Hush(nn.Module):
    """Estimate a complex ratio mask from a spectrum, frame by frame, without look-ahead.

    Shapes: `forward` maps spectrum (batch, frames, bins, 2) and the state to an `Answer`. The state is
    (batch, bands, band_channels) for each block, (batch, 24) and (batch, 4) for the presence, and (batch,
    48) for the bands above. With these, `forward` also takes their levels (batch, frames, bands above, 2), as
    in `UpperHead`; without the levels all of them are unknown. The spectrum is scaled as in
    `hushgate.engine.signal.framing`. A new network passes sound nearly unchanged.
    """

    def __init__(self, config: HushConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or HushConfig()
        channels, inner, stride = config.channels, config.band_channels, config.stride
        patches = config.num_patches
        self.surroundings = Neighbours(patches, 3 * stride)
        self.encode = ProductNorm(3 * 3 * stride, channels)
        self.down = nn.ModuleList([FrequencyLayer(patches, channels) for _ in range(config.num_layers)])
        self.squeeze = nn.Parameter(band_weights(patches, config.bands))
        self.widen = ProductNorm(channels, inner)
        self.band_position = nn.Parameter(torch.randn(config.bands, inner) * 0.02)
        self.blocks = nn.ModuleList(
            [BandBlock(config.bands, inner, config.num_heads) for _ in range(config.num_blocks)]
        )
        self.presence = PresenceHead(config.bands, inner) if config.presence else None
        above = len(config.upper_edges_hz)
        self.upper = UpperHead(config.bands, inner, above) if above else None
        self.narrow = ProductNorm(inner, channels)
        weights = band_weights(patches, config.bands)
        self.expand = nn.Parameter((weights / weights.sum(0, keepdim=True)).T.contiguous())
        self.join = ProductNorm(2 * channels, channels)
        self.up = nn.ModuleList([FrequencyLayer(patches, channels) for _ in range(config.num_layers)])
        self.neighbours = Neighbours(patches, channels)
        self.decode = nn.Linear(3 * channels, 2 * stride)
        self._real_patch = torch.tensor([1.0, 0.0]).repeat(stride, 1)
        with torch.no_grad():
            # Start at the identity mask: 7.5 instead of 1.5 dB SI-SDR after the first steps (measured).
            self.decode.weight.mul_(0.1)
            self.decode.bias.copy_(torch.tensor([1.0, 0.0]).repeat(stride))

    def initial_state(self, batch: int) -> list[Tensor]:
        """Return the state before any sound: zeros."""
        block = (batch, self.config.bands, self.config.band_channels)
        shapes: list[tuple[int, ...]] = [block] * len(self.blocks)
        if self.presence is not None:
            shapes += self.presence.state_shapes(batch)
        if self.upper is not None:
            shapes += self.upper.state_shapes(batch)
        return [torch.zeros(shape, device=self.decode.weight.device) for shape in shapes]

    @property
    def state_names(self) -> list[str]:
        """A name for each state, as in exported files."""
        names = [f"hidden{index}" for index in range(len(self.blocks))]
        for head in (self.presence, self.upper):
            names += [] if head is None else head.state_names
        return names

    def forward(self, spectrum: Tensor, state: list[Tensor], levels: Tensor | None = None) -> Answer:
        config, stride = self.config, self.config.stride
        num_frames = spectrum.shape[1]
        # Time first, as the recurrences want it: two small transpositions instead of two in every block.
        spectrum = spectrum.transpose(0, 1)
        # Products without a last axis of one or two, and powers as exponentials: a sixth of the time.
        real, imaginary = spectrum[..., 0], spectrum[..., 1]
        power = real.square() + imaginary.square() + _FLOOR
        level = power.log()
        scale, magnitude = (-0.35 * level).exp(), (0.15 * level).exp()
        features = torch.stack([real * scale, imaginary * scale, magnitude], dim=-1)

        x = functional.silu(self.encode(self.surroundings(features)))
        for layer in self.down:
            x = layer(x)
        skip = x
        patches = x.reshape(-1, config.num_patches, config.channels)
        bands = self.widen(torch.matmul(self.squeeze, patches).reshape(-1, config.channels))
        x = (bands.reshape(-1, config.bands, config.band_channels) + self.band_position).flatten(0, 1)
        new_state = []
        for block, hidden in zip(self.blocks, state[: len(self.blocks)], strict=True):
            x, last = block(x, hidden, num_frames)
            new_state.append(last)
        verdict: Verdict | None = None
        if self.presence is not None:
            its_own = slice(len(self.blocks), len(self.blocks) + len(self.presence.state_names))
            verdict, of_head = self.presence(x, state[its_own])
            new_state += of_head
        heard_gain: Tensor | None = None
        if self.upper is not None:
            if levels is None:  # all bands above are unknown
                levels = spectrum.new_zeros((*spectrum.shape[1::-1], self.upper.num_upper, 2))
            heard_gain, of_head = self.upper(x, levels.transpose(0, 1), state[-1:], num_frames)
        bands = self.narrow(x).reshape(-1, config.bands, config.channels)
        x = torch.matmul(self.expand, bands).reshape(-1, config.channels)
        x = functional.silu(self.join(torch.cat([x, skip], dim=-1)))
        for layer in self.up:
            x = layer(x)
        # Full precision under autocast: a bfloat16 mask has 8 bits, which would cap the SNR of passed sound.
        with torch.autocast(x.device.type, enabled=False):
            mask = self.decode(self.neighbours(x.float())).clamp(-_MASK_BOUND, _MASK_BOUND)
        mask = mask.reshape(num_frames, -1, config.num_bins, 2)[:, :, : config.num_bins - stride]
        if (config.relief_db or config.silent_pauses) and not self.training:
            inside = power[:, :, : config.num_bins - stride]
            mask = settle(mask, inside, config.relief_db, config.silent_pauses)
        mask, upper_gain = self._continued(mask)
        if heard_gain is not None:
            upper_gain = heard_gain
            new_state += of_head
        mask, upper_gain = mask.transpose(0, 1), upper_gain.transpose(0, 1)
        if verdict is not None and not self.training:
            gain = verdict.gain()
            mask, upper_gain = mask * gain[..., None], upper_gain * gain
        return Answer(mask, upper_gain, verdict, new_state)

    def _continued(self, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Continue a mask (frames, batch, bins, 2) that ends one patch below the top by one gain.

        That gain is the mean mask from `upper_from_hz` on, and holds above the network's bins as well.
        """
        config = self.config
        upper_gain = _mean_gain(mask[:, :, config.upper_from_bin :]).clamp(max=1.0)
        if config.upper_relief_db and not self.training:
            most = 10.0 ** (config.upper_relief_db / 10.0)
            upper_gain = upper_gain * relief(upper_gain.square(), most, _UPPER_DEEP).sqrt()
        if config.silent_upper_pauses and not self.training:
            below = _mean_gain(mask[:, :, : config.upper_from_bin])
            upper_gain = upper_gain * (below / _UPPER_PAUSE).clamp(max=1.0)
        # The resamplers of the training audio roll off in the highest patch, so its mask is untrained: it
        # gets the gain of the bands above.
        edge = upper_gain[..., None] * self._real_patch.to(mask.device)
        return torch.cat([mask, edge], dim=2), upper_gain

    def enhance(
        self, spectrum: Tensor, target: Tensor | None = None, above: Tensor | None = None
    ) -> tuple[Tensor, dict[str, SummedLoss]]:
        """Map a spectrum (batch, frames, bins, 2), all bins up to Nyquist, to the estimate of the same shape.

        Also returns the losses of the heads, by name.

        Args:
            spectrum: Spectrum of the mixture.
            target: Spectrum of the target; needed for the losses of the heads.
            above: (batch, frames, bands above, 4), as in `upper_loss`; for a network with upper bands.
        """
        state = self.initial_state(len(spectrum))
        heard = spectrum[:, :, : self.config.num_bins]
        answer: Answer = self(heard, state, None if above is None else above[..., :2])
        terms = {}
        if self.upper is not None and target is not None and above is not None:
            low = target[:, :, : self.config.num_bins]
            terms["upper"] = upper_loss(answer.upper_gain.float(), above, low)
        if answer.presence is not None and target is not None:
            logit = answer.presence.logit[..., 0].float()
            terms["presence"] = presence_loss(logit, heard, target[:, :, : self.config.num_bins])
        return apply_mask(spectrum, answer.mask.float(), answer.upper_gain.float()), terms

    def grow_from(self, known: Iterable[str]) -> tuple[str, ...]:
        """Make the layers and blocks that a smaller network lacks start as the identity, in place.

        Args:
            known: Names of the smaller network's weights.

        Returns:
            Prefixes of the names of the weights that were added.
        """
        known = tuple(known)
        parts: dict[str, FrequencyLayer | BandBlock | PresenceHead | UpperHead] = {
            f"{group}.{index}.": layer
            for group in ("down", "blocks", "up")
            for index, layer in enumerate(getattr(self, group))
        }
        if self.presence is not None:
            parts["presence."] = self.presence
        if self.upper is not None:
            parts["upper."] = self.upper
        added = {
            prefix: part
            for prefix, part in parts.items()
            if not any(name.startswith(prefix) for name in known)
        }
        for part in added.values():
            part.start_as_identity()
        return tuple(added)

    def drop_upper(self) -> None:
        """Remove the head for the bands above, in place: one gain, from `upper_from_hz`, holds there."""
        self.config = replace(self.config, upper_edges_hz=())
        self.upper = None

    def fuse(self) -> Hush:
        """Fold every batch normalization into its matrix product, in place; for inference only."""
        self.eval()
        for module in self.modules():
            if isinstance(module, ProductNorm):
                module.fuse()
        return self
