"""Hush: the causal mask network that hushgate ships, built from matrix products.

A few wide products run several times faster on a CPU than many small convolutions of the
same arithmetic, so every layer here is a product over the last axis (channels) or over the
frequency axis: neighbouring bins are gathered by shifting, not by a convolution.

    spectrum -> power-compressed features -> patches of `stride` bins -> residual layers over frequency
             -> squeeze to `bands` -> blocks of [GRU over time shared by all bands, attention over bands]
             -> expand -> join with the patches -> residual layers -> complex ratio mask

Sources: the band-wise GRU with attention over bands follows FastEnhancer (Ahn et al. 2025, "RNNFormer");
power compression of the spectrum follows Braun and Tashev 2020.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.training.spectrum import apply_mask

# -120 dBFS squared: below it the features fade to zero instead of amplifying rounding noise.
_FLOOR = 1e-12
# Bound of either part of the mask: a denoiser has no reason to raise a bin by more than 6 dB.
_MASK_BOUND = 2.0
_MAX_RELIEF_DB = 20.0
# Share of a frame's power that passes, from which on relief begins, and is whole.
_LEAST_PASSED, _MOSTLY_PASSED = 0.4, 0.8
# Share below which the mask of a pause begins to be squared, and is.
_HARDLY_PASSED, _PAUSE_PASSED = 0.06, 0.03
# Power gain at which half of the relief is left: in bins, and for the gain above them.
_DEEP, _UPPER_DEEP = 0.01, 0.001
# Logit of the presence from which on sound passes whole, and below which it is turned down all the way.
_SURELY_THERE, _SURELY_GONE = 0.5, -0.5
_PAUSE_DB = 40.0
_PRESENCE = "presence"
_PRESENCE_CHANNELS, _PRESENCE_WIDTH = 12, 24
# What a new head says: all is there.
_THERE_LOGIT = 4.0
# Frames over which the presence is averaged, and by how much a single one must stand out to count at once.
_STEADY_FRAMES, _AT_ONCE = 5, 2.0
# The target sounds if it stands out of the noise by this much in a band, and does not if it lies this far
# below it in all. In between nobody can say, and neither where the mixture itself is silence.
_PRESENCE_BANDS = 18
_STANDS_OUT, _DROWNED = 10.0**0.3, 10.0**-1.5
_SILENCE = 1e-10


@dataclass(frozen=True)
class HushConfig:
    """Size and framing of a Hush network.

    Args:
        frame_ms: Length of an analysis frame, ms.
        overlap: Frames that cover each sample (2: the hop is half a frame).
        num_bins: Bins the network sees, from 0 Hz upward, `1000 / frame_ms` Hz apart; a multiple of `stride`.
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
        presence: Also say how sure it is that the target sounds, and turn frames in which it does not down by
            up to 40 dB, outside training (see `PresenceHead`).
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
    presence: bool = False

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
        top_hz = (self.num_bins - self.stride) * 1000.0 / self.frame_ms
        if not 0 <= self.upper_from_bin < self.num_bins - self.stride:
            raise ValueError(
                f"upper_from_hz must be 0 or more and below {top_hz:g} Hz, where the masks of num_bins = "
                f"{self.num_bins} end (got {self.upper_from_hz:g})."
            )

    @property
    def num_patches(self) -> int:
        """Patches of `stride` bins."""
        return self.num_bins // self.stride

    @property
    def upper_from_bin(self) -> int:
        """The lowest bin whose mask counts for what lies above the network's bins."""
        return round(self.upper_from_hz * self.frame_ms / 1000.0)


def relief(passed: Tensor, most: Tensor | float, deep: float) -> Tensor:
    """Power factor (r + p) / (1 + r p) of power gains p up to 1, r = `most`, fading out below `deep`."""
    return 1.0 + (most - 1.0) * (passed - passed.square()) / ((1.0 + most * passed) * (passed + deep))


def settle(mask: Tensor, power: Tensor, relief_db: float, silent_pauses: bool) -> Tensor:
    """Correct a finished mask (..., bins, 2) by the share of the power (..., bins) that passes in its frame.

    Where most passes, relief: a gain of g becomes g sqrt((r + g^2) / (1 + r g^2)) with
    r = 10^(relief_db / 10), fading out below -20 dB, where hardly anything but noise is. 1 stays 1; with
    6 dB -3 dB become -1.3, -6 become -2.8, -12 become -7.3, -20 become -16 and -40 become -39.9. A network
    takes too much from sound unlike that of its training; on what it knows this costs little, for near 0 dB
    it moves the gain of a Wiener filter towards that of power subtraction.

    Where hardly anything passes, with `silent_pauses`, g becomes g^2: what is left of noise alone falls
    silent; what stands out of it has a gain near 1, and stays.
    """
    # Real and imaginary parts apart: a last axis of two is slow in onnxruntime.
    real, imaginary = mask.unbind(-1)
    passed = (real.square() + imaginary.square()).clamp(max=1.0)
    share = (power * passed).sum(-1, keepdim=True) / power.sum(-1, keepdim=True)
    factor = torch.ones_like(share)
    if relief_db:
        amount = ((share - _LEAST_PASSED) / (_MOSTLY_PASSED - _LEAST_PASSED)).clamp(0.0, 1.0)
        most = 1.0 + amount * (10.0 ** (relief_db / 10.0) - 1.0)
        factor = relief(passed, most, _DEEP)
    if silent_pauses:
        amount = ((_HARDLY_PASSED - share) / (_HARDLY_PASSED - _PAUSE_PASSED)).clamp(0.0, 1.0)
        factor = factor * (1.0 - amount + amount * passed)
    gain = factor.sqrt()
    return torch.stack([real * gain, imaginary * gain], dim=-1)


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
        return self.norm(self.linear(x))

    def fuse(self) -> None:
        """Fold the normalization's running statistics into the product, in place."""
        if isinstance(self.norm, nn.BatchNorm1d):
            self.linear = nn.utils.fusion.fuse_linear_bn_eval(self.linear.eval(), self.norm.eval())
            self.norm = nn.Identity()

    def silence(self) -> None:
        """Put out nothing, with weights that can learn to put out something, in place."""
        assert isinstance(self.norm, nn.BatchNorm1d)
        nn.init.zeros_(self.norm.weight)
        nn.init.zeros_(self.norm.bias)


class Neighbours(nn.Module):
    """Join each patch with its two neighbours: (frames * patches, c) to (frames * patches, 3c)."""

    def __init__(self, patches: int, channels: int) -> None:
        super().__init__()
        # Sizes are kept, not asked of tensors: the exporter would compute in the graph what it asks.
        self.patches, self.channels = patches, channels
        self._rows = (torch.arange(patches)[:, None] + torch.arange(3)).flatten()

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x.reshape(-1, self.patches, self.channels), (0, 0, 1, 1))
        if self.training:  # quicker in PyTorch, forward and backward
            joined = torch.cat([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], dim=-1)
        else:  # quicker in onnxruntime: one copy instead of three
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

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (frames * batch * bands, channels) and hidden (batch, bands, channels) to the same shapes."""
        bands, channels = self.bands, self.channels
        hidden = hidden.reshape(1, -1, channels)
        over_time, last = self.gru(x.reshape(-1, hidden.shape[1], channels), hidden)
        x = x + self.time_out(over_time.reshape(-1, channels))

        size = channels // self.num_heads
        heads = self.query_key_value(x).reshape(-1, bands, 3, self.num_heads, size)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(query @ key.transpose(-1, -2) * (1.0 / math.sqrt(size)), dim=-1)
        mixed = (weights @ value).transpose(1, 2).reshape(-1, channels)
        return x + self.band_out(mixed), last.reshape(-1, bands, channels)

    def start_as_identity(self) -> None:
        """Pass everything unchanged until training moves it, in place."""
        self.time_out.silence()
        self.band_out.silence()


class PresenceHead(nn.Module):
    """Say whether the target sounds, from what the blocks know of all bands of this frame and those before.

    Learns from the features and does not change them: a denoiser with it is the denoiser without it, but for
    frames in which the target does not sound.
    """

    def __init__(self, bands: int, channels: int) -> None:
        super().__init__()
        self.bands = bands
        self.narrow = ProductNorm(channels, _PRESENCE_CHANNELS)
        self.gather = nn.Linear(bands * _PRESENCE_CHANNELS, _PRESENCE_WIDTH)
        self.gru = nn.GRU(_PRESENCE_WIDTH, _PRESENCE_WIDTH)
        self.answer = nn.Linear(_PRESENCE_WIDTH, 1)
        nn.init.zeros_(self.answer.weight)
        nn.init.constant_(self.answer.bias, _THERE_LOGIT)

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (frames * batch * bands, channels) and hidden (batch, width) to logits and hidden.

        Logits are (frames, batch, 1), above 0 where the target sounds.
        """
        x = functional.silu(self.narrow(x.detach()))
        x = functional.silu(self.gather(x.reshape(-1, self.bands * _PRESENCE_CHANNELS)))
        x = x.reshape(-1, hidden.shape[0], _PRESENCE_WIDTH)
        over_time, last = self.gru(x, hidden[None])
        return self.answer((x + over_time).flatten(0, 1)).reshape(-1, hidden.shape[0], 1), last[0]


def steady(logit: Tensor, recent: Tensor) -> tuple[Tensor, Tensor]:
    """The mean logit of five frames, or the last less 2 where that is more: an onset counts at once.

    A pause that opened for every doubtful frame would sputter, and a mean alone would come late for attacks.

    Args:
        logit: (frames, batch, 1).
        recent: Logits of the four frames before, (batch, 4).

    Returns:
        The steady logits, (frames, batch, 1), and `recent` for the next call.
    """
    joined = torch.cat([recent.transpose(0, 1)[..., None], logit])
    mean = functional.avg_pool1d(joined.permute(1, 2, 0), _STEADY_FRAMES, stride=1).permute(2, 0, 1)
    return torch.maximum(mean, logit - _AT_ONCE), joined[1 - _STEADY_FRAMES :, :, 0].transpose(0, 1)


def presence_loss(logits: Tensor, spectrum: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of logits (batch, frames) with what spectra (batch, frames, bins, 2) show, 0-D.

    The target sounds in a frame if it is 3 dB above what was added to it in one of 18 bands or more, and does
    not if it is 15 dB below it in all. Frames in between and digital silence do not count.
    """
    bins = target.shape[2]
    edges = torch.logspace(0.0, math.log10(bins), _PRESENCE_BANDS + 1).round().long().unique().tolist()
    wanted, added = (
        torch.stack([power[:, :, low:high].sum(-1) for low, high in pairwise(edges)], dim=-1)
        for power in (target.square().sum(-1), (spectrum - target).square().sum(-1))
    )
    sounds = (wanted > _STANDS_OUT * added).any(-1)
    silent = (wanted < _DROWNED * added).all(-1)
    counts = (sounds | silent) & ((wanted + added).sum(-1) > _SILENCE)
    losses = functional.binary_cross_entropy_with_logits(logits, sounds.float(), reduction="none")
    return torch.where(counts, losses, 0.0).sum() / counts.sum().clamp(min=1)


class Answer(NamedTuple):
    """What a network makes of a spectrum.

    Attributes:
        mask: (batch, frames, bins, 2).
        upper_gain: (batch, frames, 1).
        presence_logit: (batch, frames, 1), above 0 where the target sounds; None without a head for it.
        presence: How sure this is, made steady, 0 to 1, (batch, frames, 1); or None.
        state: What the next call starts with.
    """

    mask: Tensor
    upper_gain: Tensor
    presence_logit: Tensor | None
    presence: Tensor | None
    state: list[Tensor]


class Hush(nn.Module):
    """Estimate a complex ratio mask from a spectrum, frame by frame, without look-ahead.

    Shapes: `forward` maps spectrum (batch, frames, bins, 2) and the state to an `Answer`. The state is
    (batch, bands, band_channels) for each block, and (batch, 24) and (batch, 4) for the presence. The
    spectrum is scaled as in `hushgate.engine.framing`. A new network nearly passes sound unchanged.
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
        self.narrow = ProductNorm(inner, channels)
        weights = band_weights(patches, config.bands)
        self.expand = nn.Parameter((weights / weights.sum(0, keepdim=True)).T.contiguous())
        self.join = ProductNorm(2 * channels, channels)
        self.up = nn.ModuleList([FrequencyLayer(patches, channels) for _ in range(config.num_layers)])
        self.neighbours = Neighbours(patches, channels)
        self.decode = nn.Linear(3 * channels, 2 * stride)
        with torch.no_grad():
            # Start at the identity mask: DESIGN measured 7.5 against 1.5 dB SI-SDR after the first steps.
            self.decode.weight.mul_(0.1)
            self.decode.bias.copy_(torch.tensor([1.0, 0.0]).repeat(stride))

    def initial_state(self, batch: int) -> list[Tensor]:
        """Return the state before any sound: zeros."""
        block = (batch, self.config.bands, self.config.band_channels)
        shapes: list[tuple[int, ...]] = [block] * len(self.blocks)
        if self.presence is not None:
            shapes += [(batch, _PRESENCE_WIDTH), (batch, _STEADY_FRAMES - 1)]
        return [torch.zeros(shape, device=self.decode.weight.device) for shape in shapes]

    @property
    def state_names(self) -> list[str]:
        """A name for each state, as in exported files."""
        names = [f"hidden{index}" for index in range(len(self.blocks))]
        return names if self.presence is None else [*names, f"hidden_{_PRESENCE}", f"recent_{_PRESENCE}"]

    def forward(self, spectrum: Tensor, state: list[Tensor]) -> Answer:
        config, stride = self.config, self.config.stride
        # Time first, as the recurrences want it: two small transpositions instead of two in every block.
        spectrum = spectrum.transpose(0, 1)
        # Products without a last axis of one or two, and powers as exponentials: a sixth of the time.
        real, imaginary = spectrum.unbind(-1)
        power = real.square() + imaginary.square() + _FLOOR
        level = power.log()
        scale, magnitude = (-0.35 * level).exp(), (0.15 * level).exp()
        features = torch.stack([real * scale, imaginary * scale, magnitude], dim=-1)

        x = functional.silu(self.encode(self.surroundings(features.reshape(-1, 3 * stride))))
        for layer in self.down:
            x = layer(x)
        skip = x
        patches = x.reshape(-1, config.num_patches, config.channels)
        bands = self.widen(torch.matmul(self.squeeze, patches).reshape(-1, config.channels))
        x = (bands.reshape(-1, config.bands, config.band_channels) + self.band_position).flatten(0, 1)
        new_state = []
        for block, hidden in zip(self.blocks, state[: len(self.blocks)], strict=True):
            x, last = block(x, hidden)
            new_state.append(last)
        logit = certain = None
        if self.presence is not None:
            hidden, recent = state[len(self.blocks) :]
            logit, last = self.presence(x, hidden)
            certain, recent = steady(logit.detach(), recent)
            new_state += [last, recent]
        bands = self.narrow(x).reshape(-1, config.bands, config.channels)
        x = torch.matmul(self.expand, bands).reshape(-1, config.channels)
        x = functional.silu(self.join(torch.cat([x, skip], dim=-1)))
        for layer in self.up:
            x = layer(x)
        # In full precision under autocast too: a mask of 8 bits would cap the SNR of what it passes.
        with torch.autocast(x.device.type, enabled=False):
            mask = self.decode(self.neighbours(x.float())).clamp(-_MASK_BOUND, _MASK_BOUND)
        mask = mask.reshape(spectrum.shape)[:, :, : config.num_bins - stride]
        if (config.relief_db or config.silent_pauses) and not self.training:
            inside = power[:, :, : config.num_bins - stride]
            mask = settle(mask, inside, config.relief_db, config.silent_pauses)
        top = mask[:, :, config.upper_from_bin :]
        upper_gain = top.square().sum(-1).sqrt().mean(-1, keepdim=True).clamp(max=1.0)
        if config.upper_relief_db and not self.training:
            most = 10.0 ** (config.upper_relief_db / 10.0)
            upper_gain = upper_gain * relief(upper_gain.square(), most, _UPPER_DEEP).sqrt()
        if certain is not None and not self.training:
            there = ((certain - _SURELY_GONE) / (_SURELY_THERE - _SURELY_GONE)).clamp(0.0, 1.0)
            gain = ((there - 1.0) * (_PAUSE_DB * math.log(10.0) / 20.0)).exp()
            mask, upper_gain = mask * gain[..., None], upper_gain * gain
        # The highest patch lies where every resampler that made the training audio rolls off: nothing was
        # learnt there, so it goes with what lies above.
        edge = torch.stack([upper_gain, torch.zeros_like(upper_gain)], dim=-1).expand(-1, -1, stride, -1)
        mask = torch.cat([mask, edge], dim=2)
        mask, upper_gain = mask.transpose(0, 1), upper_gain.transpose(0, 1)
        if logit is None or certain is None:
            return Answer(mask, upper_gain, None, None, new_state)
        return Answer(mask, upper_gain, logit.transpose(0, 1), certain.sigmoid().transpose(0, 1), new_state)

    def enhance(self, spectrum: Tensor, target: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Map a spectrum (batch, frames, bins, 2), all bins up to Nyquist, to the estimate of the same shape.

        With the target's spectrum a network that says whether it sounds adds what this is off to the loss.
        """
        state = self.initial_state(len(spectrum))
        heard = spectrum[:, :, : self.config.num_bins]
        answer: Answer = self(heard, state)
        terms = {}
        if answer.presence_logit is not None and target is not None:
            logit = answer.presence_logit[..., 0].float()
            terms[_PRESENCE] = presence_loss(logit, heard, target[:, :, : self.config.num_bins])
        return apply_mask(spectrum, answer.mask.float(), answer.upper_gain.float()), terms

    def grow_from(self, known: Iterable[str]) -> tuple[str, ...]:
        """Make the layers and blocks that a smaller network lacks start as the identity, in place.

        Args:
            known: Names of the smaller network's weights.

        Returns:
            Prefixes of the names of the weights that were added.
        """
        prefixes = {f"{'.'.join(name.split('.')[:2])}." for name in known}
        added = {
            f"{group}.{index}.": layer
            for group in ("down", "blocks", "up")
            for index, layer in enumerate(getattr(self, group))
            if f"{group}.{index}." not in prefixes
        }
        for layer in added.values():
            layer.start_as_identity()
        if self.presence is not None and f"{_PRESENCE}.narrow." not in prefixes:
            return (*added, f"{_PRESENCE}.")  # which starts by finding the target everywhere
        return tuple(added)

    def fuse(self) -> Hush:
        """Fold every batch normalization into its matrix product, in place; for inference only."""
        self.eval()
        for module in self.modules():
            if isinstance(module, ProductNorm):
                module.fuse()
        return self


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
