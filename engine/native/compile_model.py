"""Weights files from model files: extraction, and a comparison with onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.errors import ModelError
from hushgate.engine.model_files.metadata import ModelInfo
from hushgate.engine.model_files.model import Model
from hushgate.engine.model_files.onnx_weights import OnnxWeights, read_weights
from hushgate.engine.native.network_config import NetworkConfig, read_network_config
from hushgate.engine.native.numpy_network import NumpyNetwork
from hushgate.engine.native.weights_file import Weights, weight_shapes, write_weights_file

# Largest difference from onnxruntime's masks. Measured on the shipped models: 3e-6.
TOLERANCE = 1e-4
# Levels of noise and of harmonic tones in the comparison.
_LEVELS = ((0.001, 0.0), (0.1, 0.0), (1.0, 0.0), (0.03, 0.3))
_FRAMES_PER_LEVEL = 4
# Distance of the tones.
_TONE_BINS = 8
# Names of products in the graph where they differ from those of weights files.
_GRAPH_NAMES = {
    "encode": "encode.linear",
    "widen": "widen.linear",
    "narrow": "narrow.linear",
    "join": "join.linear",
    "presence.narrow": "presence.narrow.linear",
    "upper.narrow": "upper.narrow.linear",
}


# Computes the masks of frames of one channel, (frames, bins, 2), from the levels of the bands above, (frames,
# bands, 2): masks (frames, bins, 2) and gains of the bands above (frames, bands).
RunNetwork = Callable[
    [NDArray[np.float32], NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]
]


def compile_model(model: Model) -> bytes:
    """Make the weights file of a model, and compare what it computes with onnxruntime.

    Raises:
        FileNotFoundError: The model's file is gone.
        ModelError: The model is not a hush network with its configuration in the file, a weight is missing or
            of another shape, or the mask differs from onnxruntime's by more than 1e-4.
    """
    config, weights = read_network(model)
    compare(model, _in_numpy(config, weights))
    return write_weights_file(model.info.name, config, weights)


def read_network(model: Model) -> tuple[NetworkConfig, Weights]:
    """Return configuration and weights of a model's network, without a comparison.

    Raises:
        FileNotFoundError: The model's file is gone.
        ModelError: The model is not a hush network with its configuration in the file, or a weight is
            missing, of another shape or not finite.
    """
    file = model.path.name
    found = read_weights(file, model.path.read_bytes())
    if model.info.segment is not None:
        raise ModelError(f"{file} takes whole segments (format 2). The native engine runs hush networks.")
    config = read_network_config(file, found.metadata)
    _check_against_metadata(file, config, model.info)
    weights = _named_weights(file, config, found)
    for name, values in weights.items():
        if not np.isfinite(values).all():
            raise ModelError(f"{file}: the weight {name} is not finite.")
    return config, weights


def compare(model: Model, run: RunNetwork) -> None:
    """Compare a network with onnxruntime on noise and tones.

    Raises:
        ModelError: They differ by more than 1e-4 somewhere.
    """
    sounds = list(_sounds(model.info))
    spectrum = np.stack([one for one, _ in sounds])
    levels = np.stack([other for _, other in sounds])
    own = run(spectrum, levels)
    mask, upper_gain, *_ = model.run(spectrum[None], model.initial_state(1), levels[None])
    pairs = zip(own, (mask[0], upper_gain[0]), strict=True)
    largest = float(np.max([np.max(np.abs(one - other)) for one, other in pairs]))
    if not largest <= TOLERANCE:
        raise ModelError(
            f"{model.path.name}: the mask from its weights differs from onnxruntime's by {largest:.2g} "
            f"(allowed: {TOLERANCE:g}). It is no hush network as hushgate exports it."
        )


def _in_numpy(config: NetworkConfig, weights: Weights) -> RunNetwork:
    network = NumpyNetwork(config, weights)

    def run(
        spectrum: NDArray[np.float32], levels: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with np.errstate(over="ignore", invalid="ignore"):
            frames = [network.run(*frame) for frame in zip(spectrum, levels, strict=True)]
        return np.stack([mask for mask, *_ in frames]), np.stack([gain for _, gain, _ in frames])

    return run


def _check_against_metadata(file: str, config: NetworkConfig, info: ModelInfo) -> None:
    has_upper = info.upper_top_hz is not None
    for name, own, wanted in (
        ("frame_ms", config.frame_ms, info.frame_ms),
        ("overlap", config.overlap, info.overlap),
        ("num_bins", config.num_bins, info.num_bins),
        ("steady_noise", config.steady_noise, info.steady_noise),
        ("presence", config.presence, info.has_presence),
        ("lookahead_frames", 0, info.lookahead_frames),
        ("upper_edges_hz", config.upper_edges_hz, info.upper_band_edges_hz if has_upper else ()),
        ("upper_top_hz", config.upper_top_hz, info.upper_top_hz if has_upper else config.upper_top_hz),
    ):
        if own != wanted:
            raise ModelError(
                f"{file}: hushgate.network contradicts the file: {name} is {own} there and {wanted} here."
            )


def _named_weights(file: str, config: NetworkConfig, found: OnnxWeights) -> dict[str, NDArray[np.float32]]:
    """The weights by the names of weights files, products turned to map rows to columns."""
    recurrences = [f"blocks.{index}.gru" for index in range(config.num_blocks)]
    recurrences += ["presence.gru"] * config.presence + ["upper.gru"] * bool(config.upper_edges_hz)
    nodes = [node.inputs for node in found.nodes if node.operator == "GRU"]
    if len(nodes) != len(recurrences):
        raise ModelError(
            f"{file} has {len(nodes)} GRU nodes, where its configuration makes "
            f"{len(recurrences)}. It is no hush network as hushgate exports it."
        )
    # The exporter renames the weights of recurrences; the node's inputs lead to them.
    inputs = dict(zip(recurrences, nodes, strict=True))
    weights = {}
    for name, shape in weight_shapes(config):
        array = _find(name, found, inputs)
        if array is None or array.shape != shape:
            what = "no" if array is None else f"shape {array.shape} of the"
            raise ModelError(
                f"{file} has {what} weight {name!r}, which must have shape {shape}. "
                "It is no hush network as hushgate exports it."
            )
        weights[name] = np.ascontiguousarray(array)
    return weights


def _find(name: str, found: OnnxWeights, inputs: dict[str, list[str]]) -> NDArray[np.float32] | None:
    owner, _, part = name.rpartition(".")
    gru, _, side = owner.rpartition(".")
    if gru in inputs:
        return _of_recurrence(found, inputs[gru], side, part)
    if part in ("weight", "bias"):
        graph_name = _GRAPH_NAMES.get(owner, owner)
        if owner.endswith(("time_out", "band_out")):
            graph_name = f"{owner}.linear"
        elif owner.startswith(("down.", "up.")):
            graph_name = f"{owner}.product.linear"
        array = found.tensors.get(f"network.{graph_name}.{part}")
        if part == "bias":
            return array
        return _of_product(found, graph_name) if array is None else array.T
    return found.tensors.get(f"network.{name}")


def _of_product(found: OnnxWeights, graph_name: str) -> NDArray[np.float32] | None:
    """The weight of a product of 3 axes, which the exporter renames: that of the MatMul before the bias."""
    bias = f"network.{graph_name}.bias"
    additions = [node for node in found.nodes if node.operator == "Add" and bias in node.inputs]
    sums = {name for node in additions for name in node.inputs}
    for node in found.nodes:
        if node.operator == "MatMul" and sums & set(node.outputs):
            for name in node.inputs:
                if name in found.tensors:
                    return found.tensors[name]
    return None


def _of_recurrence(found: OnnxWeights, inputs: list[str], side: str, part: str) -> NDArray[np.float32] | None:
    # ONNX: X, W (1, 3 width, inputs), R (1, 3 width, width), B (1, 6 width); gates in the order z, r, h.
    position = 3 if part == "bias" else 1 if side == "input" else 2
    array = found.tensors.get(inputs[position]) if len(inputs) > position else None
    if array is None or array.ndim != (2 if part == "bias" else 3) or len(array) != 1:
        return None
    if part == "weight":
        weight: NDArray[np.float32] = array[0].T
        return weight
    half = array.shape[1] // 2
    return array[0, :half] if side == "input" else array[0, half:]


def _sounds(info: ModelInfo) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Yield frames of noise and of tones, (bins, 2), and levels above, (bands, 2), some of them unknown.

    The shipped models remove most of the noise and, but for the guitar's, pass the tones: a mask has a part
    that depends on the share that passes.
    """
    generator = np.random.default_rng(0)
    num_bands = len(info.upper_band_edges_hz)
    bins = np.arange(_TONE_BINS, info.num_bins, _TONE_BINS)
    for noise_level, tone_level in _LEVELS:
        for frame in range(_FRAMES_PER_LEVEL):
            spectrum = generator.standard_normal((info.num_bins, 2)) * noise_level
            phase = 2.5 * frame
            tone = tone_level / np.sqrt(1.0 + bins / _TONE_BINS)
            spectrum[bins] += tone[:, None] * np.array([np.cos(phase), np.sin(phase)])
            known = np.arange(num_bands) < num_bands - frame % (num_bands + 1)
            power = generator.exponential(noise_level**2, num_bands) * known
            yield spectrum.astype(np.float32), np.stack([power, known], axis=-1).astype(np.float32)
