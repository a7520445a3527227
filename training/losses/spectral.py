"""Errors of spectra of each example: (batch, frames, bins, 2) at a level around full scale, to (batch,)."""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-8
# -100 dB.
_LEVEL_FLOOR = 1e-10
# Level relative to the loudest frame below which weights stop growing: -26 dB.
_QUIETEST = 0.05


def compressed_losses(estimate: Tensor, target: Tensor, compression: float) -> tuple[Tensor, Tensor]:
    """Mean squared errors of power-compressed magnitudes and of complex values with such magnitudes.

    Args:
        estimate, target: Spectra.
        compression: Exponent of the magnitudes (Braun and Tashev 2020).
    """
    power_estimate = estimate.square().sum(-1) + _TINY
    power_target = target.square().sum(-1) + _TINY
    magnitude_estimate = power_estimate.pow(compression / 2.0)
    magnitude_target = power_target.pow(compression / 2.0)
    magnitude = (magnitude_estimate - magnitude_target).square().mean((-2, -1))
    compressed_estimate = estimate * (magnitude_estimate * power_estimate.rsqrt())[..., None]
    compressed_target = target * (magnitude_target * power_target.rsqrt())[..., None]
    complex_ = (compressed_estimate - compressed_target).square().sum(-1).mean((-2, -1))
    return magnitude, complex_


def magnitude_loss(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of the magnitudes."""
    return (_magnitude(estimate) - _magnitude(target)).square().mean((-2, -1))


def quiet_magnitude_loss(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of the magnitudes that favours quiet passages.

    A frame counts with the inverse of the target's level in it, against the loudest frame's and from 26 dB
    below that on constant; the weights of an example have the mean 1. Noise between the notes, which hardly
    changes the plain error, counts most.
    """
    level = (target.square().sum(-1).mean(-1) + _TINY).sqrt()
    weight = 1.0 / (level / level.amax(-1, keepdim=True) + _QUIETEST)
    weight = weight / weight.mean(-1, keepdim=True)
    errors = (_magnitude(estimate) - _magnitude(target)).square().mean(-1)
    return (weight * errors).mean(-1)


def log_magnitude_loss(estimate: Tensor, target: Tensor, floor_db: float = -80.0) -> Tensor:
    """Mean squared error of the natural logarithms of the magnitudes, from `floor_db` on upward.

    A floor at the level of the quietest bins that matter keeps the loss to those of the target: emptying one
    of them costs much, how empty the others are nothing.
    """
    floor = 10.0 ** (floor_db / 10.0)
    logarithms = [0.5 * torch.log(one.square().sum(-1) + floor) for one in (estimate, target)]
    return (logarithms[0] - logarithms[1]).square().mean((-2, -1))


def level_mse_loss(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of levels in dB, -100 to 100 scaled to 0..1.

    0.001 is a difference of 6.3 dB (RMS over all bins and frames).
    """
    scaled = [
        ((10.0 * torch.log10(one.square().sum(-1) + _LEVEL_FLOOR) + 100.0) / 200.0).clamp(0.0, 1.0)
        for one in (estimate, target)
    ]
    return (scaled[0] - scaled[1]).square().mean((-2, -1))


def _magnitude(spectrum: Tensor) -> Tensor:
    return (spectrum.square().sum(-1) + _TINY).sqrt()
