"""The structure of an ONNX file: nodes, tensors and metadata, read without the package onnx."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from hushgate.engine.errors import ModelError

# Wire types of protocol buffers (https://protobuf.dev/programming-guides/encoding/).
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Field numbers of onnx.proto.
_GRAPH, _OPSETS, _TRAINING, _FUNCTIONS = 7, 8, 20, 25
_NODES, _INITIALIZERS, _SPARSE_INITIALIZERS = 1, 5, 15
_NODE_OP, _NODE_ATTRIBUTES, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_TENSOR_DIMENSIONS, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 1, 13, 14
_SPARSE_VALUES, _SPARSE_INDICES, _SPARSE_DIMENSIONS = 1, 2, 3
# Graphs in graphs: ONNX nests two or three levels at most.
_MAX_DEPTH = 8
# The largest files of our families have some 10,000. The walk takes about a microsecond for each.
_MAX_FIELDS = 2_000_000
_MAX_DIMENSIONS = 16


@dataclass
class OnnxStructure:
    """The parts of an ONNX file that decide what running it can do.

    Attributes:
        operators: (domain, operator) of every node, those of nested graphs too; "" is ONNX's own domain.
        tensor_sizes: Elements of every tensor that the file holds.
        opsets: Domains that the file imports.
        num_nested_graphs: Graphs inside nodes (the bodies of Loop, Scan and If).
        num_functions: Functions that the file defines.
        has_training_graphs: True when it holds graphs for training.
        has_external_data: True when a tensor lies in another file.
        num_fields: Fields of the protocol buffer that were read.
    """

    operators: list[tuple[str, str]] = field(default_factory=list)
    tensor_sizes: list[int] = field(default_factory=list)
    opsets: list[str] = field(default_factory=list)
    num_nested_graphs: int = 0
    num_functions: int = 0
    has_training_graphs: bool = False
    has_external_data: bool = False
    num_fields: int = 0


def read_structure(file: str, content: bytes) -> OnnxStructure:
    """Walk a serialized ModelProto.

    A parser of protocol buffers merges messages that occur twice, so every occurrence is walked: none can
    hide behind another.

    Args:
        file: Name of the file, for error messages.
        content: Its bytes.

    Raises:
        ModelError: The bytes are no protocol buffer, or nest graphs deeper than 8 levels.
    """
    structure = OnnxStructure()
    try:
        for number, value in _fields(memoryview(content), structure):
            if number == _GRAPH:
                _read_graph(_message(value), structure, depth=0)
            elif number == _OPSETS:
                names = [_text(name) for key, name in _fields(_message(value), structure) if key == 1]
                structure.opsets.append(names[-1] if names else "")
            elif number == _TRAINING:
                structure.has_training_graphs = True
            elif number == _FUNCTIONS:
                structure.num_functions += 1
    except (ValueError, IndexError) as error:
        raise ModelError(f"{file} is not a usable ONNX file: {error}") from None
    return structure


def _read_graph(graph: memoryview, structure: OnnxStructure, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError(f"its graphs are nested deeper than {_MAX_DEPTH} levels")
    for number, value in _fields(graph, structure):
        if number == _NODES:
            _read_node(_message(value), structure, depth)
        elif number == _INITIALIZERS:
            _read_tensor(_message(value), structure)
        elif number == _SPARSE_INITIALIZERS:
            _read_sparse_tensor(_message(value), structure)


def _read_node(node: memoryview, structure: OnnxStructure, depth: int) -> None:
    operator, domain = "", ""
    for number, value in _fields(node, structure):
        if number == _NODE_OP:
            operator = _text(value)
        elif number == _NODE_DOMAIN:
            domain = _text(value)
        elif number == _NODE_ATTRIBUTES:
            for inner, content in _fields(_message(value), structure):
                if inner in _ATTRIBUTE_TENSORS:
                    _read_tensor(_message(content), structure)
                elif inner in _ATTRIBUTE_SPARSE:
                    _read_sparse_tensor(_message(content), structure)
                elif inner in _ATTRIBUTE_GRAPHS:
                    structure.num_nested_graphs += 1
                    _read_graph(_message(content), structure, depth + 1)
    structure.operators.append(("" if domain == "ai.onnx" else domain, operator))


def _read_tensor(tensor: memoryview, structure: OnnxStructure) -> None:
    dimensions: list[int] = []
    for number, value in _fields(tensor, structure):
        if number == _TENSOR_DIMENSIONS:
            dimensions += _integers(value)
        elif number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0):
            structure.has_external_data = True
    structure.tensor_sizes.append(_size(dimensions))


def _read_sparse_tensor(tensor: memoryview, structure: OnnxStructure) -> None:
    dimensions: list[int] = []
    for number, value in _fields(tensor, structure):
        if number in (_SPARSE_VALUES, _SPARSE_INDICES):
            _read_tensor(_message(value), structure)
        elif number == _SPARSE_DIMENSIONS:
            dimensions += _integers(value)
    structure.tensor_sizes.append(_size(dimensions))


def _size(dimensions: list[int]) -> int:
    if len(dimensions) > _MAX_DIMENSIONS or any(dimension < 0 for dimension in dimensions):
        raise ValueError(f"it holds a tensor of shape {dimensions[:8]}")
    return math.prod(dimensions)


def _fields(message: memoryview, structure: OnnxStructure) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) of a message: an integer, or the bytes of a nested value."""
    position = 0
    while position < len(message):
        structure.num_fields += 1
        if structure.num_fields > _MAX_FIELDS:
            raise ValueError(f"it has more than {_MAX_FIELDS:,} fields")
        key, position = _varint(message, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire_type == _BYTES:
            length, position = _varint(message, position)
        elif wire_type in (_FIXED64, _FIXED32):
            length = 8 if wire_type == _FIXED64 else 4
        else:
            raise ValueError(f"it is no protocol buffer (wire type {wire_type})")
        if length > len(message) - position:
            raise ValueError("it is cut short")
        yield number, message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return the integer at `position` and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ValueError("it is cut short")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("it is no protocol buffer (an integer of more than 10 bytes)")


def _integers(value: int | memoryview) -> list[int]:
    """Return repeated int64 values, packed or single."""
    if isinstance(value, int):
        return [_signed(value)]
    if len(value) > 10 * _MAX_DIMENSIONS:
        raise ValueError(f"it holds a tensor of more than {_MAX_DIMENSIONS} dimensions")
    numbers, position = [], 0
    while position < len(value):
        number, position = _varint(value, position)
        numbers.append(_signed(number))
    return numbers


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("it is no protocol buffer of ONNX (a number instead of a message)")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode("utf-8", errors="replace")
