"""What training minimizes, and the measures it reports."""

from __future__ import annotations

import torch
from torch import Tensor

from hushgate.training.config import LossConfig

_TINY = 1e-8


def signal_to_noise_loss(estimate: Tensor, target: Tensor, ceiling_db: float = 30.0) -> Tensor:
    """Negative SNR in dB of each example, soft-limited at a ceiling: (batch, samples) to (batch,).

    SNR, not SI-SDR: scale invariance lets the output level drift.
    """
    error = (estimate - target).square().sum(-1)
    ratio = error / (target.square().sum(-1) + _TINY)
    return 10.0 * torch.log10(ratio + 10.0 ** (-ceiling_db / 10.0))


def compressed_losses(estimate: Tensor, target: Tensor, compression: float) -> tuple[Tensor, Tensor]:
    """Mean squared errors of power-compressed magnitudes and complex values, of each example.

    Args:
        estimate, target: Spectra (batch, frames, bins, 2), at a level around full scale.
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


def denoising_loss(
    estimate: Tensor,
    target: Tensor,
    estimate_spectrum: Tensor,
    target_spectrum: Tensor,
    config: LossConfig,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted sum of the terms and the terms themselves, averaged over the batch.

    Examples with silence as their target have no SNR and are left out of that term.
    """
    magnitude, complex_ = compressed_losses(estimate_spectrum, target_spectrum, config.compression)
    sounding = (target.square().mean(-1) > _TINY).float()
    ratios = signal_to_noise_loss(estimate, target, config.snr_ceiling_db)
    snr = (ratios * sounding).sum() / sounding.sum().clamp(min=1.0)
    terms = {"magnitude": magnitude.mean(), "complex": complex_.mean(), "snr": snr}
    total = (
        config.magnitude * terms["magnitude"] + config.complex * terms["complex"] + config.snr * terms["snr"]
    )
    return total, terms


def si_sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """Scale-invariant signal-to-distortion ratio, dB: (batch, samples) to (batch,) (Le Roux et al. 2019)."""
    scale = (estimate * target).sum(-1, keepdim=True) / (target.square().sum(-1, keepdim=True) + _TINY)
    projection = scale * target
    error = (estimate - projection).square().sum(-1)
    return 10.0 * torch.log10((projection.square().sum(-1) + _TINY) / (error + _TINY))
