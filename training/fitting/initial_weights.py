"""Initial weights of a training, from a checkpoint or an exported model file.

An exported file holds every normalization folded into the product before it. Reading it back gives the same
function, and `restore_norms` then unfolds the normalizations again, from statistics of the new training's
own mixtures: a batch normalization left at identity would change the function in the first training step.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hushgate.training.fitting.denoising_module import DenoisingModule
from hushgate.training.models import Hush, Network
from hushgate.training.models.checkpoint import load_network
from hushgate.training.models.exported_file import (
    InitializationError,
    check_same_answers,
    load_exactly,
    model_path,
    read_network_settings,
    read_onnx_weights,
)
from hushgate.training.models.hush import HushConfig
from hushgate.training.models.mask_corrections import CORRECTIONS

__all__ = ["InitializationError", "initialize", "read_onnx_weights", "restore_norms"]


def initialize(module: DenoisingModule, source: Path, mixtures: Iterable[Tensor]) -> None:
    """Give a new training the weights of `source`, in place.

    Args:
        module: Untrained, on the CPU.
        source: A checkpoint (its averaged weights; nothing of its optimizer or schedule), an `.onnx` file
            that `hushgate export` wrote, or the name of a shipped model.
        mixtures: Noisy batches (batch, samples) of this training, to measure what the layers of an ONNX file
            put out; a few hundred seconds of sound are enough. Not read for a checkpoint.

    Raises:
        FileNotFoundError: `source` does not exist.
        InitializationError: Its network has another shape, or computes something else.
        ValueError: It is neither a checkpoint nor an ONNX file of ours.
    """
    source = model_path(source)
    if source.suffix != ".onnx":
        weights = dict(load_network(source)[0].state_dict())
        load_exactly(module.network, weights, source.name, _grow(module.network, weights))
        return
    weights = read_onnx_weights(source)
    added = _grow(module.network, weights)
    fused = copy.deepcopy(module.network).fuse()
    try:
        load_exactly(fused, weights, source.name, (*getattr(fused, "training_only", ()), *added))
    except InitializationError as error:
        raise InitializationError(f"{error}{_differences(module.network, source)}") from None
    _take_fused(module.network, fused, added)
    check_same_answers(_corrected_as_in(source, module.network), source)
    restore_norms(module, mixtures, added)


def _corrected_as_in(source: Path, network: Network) -> Network:
    """The network, correcting masks as the file does: a training may go on with other corrections."""
    there = read_network_settings(source)
    if there is None or not isinstance(network, Hush):
        return network
    corrections = {name: there.get(name, getattr(HushConfig(), name)) for name in CORRECTIONS}
    corrected = copy.deepcopy(network)
    corrected.config = dataclasses.replace(network.config, **corrections)
    return corrected


def _differences(network: Network, source: Path) -> str:
    """What the file's network has otherwise, as flags that make [model] fit; "" where it is unknown."""
    there = read_network_settings(source)
    if there is None:
        return ""
    here = dataclasses.asdict(network.config)
    changes = [
        f"--set 'model.{name}={json.dumps(value)}'"
        for name, value in there.items()
        if name in here and json.loads(json.dumps(here[name])) != value
    ]
    return f" It fits with {' '.join(changes)}." if changes else ""


def _grow(network: nn.Module, weights: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Prefixes of what `network` has beyond `weights`, which it starts as the identity if it knows how."""
    return network.grow_from(weights) if isinstance(network, Hush) else ()


def _take_fused(network: nn.Module, fused: nn.Module, added: tuple[str, ...]) -> None:
    """Copy a fused network's weights into one with normalizations, and set those to identity.

    What starts like `added` was not in the file and stays as it is.
    """
    weights = fused.state_dict()
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name in weights and not name.startswith(added):
                value.copy_(weights[name])
        for name, norm in _norms(network).items():
            if name.startswith(added):
                continue
            norm.reset_parameters()
            assert norm.running_var is not None
            norm.running_var.fill_(1.0 - norm.eps)


def _norms(network: nn.Module) -> dict[str, nn.modules.batchnorm._BatchNorm]:
    return {
        name: one for name, one in network.named_modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)
    }


def restore_norms(module: DenoisingModule, mixtures: Iterable[Tensor], added: tuple[str, ...] = ()) -> None:
    """Give normalizations at identity the statistics of what passes them, without changing the function.

    With the mean and variance of the layer before it as running statistics, and their inverse as weight and
    bias, a normalization is still the identity in evaluation, and nearly so in training. Those whose names
    start like `added` take the statistics alone.
    """
    norms = _norms(module.network)
    sums: dict[str, list[Tensor]] = {}

    def measure(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].double().transpose(0, 1).flatten(1)
            parts = [torch.tensor(x.shape[1]), x.sum(1), x.square().sum(1)]
            before = sums.get(name, [torch.zeros(())] * 3)
            sums[name] = [one + more for one, more in zip(before, parts, strict=True)]

        return hook

    hooks = [norm.register_forward_pre_hook(measure(name)) for name, norm in norms.items()]
    module.eval()
    with torch.no_grad():
        for noisy in mixtures:
            module(noisy)
    for one in hooks:
        one.remove()
    module.train()
    for name, norm in norms.items():
        count, total, squares = sums[name]
        mean = total / count
        variance = (squares / count - mean.square()).clamp(min=0.0)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        with torch.no_grad():
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            if name.startswith(added):
                continue
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.copy_(mean)
