"""Training against a discriminator: two networks, two optimizers, one step each per batch."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor

from hushgate.training.config.schema import Config
from hushgate.training.fitting.denoising_module import DenoisingModule
from hushgate.training.losses import Discriminator, discriminator_loss, feature_distance, generator_loss


class AdversarialModule(DenoisingModule):
    """A denoiser and the discriminator that it must please.

    Both get waveforms at the common level of the loss. Steps, schedule, averaging and checkpoints follow the
    denoiser's optimizer; the discriminator's is not counted. Gradients of both are clipped alike.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.automatic_optimization = False
        self.discriminator = Discriminator(config.data.sample_rate, config.loss.discriminator_channels)

    def training_step(self, batch: tuple[Tensor, ...], batch_index: int) -> None:
        weights = self.config.loss
        denoiser, judge = self._both_optimizers()
        takes_part = self.trainer.global_step >= weights.adversarial_from_step

        self.toggle_optimizer(denoiser)
        noisy, clean, *above = batch
        result = self.assess(noisy, clean, self.mean_count, *above)
        loss, terms = result.loss, dict(result.terms)
        estimate, clean = result.estimate * result.gain, clean * result.gain
        if takes_part:
            of_estimates = self.discriminator(estimate)
            terms["adversarial"] = generator_loss(of_estimates, weights.adversarial_kind)
            loss = loss + weights.adversarial * terms["adversarial"]
            if weights.feature_matching:
                with torch.no_grad():
                    of_targets = self.discriminator(clean)
                terms["feature_matching"] = feature_distance(of_targets, of_estimates)
                loss = loss + weights.feature_matching * terms["feature_matching"]
        denoiser.zero_grad()
        self.manual_backward(loss)
        self._clip(denoiser)
        denoiser.step()
        self.untoggle_optimizer(denoiser)
        scheduler: Any = self.lr_schedulers()
        scheduler.step()

        if takes_part:
            terms["discriminator"] = self._train_discriminator(judge, estimate.detach(), clean)
        self.log_training(loss, terms)

    def _both_optimizers(self) -> tuple[LightningOptimizer, torch.optim.Optimizer]:
        """The denoiser's as Lightning counts it, and the discriminator's as PyTorch made it."""
        counted: Any = self.optimizers()
        plain: Any = self.optimizers(use_pl_optimizer=False)
        return counted[0], plain[1]

    def _train_discriminator(
        self, optimizer: torch.optim.Optimizer, estimate: Tensor, clean: Tensor
    ) -> Tensor:
        self.toggle_optimizer(optimizer)
        loss = discriminator_loss(
            self.discriminator(clean), self.discriminator(estimate), self.config.loss.adversarial_kind
        )
        optimizer.zero_grad()
        self.manual_backward(loss)
        self._clip(optimizer)
        optimizer.step()
        self.untoggle_optimizer(optimizer)
        return loss.detach()

    def _clip(self, optimizer: Any) -> None:
        # Clipped here, because Lightning refuses to do it under manual optimization.
        self.clip_gradients(optimizer, self.config.train.gradient_clip, "norm")

    def configure_optimizers(self) -> Any:
        denoiser = super().configure_optimizers()
        judge = torch.optim.AdamW(
            self.discriminator.parameters(), self.config.loss.discriminator_learning_rate, betas=(0.8, 0.99)
        )
        return [denoiser["optimizer"], judge], [denoiser["lr_scheduler"]]


def make_module(config: Config) -> DenoisingModule:
    """The module for a configuration: with a discriminator only where the loss has a weight for it."""
    return AdversarialModule(config) if config.loss.adversarial else DenoisingModule(config)
