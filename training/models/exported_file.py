"""Trained networks read back from exported model files: configuration, weights, and a comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hushgate.engine.errors import HushgateError
from hushgate.engine.model_files.model import Model, available_models, load_model
from hushgate.engine.native.network_config import NETWORK_KEY
from hushgate.training.models import Network, SegmentNetwork, build_model

# Prefix of the exporter's wrapper (`mask_network._Graph.network`) on every name in the graph.
_PREFIX = "network"
_TOLERANCE = 1e-4
_CHECKED_FRAMES = 50
_GATES = 3


def model_path(source: Path) -> Path:
    """The path of a shipped model that `source` names; any other path as it is."""
    return load_model(str(source)).path if str(source) in available_models() else source


class InitializationError(HushgateError, ValueError):
    """The file's weights do not fit the configured network."""


def load_exported(path: Path) -> Network:
    """Make the network of an exported model file, with its weights; normalizations stay folded in.

    Raises:
        FileNotFoundError: No such file.
        ModelError: It is no model file of hushgate.
        InitializationError: It does not say which network it holds, or the network computes something else.
    """
    Model(path)  # Its errors say more than those of the reader below.
    settings = read_network_settings(path)
    if settings is None:
        raise InitializationError(
            f"{path.name} does not say which network it holds: it was exported by an earlier version of "
            'hushgate. Export its checkpoint again with "hushgate export", or name the checkpoint itself.'
        )
    network = build_model(settings).fuse()
    load_exactly(network, read_onnx_weights(path), path.name, getattr(network, "training_only", ()))
    check_same_answers(network, path)
    return network


def read_network_settings(path: Path) -> dict[str, Any] | None:
    """Return the `[model]` table in an exported file; None for files of versions that wrote none."""
    import onnx

    graph = onnx.load(path)
    texts = [one.value for one in graph.metadata_props if one.key == NETWORK_KEY]
    if not texts:
        return None
    settings = json.loads(texts[0])
    settings.pop("version", None)
    return dict(settings)


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


def load_exactly(
    network: nn.Module, weights: Mapping[str, Tensor], file: str, own: tuple[str, ...] = ()
) -> None:
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


def check_same_answers(network: Network, path: Path) -> None:
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
            "keys that change no shape, such as num_heads or upper_from_hz, may differ, or the file was "
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
