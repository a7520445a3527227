"""Trainable models, by family name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hushgate.training.models.conv_ae import ConvAE, ConvAEConfig
from hushgate.training.models.conv_vae import ConvVAE, ConvVAEConfig
from hushgate.training.models.hush import Hush, HushConfig
from hushgate.training.models.latent_ae import LatentAE, LatentAEConfig
from hushgate.training.models.segments import SegmentConfig, SegmentNetwork
from hushgate.training.models.unet import UNet, UNetConfig
from hushgate.training.models.wave_ae import WaveAE, WaveAEConfig

__all__ = [
    "FAMILIES",
    "ConvAE",
    "ConvAEConfig",
    "ConvVAE",
    "ConvVAEConfig",
    "Hush",
    "HushConfig",
    "LatentAE",
    "LatentAEConfig",
    "Network",
    "SegmentConfig",
    "SegmentNetwork",
    "UNet",
    "UNetConfig",
    "WaveAE",
    "WaveAEConfig",
    "build_model",
    "settings_of",
]

# Training uses `config` (frame_ms, overlap, num_bins), `enhance` and `fuse`, which both have.
Network = Hush | SegmentNetwork

FAMILIES: dict[str, tuple[type[Network], type[HushConfig | SegmentConfig]]] = {
    "hush": (Hush, HushConfig),
    "conv_ae": (ConvAE, ConvAEConfig),
    "conv_vae": (ConvVAE, ConvVAEConfig),
    "latent_ae": (LatentAE, LatentAEConfig),
    "unet": (UNet, UNetConfig),
    "wave_ae": (WaveAE, WaveAEConfig),
}


def settings_of(network: Network) -> dict[str, Any]:
    """The `[model]` table that makes a network of the same shape."""
    family = next(name for name, (kind, _) in FAMILIES.items() if type(network) is kind)
    return {"family": family, **dataclasses.asdict(network.config)}


def build_model(settings: Mapping[str, Any]) -> Network:
    """Make an untrained model from the `[model]` table of a configuration.

    Raises:
        ValueError: Unknown family or parameter.
    """
    parameters = dict(settings)
    family = parameters.pop("family", None)
    if family not in FAMILIES:
        raise ValueError(f"model.family must be one of {', '.join(FAMILIES)} (got {family!r}).")
    network, config = FAMILIES[family]
    known = [f.name for f in dataclasses.fields(config)]
    for key in parameters:
        if key not in known:
            raise ValueError(f"model has no key {key!r}. Keys of family {family!r}: {', '.join(known)}.")
    return network(config(**parameters))  # type: ignore[arg-type]  # each network takes its own configuration
