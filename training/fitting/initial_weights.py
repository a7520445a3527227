"""Initial weights of a training, from a checkpoint or an exported model file.

An exported file holds every normalization folded into the product before it. Reading it back gives the same
function, and `restore_norms` then unfolds the normalizations again, from statistics of the new training's
own mixtures: a batch normalization left at identity would change the function in the first training step.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hushgate.engine.errors import HushgateError
from hushgate.engine.model_files.model import Model
from hushgate.training.fitting.denoising_module import DenoisingModule
from hushgate.training.models import Hush, Network, SegmentNetwork
from hushgate.training.models.checkpoint import load_network

# Prefix of the exporter's wrapper (`mask_network._Graph.network`) on every name in the graph.
_PREFIX = "network"
_TOLERANCE = 1e-4
_CHECKED_FRAMES = 50
_GATES = 3


class InitializationError(HushgateError, ValueError):
    """The file's weights do not fit the configured network."""


def initialize(module: DenoisingModule, source: Path, mixtures: Iterable[Tensor]) -> None:
    """Give a new training the weights of `source`, in place.

    Args:
        module: Untrained, on the CPU.
        source: A checkpoint (its averaged weights; nothing of its optimizer or schedule), or an `.onnx` file
            that `hushgate export` wrote.
        mixtures: Noisy batches (batch, samples) of this training, to measure what the layers of an ONNX file
            put out; a few hundred seconds of sound are enough. Not read for a checkpoint.

    Raises:
        FileNotFoundError: `source` does not exist.
        InitializationError: Its network has another shape, or computes something else.
        ValueError: It is neither a checkpoint nor an ONNX file of ours.
    """
    if source.suffix != ".onnx":
        weights = dict(load_network(source)[0].state_dict())
        _load(module.network, weights, source.name, _grow(module.network, weights))
        return
    weights = read_onnx_weights(source)
    added = _grow(module.network, weights)
    fused = copy.deepcopy(module.network).fuse()
    _load(fused, weights, source.name, (*getattr(fused, "training_only", ()), *added))
    _take_fused(module.network, fused, added)
    _compare(module.network, source)
    restore_norms(module, mixtures, added)


def _grow(network: nn.Module, weights: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Prefixes of what `network` has beyond `weights`, which it starts as the identity if it knows how."""
    return network.grow_from(weights) if isinstance(network, Hush) else ()


def read_onnx_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights of an exported network by PyTorch's names, in PyTorch's layout.

    Parameters that the exporter left alone keep their names. It transposes the matrices of linear layers that
    work on more than two axes, and stacks those of recurrent ones, under numbered names; the nodes that use
    them say where they come from.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Not an ONNX file.
    """
    import onnx
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise FileNotFoundError(f"model file {path} does not exist.")
    try:
        graph = onnx.load(path).graph
    except DecodeError as error:
        raise ValueError(f"{path} is not an ONNX file ({error}).") from error
    tensors = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    weights = {
        name.removeprefix(f"{_PREFIX}."): value
        for name, value in tensors.items()
        if name.startswith(f"{_PREFIX}.")
    }
    for node in graph.node:
        prefix, _, layer = node.name.strip("/").rpartition("/")[0].partition("/")
        if prefix != _PREFIX:
            continue
        layer = layer.replace("/", ".")
        # Only in files exported before the layers of `Hush` put their rows on one axis.
        if node.op_type == "MatMul" and node.input[1] in tensors:
            weights[f"{layer}.weight"] = tensors[node.input[1]].T
        elif node.op_type == "GRU":
            weights |= _gru_weights(layer, *(tensors[name] for name in node.input[1:4]))
    return {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}


def _gru_weights(
    layer: str, inputs: NDArray[Any], hidden: NDArray[Any], biases: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    """Reorder the gates of one direction: ONNX has update, reset, new; PyTorch reset, update, new."""

    def reordered(stacked: NDArray[Any]) -> NDArray[Any]:
        update, reset, new = np.split(stacked, _GATES)
        return np.concatenate([reset, update, new])

    input_bias, hidden_bias = np.split(biases[0], 2)
    return {
        f"{layer}.weight_ih_l0": reordered(inputs[0]),
        f"{layer}.weight_hh_l0": reordered(hidden[0]),
        f"{layer}.bias_ih_l0": reordered(input_bias),
        f"{layer}.bias_hh_l0": reordered(hidden_bias),
    }


def _load(network: nn.Module, weights: Mapping[str, Tensor], file: str, own: tuple[str, ...]) -> None:
    """Load weights that must fit exactly, but for missing ones that start like `own`; say which does not."""
    wanted = network.state_dict()
    weights = {name: value for name, value in wanted.items() if name.startswith(own)} | dict(weights)
    remedy = "Use the [model] table that the file was trained with, or another file."
    for name, value in wanted.items():
        if name not in weights:
            raise InitializationError(f"{file} has no weight {name}, which [model] calls for. {remedy}")
        if weights[name].shape != value.shape:
            raise InitializationError(
                f"{file} has {name} of shape {tuple(weights[name].shape)}, but [model] calls for "
                f"{tuple(value.shape)}. {remedy}"
            )
    extra = sorted(weights.keys() - wanted.keys())
    if extra:
        raise InitializationError(f"{file} has a weight {extra[0]}, which [model] does not have. {remedy}")
    network.load_state_dict(weights)


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


def _compare(network: Network, path: Path) -> None:
    """Check that the network in evaluation mode computes what the file computes."""
    model, shape = Model(path), network.config
    for key in ("frame_ms", "overlap", "num_bins"):
        here, there = getattr(shape, key), getattr(model.info, key)
        if here != there:
            raise InitializationError(f"{path.name} has {key} {there:g}, but [model] says {here:g}.")
    network.eval()
    with torch.no_grad():
        pairs = _answers(network, model)
    network.train()
    error = max(
        float(np.max(np.abs(ours.numpy() - theirs)) / max(1.0, float(np.max(np.abs(theirs)))))
        for ours, theirs in pairs
    )
    if not error <= _TOLERANCE:
        raise InitializationError(
            f"{path.name} has weights that fit [model] but computes something else (difference {error:.2g}): "
            "keys that change no shape, such as num_heads or relief_db, may differ, or the file was "
            "quantized."
        )


def _answers(network: Network, model: Model) -> list[tuple[Tensor, NDArray[np.float32]]]:
    """What both make of the same noise: mask and gain above it, or a segment."""
    generator = torch.Generator().manual_seed(0)
    if isinstance(network, SegmentNetwork):
        inputs = torch.randn(1, *network.example_shape, generator=generator) * 0.1
        if model.info.input_shape != tuple(inputs.shape[1:]):
            raise InitializationError(
                f"{model.path.name} takes segments of shape {model.info.input_shape}, but [model] those of "
                f"{tuple(inputs.shape[1:])}."
            )
        return [(network(inputs)[0], model.run_segments(inputs.numpy()))]
    spectrum = torch.randn(1, _CHECKED_FRAMES, network.config.num_bins, 2, generator=generator) * 0.1
    answer = network(spectrum, network.initial_state(1))
    found = model.run(spectrum.numpy(), model.initial_state(1))
    pairs = [(answer.mask, found[0])]
    # A network that is to hear what lies above has other gains there than a file that does not.
    if (network.upper is None) == (model.info.upper_top_hz is None):
        pairs.append((answer.upper_gain, found[1]))
    return pairs


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
