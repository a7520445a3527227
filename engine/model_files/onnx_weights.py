"""The weights, the nodes and the metadata of an ONNX file, read without the package onnx."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.errors import ModelError
from hushgate.engine.model_files.protobuf import FieldReader, integers, submessage, text

# Field numbers of onnx.proto.
_GRAPH, _METADATA = 7, 14
_NODES, _INITIALIZERS = 1, 5
_NODE_INPUTS, _NODE_OUTPUTS, _NODE_OP = 1, 2, 4
_TENSOR_DIMENSIONS, _TENSOR_TYPE, _TENSOR_FLOATS, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 4, 8, 9
_FLOAT32 = 1


class OnnxNode(NamedTuple):
    """A node: its operator, and the names of its tensors."""

    operator: str
    inputs: list[str]
    outputs: list[str]


@dataclass
class OnnxWeights:
    """Metadata, tensors and nodes of a file.

    Attributes:
        metadata: Its metadata, with their prefixes.
        tensors: float32 tensors by name, in the order of the file.
        nodes: The nodes in the order of the graph.
    """

    metadata: dict[str, str] = field(default_factory=dict)
    tensors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    nodes: list[OnnxNode] = field(default_factory=list)


def read_weights(file: str, content: bytes) -> OnnxWeights:
    """Read the weights of a serialized ModelProto.

    Args:
        file: Name of the file, for error messages.
        content: Its bytes.

    Raises:
        ModelError: The bytes are no protocol buffer, or a tensor has another size than its shape says.
    """
    weights = OnnxWeights()
    reader = FieldReader()
    try:
        for number, value in reader.fields(memoryview(content)):
            if number == _METADATA:
                entry = dict(reader.fields(submessage(value)))
                weights.metadata[text(entry.get(1, memoryview(b"")))] = text(entry.get(2, memoryview(b"")))
            elif number == _GRAPH:
                _read_graph(reader, submessage(value), weights)
    except (ValueError, IndexError) as error:
        raise ModelError(f"{file} is not a usable ONNX file: {error}") from None
    return weights


def _read_graph(reader: FieldReader, graph: memoryview, weights: OnnxWeights) -> None:
    for number, value in reader.fields(graph):
        if number == _INITIALIZERS:
            _read_tensor(reader, submessage(value), weights)
        elif number == _NODES:
            parts = list(reader.fields(submessage(value)))
            inputs, outputs, operators = (
                [text(content) for key, content in parts if key == wanted]
                for wanted in (_NODE_INPUTS, _NODE_OUTPUTS, _NODE_OP)
            )
            weights.nodes.append(OnnxNode(operators[-1] if operators else "", inputs, outputs))


def _read_tensor(reader: FieldReader, tensor: memoryview, weights: OnnxWeights) -> None:
    shape: list[int] = []
    name, data_type = "", 0
    parts = []
    for number, value in reader.fields(tensor):
        if number == _TENSOR_DIMENSIONS:
            shape += integers(value)
        elif number == _TENSOR_TYPE and isinstance(value, int):
            data_type = value
        elif number == _TENSOR_NAME:
            name = text(value)
        elif number in (_TENSOR_RAW, _TENSOR_FLOATS):
            parts.append(bytes(submessage(value)))
    if data_type != _FLOAT32:
        return
    raw = b"".join(parts)
    num_values = 1
    for size in shape:
        num_values *= size
    if min(shape, default=1) < 0 or 4 * num_values != len(raw):
        raise ValueError(f"the tensor {name[:80]!r} of shape {shape[:8]} has {len(raw):,} bytes")
    weights.tensors[name] = np.frombuffer(raw, dtype="<f4").astype(np.float32).reshape(shape)
