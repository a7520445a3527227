"""Weighted sum of the loss terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from hushgate.training.config.schema import LOSS_TERMS, LossConfig
from hushgate.training.losses.multi_resolution import MultiResolutionLoss
from hushgate.training.losses.opinion import OpinionLoss
from hushgate.training.losses.perceptual import PerceptualLoss
from hushgate.training.losses.spectral import (
    compressed_losses,
    level_mse_loss,
    log_magnitude_loss,
    magnitude_loss,
    quiet_magnitude_loss,
)
from hushgate.training.losses.waveform import si_sdr_loss, signal_to_noise_loss, silence_loss

_TINY = 1e-8
_POWER_TERMS = ("magnitude", "complex")
_ADVERSARIAL_TERMS = ("adversarial", "feature_matching")
RELATIVE_TERMS = ("snr", "si_sdr", "multi_resolution", "perceptual", "opinion")
"""Terms that relate the error to the target; undefined where the target is silence."""


class DenoisingLoss:
    """Weighted sum of every term of `LossConfig` but the adversarial ones.

    Args:
        config: Weights.
        sample_rate: Hz.

    Attributes:
        names: The terms that are computed; `magnitude` and `complex` come together.
    """

    def __init__(self, config: LossConfig, sample_rate: float) -> None:
        self.config = config
        self._multi_resolution = MultiResolutionLoss(sample_rate) if config.multi_resolution else None
        self._perceptual = PerceptualLoss(sample_rate) if config.perceptual else None
        self._opinion = OpinionLoss(sample_rate, config.opinion_examples) if config.opinion else None
        powers = _POWER_TERMS if config.magnitude or config.complex else ()
        others = (name for name in LOSS_TERMS if name not in (*_POWER_TERMS, *_ADVERSARIAL_TERMS))
        self.names = (*powers, *(name for name in others if getattr(config, name)))

    def __call__(
        self,
        estimate: Tensor,
        target: Tensor,
        estimate_spectrum: Tensor,
        target_spectrum: Tensor,
        mean_count: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum, and the terms themselves without their weights, averaged over the batch.

        Examples with silence as their target are left out of `RELATIVE_TERMS`.

        Args:
            estimate, target: Waveforms (batch, samples) at a level around full scale.
            estimate_spectrum, target_spectrum: Their spectra (batch, frames, bins, 2).
            mean_count: Averages a number of examples over all processes that share a batch, so that the mean
                of their losses is the loss of the whole batch.
        """
        config = self.config
        spectra = estimate_spectrum, target_spectrum
        sounding = is_sounding(target).float()
        count = sounding.sum() if mean_count is None else mean_count(sounding.sum())

        def of_sounding(values: Tensor) -> Tensor:
            return torch.where(sounding > 0.0, values, 0.0).sum() / count.clamp(min=_TINY)

        terms: dict[str, Tensor] = {}
        if config.magnitude or config.complex:
            magnitude, complex_ = compressed_losses(*spectra, config.compression)
            terms |= {"magnitude": magnitude.mean(), "complex": complex_.mean()}
        if config.snr:
            terms["snr"] = of_sounding(signal_to_noise_loss(estimate, target, config.snr_ceiling_db))
        if config.silence:
            left = silence_loss(estimate, config.snr_ceiling_db)
            terms["silence"] = torch.where(sounding > 0.0, 0.0, left).mean()
        if config.mse:
            terms["mse"] = magnitude_loss(*spectra).mean()
        if config.quiet_mse:
            terms["quiet_mse"] = quiet_magnitude_loss(*spectra).mean()
        if config.log_magnitude:
            terms["log_magnitude"] = log_magnitude_loss(*spectra, config.log_floor_db).mean()
        if config.level_mse:
            terms["level_mse"] = level_mse_loss(*spectra).mean()
        if config.si_sdr:
            terms["si_sdr"] = of_sounding(si_sdr_loss(estimate, target, config.snr_ceiling_db))
        if self._multi_resolution is not None:
            terms["multi_resolution"] = of_sounding(self._multi_resolution(estimate, target))
        if self._perceptual is not None:
            terms["perceptual"] = of_sounding(self._disturbance(self._perceptual, estimate, target))
        if self._opinion is not None:
            terms["opinion"] = of_sounding(self._opinion(estimate, target))
        return self.weighted(terms, estimate.new_zeros(())), terms

    def at_common_level(
        self,
        noisy: Tensor,
        clean: Tensor,
        target: Tensor,
        estimate: Tensor,
        spectrum: Tensor,
        mean_count: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Bring a batch to a common level, and return the sum, the terms and the gains (batch, 1) for it.

        The level is the target's, or the mixture's where the target is silence: quiet recordings count as
        much as loud ones.

        Args:
            noisy, clean: Waveforms of mixture and target, (batch, samples).
            target: Spectrum of the target, (batch, frames, bins, 2).
            estimate, spectrum: Waveform and spectrum of the estimate.
            mean_count: As above.
        """
        level = clean.square().mean(-1, keepdim=True)
        level = torch.where(level > _TINY**2, level, noisy.square().mean(-1, keepdim=True))
        gain = (level + _TINY**2).rsqrt()
        of_frames = gain[:, :, None, None]
        loss, terms = self(
            estimate * gain, clean * gain, spectrum * of_frames, target * of_frames, mean_count
        )
        return loss, terms, gain

    def _disturbance(self, judge: PerceptualLoss, estimate: Tensor, target: Tensor) -> Tensor:
        """Perceptual loss (batch,) of the first examples, weighted for all."""
        count = min(self.config.perceptual_examples or len(estimate), len(estimate))
        losses = judge(estimate[:count], target[:count]) * (len(estimate) / count)
        return functional.pad(losses, (0, len(estimate) - count))

    def weighted(self, terms: Mapping[str, Tensor], start: Tensor) -> Tensor:
        """Weighted sum of the terms, added to `start`."""
        return sum((getattr(self.config, name) * value for name, value in terms.items()), start=start)


def is_sounding(target: Tensor) -> Tensor:
    """Bool (batch,), True for waveforms (batch, samples) at a common level that are not silence."""
    return target.square().mean(-1) > _TINY
