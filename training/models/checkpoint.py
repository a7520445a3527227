"""Trained networks read back from checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hushgate.training.config.schema import Config
from hushgate.training.models import Network, build_model

# Attribute of `fitting.denoising_module.DenoisingModule` that holds the network, as checkpoints name it.
_NETWORK = "network."


def read_checkpoint(checkpoint: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the configuration of a checkpoint as plain data, and its averaged weights by name.

    Raises:
        ValueError: The file is no checkpoint of `hushgate train`.
    """
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        return dict(content["hyper_parameters"]["config"]), dict(content["state_dict"])
    except Exception as error:  # the reader raises many types
        raise ValueError(
            f"{checkpoint} is not a checkpoint of hushgate train ({type(error).__name__})."
        ) from error


def load_network(checkpoint: Path) -> tuple[Network, Config]:
    """Read the averaged weights of a checkpoint into a network, in evaluation mode.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file is no checkpoint of `hushgate train`, or its configuration is wrong.
    """
    if not checkpoint.is_file():
        raise FileNotFoundError(f"checkpoint {checkpoint} does not exist.")
    values, weights = read_checkpoint(checkpoint)
    config = Config.from_dict(values, str(checkpoint))
    network = build_model(config.model)
    # The weights of an adversarial training's discriminator are left out.
    network.load_state_dict(
        {name.removeprefix(_NETWORK): one for name, one in weights.items() if name.startswith(_NETWORK)}
    )
    return network.eval(), config
