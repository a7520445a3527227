"""Every family, small: the shapes of the shipped configurations with the sizes of a test."""

from __future__ import annotations

from typing import Any

from hushgate.training.models import Hush, Network

_STRIDED = {"num_bins": 64, "segment_frames": 16, "segment_hop_frames": 8, "upper_from_hz": 500.0}

# What to change in [model] of any configuration of the family.
SMALL: dict[str, dict[str, Any]] = {
    "hush": {
        "num_bins": 64,
        "stride": 4,
        "channels": 8,
        "bands": 6,
        "band_channels": 12,
        "num_heads": 2,
        "upper_from_hz": 500.0,
    },
    "conv_ae": _STRIDED | {"filters": [3, 4, 6]},
    "conv_vae": _STRIDED | {"filters": [3, 4, 6], "code_channels": 5},
    "unet": _STRIDED | {"num_bins": 32, "filters": [2, 3, 4, 5], "bottleneck": 6},
    "latent_ae": {
        "num_bins": 32,
        "segment_frames": 16,
        "segment_hop_frames": 8,
        "upper_from_hz": 300.0,
        "filters": [3, 4, 6, 8],
        "skips": [1, 3],
        "code_size": 7,
    },
    "wave_ae": {"frame_ms": 100.0, "num_bins": 200, "upper_from_hz": 500.0, "layers": [16, 8, 4]},
}


def hush_of(network: Network) -> Hush:
    """The same network; a failure if it is of another family."""
    assert isinstance(network, Hush)
    return network
