"""Presence of the target: a head of hush networks that detects it, and its loss."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.training.losses.summed_loss import SummedLoss
from hushgate.training.models.hush_layers import ProductNorm

# Logit above which sound passes unchanged, and below which it gets the full reduction.
_SURELY_THERE, _SURELY_GONE = 0.5, -0.5
_PAUSE_DB = 40.0
_CHANNELS, _WIDTH = 12, 24
# Initial logit of an untrained head: target present.
_THERE_LOGIT = 4.0
# Frames of the moving average, and the excess of a single frame that overrides it.
_STEADY_FRAMES, _AT_ONCE = 5, 2.0
# Power ratios of target to noise: present if a band exceeds the first, absent if all are below the second.
# Frames in between, and silent mixtures, are not judged.
_BANDS = 18
_STANDS_OUT, _DROWNED = 10.0**0.3, 10.0**-1.5
_SILENCE = 1e-10
# Turning music down by mistake is worse than leaving noise in a pause, so present frames weigh more.
_SOUND_WEIGHT = 3.0


class Verdict(NamedTuple):
    """Logits of the target's presence in every frame, above 0 where it sounds, each (batch, frames, 1).

    Attributes:
        logit: What the head says of each frame, to be trained.
        steady: What holds for the sound (see `steady`).
    """

    logit: Tensor
    steady: Tensor

    def gain(self) -> Tensor:
        """1 where the target sounds and -40 dB where it does not, over one unit of the steady logit."""
        there = ((self.steady - _SURELY_GONE) / (_SURELY_THERE - _SURELY_GONE)).clamp(0.0, 1.0)
        return ((there - 1.0) * (_PAUSE_DB * math.log(10.0) / 20.0)).exp()


class PresenceHead(nn.Module):
    """Say whether the target sounds, from what the blocks know of all bands of this frame and those before.

    Learns from the features and does not change them: a denoiser with it is the denoiser without it, but for
    frames in which the target does not sound.
    """

    state_names = ("hidden_presence", "recent_presence")

    def __init__(self, bands: int, channels: int) -> None:
        super().__init__()
        self.bands = bands
        self.narrow = ProductNorm(channels, _CHANNELS)
        self.gather = nn.Linear(bands * _CHANNELS, _WIDTH)
        self.gru = nn.GRU(_WIDTH, _WIDTH)
        self.answer = nn.Linear(_WIDTH, 1)
        self.start_as_identity()

    def state_shapes(self, batch: int) -> list[tuple[int, ...]]:
        """Of the recurrence, and of the logits that the next mean needs."""
        return [(batch, _WIDTH), (batch, _STEADY_FRAMES - 1)]

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Verdict, list[Tensor]]:
        """Map x (frames * batch * bands, channels) and the state to a verdict and the next state."""
        hidden, recent = state
        x = functional.silu(self.narrow(x.detach()))
        x = functional.silu(self.gather(x.reshape(-1, self.bands * _CHANNELS)))
        x = x.reshape(-1, hidden.shape[0], _WIDTH)
        over_time, last = self.gru(x, hidden[None])
        logit = self.answer((x + over_time).flatten(0, 1)).reshape(-1, hidden.shape[0], 1)
        certain, recent = steady(logit.detach(), recent)
        return Verdict(logit.transpose(0, 1), certain.transpose(0, 1)), [last[0], recent]

    def start_as_identity(self) -> None:
        """Initialize the head to report the target in every frame, in place."""
        nn.init.zeros_(self.answer.weight)
        nn.init.constant_(self.answer.bias, _THERE_LOGIT)


def steady(logit: Tensor, recent: Tensor) -> tuple[Tensor, Tensor]:
    """The mean logit of five frames, or the last less 2 where that is more: an onset counts at once.

    Single frames alone would open pauses in bursts; the mean alone would open late for attacks.

    Args:
        logit: (frames, batch, 1).
        recent: Logits of the four frames before, (batch, 4).

    Returns:
        The steady logits, (frames, batch, 1), and `recent` for the next call.
    """
    joined = torch.cat([recent.transpose(0, 1)[..., None], logit])
    mean = functional.avg_pool1d(joined.permute(1, 2, 0), _STEADY_FRAMES, stride=1).permute(2, 0, 1)
    return torch.maximum(mean, logit - _AT_ONCE), joined[1 - _STEADY_FRAMES :, :, 0].transpose(0, 1)


def presence_loss(logits: Tensor, spectrum: Tensor, target: Tensor) -> SummedLoss:
    """Binary cross-entropy of logits (batch, frames) with what spectra (batch, frames, bins, 2) show.

    The target sounds in a frame if it is 3 dB above what was added to it in one of 18 bands or more, and does
    not if it is 15 dB below it in all. Frames in between and digital silence do not count, frames in which it
    sounds three times.
    """
    bins = target.shape[2]
    edges = torch.logspace(0.0, math.log10(bins), _BANDS + 1).round().long().unique().tolist()
    wanted, added = (
        torch.stack([power[:, :, low:high].sum(-1) for low, high in pairwise(edges)], dim=-1)
        for power in (target.square().sum(-1), (spectrum - target).square().sum(-1))
    )
    sounds = (wanted > _STANDS_OUT * added).any(-1)
    silent = (wanted < _DROWNED * added).all(-1)
    counts = (sounds | silent) & ((wanted + added).sum(-1) > _SILENCE)
    weight = torch.where(sounds, _SOUND_WEIGHT, 1.0) * counts
    losses = functional.binary_cross_entropy_with_logits(logits, sounds.float(), reduction="none")
    return SummedLoss((weight * losses).sum(), weight.sum())
