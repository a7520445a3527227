"""Mean weights of networks, one of which was trained on from another."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from hushgate.training.models import Hush, Network
from hushgate.training.models.checkpoint import load_network
from hushgate.training.models.exported_file import InitializationError, load_exported, model_path


def average(network: Network, others: Iterable[Path]) -> Network:
    """Give a network the mean of its weights and of the others', in place, normalizations folded in.

    The mean of a network and of the one that its training started from keeps most of what each is better at
    (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). Networks from different beginnings have
    no useful mean. A layer or block that one of them lacks counts as the identity that it begins as; a head,
    not at all.

    Args:
        network: Trained.
        others: Checkpoints, model files, or names of shipped models.

    Raises:
        FileNotFoundError: One of them does not exist.
        ValueError: One of them is neither a checkpoint nor a model file, or has another shape.
    """
    unfused = copy.deepcopy(network)
    weights = {name: [value] for name, value in network.fuse().state_dict().items()}
    for other in others:
        found = _read(other).fuse().state_dict()
        for name, value in (_identities(unfused, found) | found).items():
            if name not in weights or weights[name][0].shape != value.shape:
                raise InitializationError(
                    f"{other} has {name} of shape {tuple(value.shape)}, which the checkpoint's network does "
                    "not have. Average it with the network that its training started from."
                )
            weights[name].append(value)
    network.load_state_dict(
        {
            # Counters of batches are whole numbers.
            name: torch.stack(values).mean(0) if values[0].is_floating_point() else values[0]
            for name, values in weights.items()
        }
    )
    return network


def _identities(network: Network, known: Iterable[str]) -> dict[str, Tensor]:
    """Weights of the layers and blocks of a network that are not among `known`, as they begin."""
    if not isinstance(network, Hush):
        return {}
    grown = copy.deepcopy(network)
    added = tuple(part for part in grown.grow_from(known) if part.startswith(("down.", "blocks.", "up.")))
    if not added:
        return {}
    return {name: value for name, value in grown.fuse().state_dict().items() if name.startswith(added)}


def _read(source: Path) -> Network:
    source = model_path(source)
    return load_exported(source) if source.suffix == ".onnx" else load_network(source)[0]
