"""Gains of the bands above the bins: a head of hush networks, and its loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.training.losses.summed_loss import SummedLoss
from hushgate.training.models.hush_layers import ProductNorm

_CHANNELS, _WIDTH = 8, 48
# -120 dBFS squared, and the exponent that compresses magnitudes to the power of 0.3, as in `hush`.
_FLOOR, _EXPONENT = 1e-12, 0.15
# Initial logit of an untrained head: a gain of 0.95.
_OPEN_LOGIT = 3.0
# Weights of the error of compressed magnitudes and of the compressed error.
_MAGNITUDE_WEIGHT, _ERROR_WEIGHT = 60.0, 1.5
# Most frames have no speech above the bins, so losing the speech of the others weighs more.
_LOST_WEIGHT = 4.0
# The sum over the bins of a sine's power spectrum is about three times its mean square.
_BINS_OF_MEAN_SQUARE = 3.0
_TINY = 1e-8


class UpperHead(nn.Module):
    """Estimate the gain of every band above the network's bins.

    Its inputs are the levels of those bands and the output of the blocks for the bands below, which tells a
    sibilant from a vowel or a pause.

    Args:
        bands, channels: Shape of the blocks' output.
        num_upper: Number of bands above.
    """

    state_names = ("hidden_upper",)

    def __init__(self, bands: int, channels: int, num_upper: int) -> None:
        super().__init__()
        self.bands, self.num_upper = bands, num_upper
        self.narrow = ProductNorm(channels, _CHANNELS)
        self.gather = nn.Linear(bands * _CHANNELS + 2 * num_upper, _WIDTH)
        self.gru = nn.GRU(_WIDTH, _WIDTH)
        self.answer = nn.Linear(_WIDTH, num_upper)
        self.start_as_identity()

    def state_shapes(self, batch: int) -> list[tuple[int, ...]]:
        """Return the shape of the recurrence's memory."""
        return [(batch, _WIDTH)]

    def forward(
        self, x: Tensor, levels: Tensor, state: list[Tensor], num_frames: int
    ) -> tuple[Tensor, list[Tensor]]:
        """Estimate gains 0 to 1, (frames, batch, bands above), and the next state.

        Args:
            x: Output of the blocks, (frames * batch * bands, channels).
            levels: (frames, batch, bands above, 2): mean power of a bin and 1; both 0 where it is unknown.
            state: State that the last call returned.
            num_frames: Frames of `x` and `levels`.
        """
        (hidden,) = state
        # Few operations: for a single frame, each takes onnxruntime some microseconds.
        # The flags are compressed with the powers, which leaves them 1 and nearly 0.
        heard = (levels.reshape(-1, 2 * self.num_upper) + _FLOOR).pow(_EXPONENT)
        below = functional.silu(self.narrow(x)).reshape(-1, self.bands * _CHANNELS)
        x = functional.silu(self.gather(torch.cat([below, heard], dim=-1)))
        x = x.reshape(num_frames, -1, _WIDTH)
        over_time, last = self.gru(x, hidden[None])
        return self.answer(x + over_time).sigmoid(), [last[0]]

    def start_as_identity(self) -> None:
        """Initialize the head to pass nearly everything, in place."""
        nn.init.zeros_(self.answer.weight)
        nn.init.constant_(self.answer.bias, _OPEN_LOGIT)


def upper_loss(gain: Tensor, above: Tensor, target: Tensor) -> SummedLoss:
    """Measure the error of gains above the network's bins, over the known bands.

    Args:
        gain: (batch, frames, bands).
        above: (batch, frames, bands, 4): mean power of the mixture, 1 where it is known, mean power of the
            target, and mean product of the two (the real part of one times the conjugate of the other).
        target: Spectrum of the target below, (batch, frames, bins, 2), whose level brings all examples to
            a common one.
    """
    mixed, known, wanted, shared = above.unbind(-1)
    level = target.square().sum((-2, -1)).mean(-1)[:, None, None] / _BINS_OF_MEAN_SQUARE
    # Without a target below, the mixture's own level.
    level = torch.where(level > _TINY**2, level, mixed.sum(-1).mean(-1)[:, None, None])
    scale = 1.0 / (level + _TINY**2)
    left = gain.square() * mixed
    missing = (wanted * scale + _TINY).pow(_EXPONENT) - (left * scale + _TINY).pow(_EXPONENT)
    magnitude = missing.square() * torch.where(missing > 0.0, _LOST_WEIGHT, 1.0)
    error = ((left - 2.0 * gain * shared + wanted).clamp(min=0.0) * scale + _TINY).pow(2.0 * _EXPONENT)
    total = _MAGNITUDE_WEIGHT * magnitude + _ERROR_WEIGHT * error
    return SummedLoss((total * known).sum(), known.sum())
