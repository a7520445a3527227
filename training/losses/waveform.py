"""Ratios of signal to error of waveforms, all (batch, samples) to (batch,)."""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-8


def signal_to_noise_loss(estimate: Tensor, target: Tensor, ceiling_db: float = 30.0) -> Tensor:
    """Negative SNR in dB of each example, soft-limited at a ceiling.

    SNR, not SI-SDR: scale invariance lets the output level drift.
    """
    error = (estimate - target).square().sum(-1)
    return _limited(error / (target.square().sum(-1) + _TINY), ceiling_db)


def silence_loss(estimate: Tensor, ceiling_db: float = 30.0) -> Tensor:
    """Level in dB of what is left of each example whose target is silence, soft-limited below.

    Args:
        estimate: Waveforms (batch, samples), scaled so that the mixture's mean power was 1.
        ceiling_db: Reduction beyond which there is little to gain, dB.
    """
    return _limited(estimate.square().mean(-1), ceiling_db)


def si_sdr_loss(estimate: Tensor, target: Tensor, ceiling_db: float = 30.0) -> Tensor:
    """Negative SI-SDR in dB of each example, soft-limited at a ceiling."""
    projection = _projection(estimate, target)
    error = (estimate - projection).square().sum(-1)
    return _limited(error / (projection.square().sum(-1) + _TINY), ceiling_db)


def si_sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """Scale-invariant signal-to-distortion ratio, dB (Le Roux et al. 2019)."""
    projection = _projection(estimate, target)
    error = (estimate - projection).square().sum(-1)
    return 10.0 * torch.log10((projection.square().sum(-1) + _TINY) / (error + _TINY))


def _projection(estimate: Tensor, target: Tensor) -> Tensor:
    scale = (estimate * target).sum(-1, keepdim=True) / (target.square().sum(-1, keepdim=True) + _TINY)
    return scale * target


def _limited(error_ratio: Tensor, ceiling_db: float) -> Tensor:
    return 10.0 * torch.log10(error_ratio + 10.0 ** (-ceiling_db / 10.0))
