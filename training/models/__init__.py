"""Trainable models, by family name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hushgate.training.config.toml_tables import build
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
    "complete_settings",
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


def complete_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a `[model]` table with the defaults of its family for what it lacks.

    Raises:
        ValueError: As `build_model`.
    """
    return {"family": settings.get("family"), **dataclasses.asdict(_read(settings)[1])}


def build_model(settings: Mapping[str, Any]) -> Network:
    """Make an untrained model from the `[model]` table of a configuration.

    Raises:
        ValueError: Unknown family or parameter, or a value of the wrong type or out of range.
    """
    network, config = _read(settings)
    return network(config)  # type: ignore[arg-type]  # each network takes its own configuration


def _read(settings: Mapping[str, Any]) -> tuple[type[Network], HushConfig | SegmentConfig]:
    parameters = dict(settings)
    family = parameters.pop("family", None)
    if family not in FAMILIES:
        raise ValueError(f"model.family must be one of {', '.join(FAMILIES)} (got {family!r}).")
    network, config = FAMILIES[family]
    return network, build(config, parameters, "model")
