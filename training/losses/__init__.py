"""Loss terms of training.

Every term is named in the `[loss]` table and is one small function or class here; `DenoisingLoss` adds up
those with a weight.
"""

from hushgate.training.losses.adversarial import (
    Discriminator,
    discriminator_loss,
    feature_distance,
    generator_loss,
)
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
from hushgate.training.losses.total import RELATIVE_TERMS, DenoisingLoss, is_sounding
from hushgate.training.losses.waveform import si_sdr, si_sdr_loss, signal_to_noise_loss

__all__ = [
    "RELATIVE_TERMS",
    "DenoisingLoss",
    "Discriminator",
    "MultiResolutionLoss",
    "OpinionLoss",
    "PerceptualLoss",
    "compressed_losses",
    "discriminator_loss",
    "feature_distance",
    "generator_loss",
    "is_sounding",
    "level_mse_loss",
    "log_magnitude_loss",
    "magnitude_loss",
    "quiet_magnitude_loss",
    "si_sdr",
    "si_sdr_loss",
    "signal_to_noise_loss",
]
