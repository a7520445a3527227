"""Variational autoencoder of the same convolutions as `conv_ae`: the bottleneck is a distribution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.training.models.conv_ae import ConvAE, ConvAEConfig

# Keeps exp() of the log variance within the range of float32 and float16.
_LOG_VARIANCE_BOUND = 8.0


@dataclass(frozen=True)
class ConvVAEConfig(ConvAEConfig):
    """Size and framing of a variational autoencoder.

    Args:
        code_channels: Dimensions of the code at each position of the bottleneck.
        kl_weight: Weight in the loss of the Kullback-Leibler divergence from a standard normal distribution,
            nats per dimension and position; 0 leaves it out.
    """

    code_channels: int = 32
    kl_weight: float = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.code_channels < 1:
            raise ValueError(f"code_channels must be at least 1 (got {self.code_channels}).")
        if self.kl_weight < 0.0:
            raise ValueError(f"kl_weight must be at least 0.0 (got {self.kl_weight}).")


class ConvVAE(ConvAE):
    """`ConvAE` whose code is drawn from a normal distribution in training, and its mean otherwise.

    Reference: Kingma and Welling 2014, "Auto-Encoding Variational Bayes".
    """

    has_code = True
    training_only = ("to_log_variance.",)

    def __init__(self, config: ConvVAEConfig | None = None) -> None:
        config = config or ConvVAEConfig()
        super().__init__(config)
        self.kl_weight = config.kl_weight
        deepest = config.filters[-1]
        self.to_mean = nn.Conv2d(deepest, config.code_channels, 1)
        self.to_log_variance = nn.Conv2d(deepest, config.code_channels, 1)
        self.from_code = nn.Conv2d(config.code_channels, deepest, 1)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        level, relative = self._features(inputs)
        mean = self.to_mean(self._encode(relative))
        return self._from_code(mean, level, inputs), mean.flatten(2).transpose(1, 2)

    def estimate(self, segments: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        level, relative = self._features(segments)
        deepest = self._encode(relative)
        mean = self.to_mean(deepest).float()
        log_variance = self.to_log_variance(deepest).float().clamp(-_LOG_VARIANCE_BOUND, _LOG_VARIANCE_BOUND)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).mean()
        code = mean
        if self.training:
            code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self._from_code(code, level, segments), {"kl": self.kl_weight * divergence}

    def _from_code(self, code: Tensor, level: Tensor, segments: Tensor) -> Tensor:
        return self._render(self._decode(functional.relu(self.from_code(code))), level, segments)
