"""Trained networks read back from checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch

from hushgate.training.config.schema import Config
from hushgate.training.models import Network, build_model

# Attribute of `fitting.denoising_module.DenoisingModule` that holds the network, as checkpoints name it.
_NETWORK = "network."


def load_network(checkpoint: Path) -> tuple[Network, Config]:
    """Read the averaged weights of a checkpoint into a network, in evaluation mode.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file is no checkpoint of `hushgate train`.
    """
    if not checkpoint.is_file():
        raise FileNotFoundError(f"checkpoint {checkpoint} does not exist.")
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        config = Config.from_dict(content["hyper_parameters"]["config"], str(checkpoint))
        # The weights of an adversarial training's discriminator are left out.
        weights = {
            name.removeprefix(_NETWORK): value
            for name, value in content["state_dict"].items()
            if name.startswith(_NETWORK)
        }
    except Exception as error:  # the reader raises many types
        raise ValueError(
            f"{checkpoint} is not a checkpoint of hushgate train ({type(error).__name__})."
        ) from error
    network = build_model(config.model)
    network.load_state_dict(weights)
    return network.eval(), config
