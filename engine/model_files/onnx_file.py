"""The structure of an ONNX file: nodes, tensors and metadata, read without the package onnx."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hushgate.engine.errors import ModelError
from hushgate.engine.model_files.protobuf import FieldReader, integers, submessage, text

# Field numbers of onnx.proto.
_GRAPH, _OPSETS, _TRAINING, _FUNCTIONS = 7, 8, 20, 25
_NODES, _INITIALIZERS, _SPARSE_INITIALIZERS = 1, 5, 15
_NODE_OP, _NODE_ATTRIBUTES, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_TENSOR_DIMENSIONS, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 1, 13, 14
_SPARSE_VALUES, _SPARSE_INDICES, _SPARSE_DIMENSIONS = 1, 2, 3
# Graphs in graphs: ONNX nests two or three levels at most.
_MAX_DEPTH = 8
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
        reader: Reads its fields, and bounds their number.
    """

    operators: list[tuple[str, str]] = field(default_factory=list)
    tensor_sizes: list[int] = field(default_factory=list)
    opsets: list[str] = field(default_factory=list)
    num_nested_graphs: int = 0
    num_functions: int = 0
    has_training_graphs: bool = False
    has_external_data: bool = False
    reader: FieldReader = field(default_factory=FieldReader, repr=False)


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
        for number, value in structure.reader.fields(memoryview(content)):
            if number == _GRAPH:
                _read_graph(submessage(value), structure, depth=0)
            elif number == _OPSETS:
                names = [text(name) for key, name in structure.reader.fields(submessage(value)) if key == 1]
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
    for number, value in structure.reader.fields(graph):
        if number == _NODES:
            _read_node(submessage(value), structure, depth)
        elif number == _INITIALIZERS:
            _read_tensor(submessage(value), structure)
        elif number == _SPARSE_INITIALIZERS:
            _read_sparse_tensor(submessage(value), structure)


def _read_node(node: memoryview, structure: OnnxStructure, depth: int) -> None:
    operator, domain = "", ""
    for number, value in structure.reader.fields(node):
        if number == _NODE_OP:
            operator = text(value)
        elif number == _NODE_DOMAIN:
            domain = text(value)
        elif number == _NODE_ATTRIBUTES:
            for inner, content in structure.reader.fields(submessage(value)):
                if inner in _ATTRIBUTE_TENSORS:
                    _read_tensor(submessage(content), structure)
                elif inner in _ATTRIBUTE_SPARSE:
                    _read_sparse_tensor(submessage(content), structure)
                elif inner in _ATTRIBUTE_GRAPHS:
                    structure.num_nested_graphs += 1
                    _read_graph(submessage(content), structure, depth + 1)
    structure.operators.append(("" if domain == "ai.onnx" else domain, operator))


def _read_tensor(tensor: memoryview, structure: OnnxStructure) -> None:
    dimensions: list[int] = []
    for number, value in structure.reader.fields(tensor):
        if number == _TENSOR_DIMENSIONS:
            dimensions += integers(value)
        elif number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0):
            structure.has_external_data = True
    structure.tensor_sizes.append(_size(dimensions))


def _read_sparse_tensor(tensor: memoryview, structure: OnnxStructure) -> None:
    dimensions: list[int] = []
    for number, value in structure.reader.fields(tensor):
        if number in (_SPARSE_VALUES, _SPARSE_INDICES):
            _read_tensor(submessage(value), structure)
        elif number == _SPARSE_DIMENSIONS:
            dimensions += integers(value)
    structure.tensor_sizes.append(_size(dimensions))


def _size(dimensions: list[int]) -> int:
    if len(dimensions) > _MAX_DIMENSIONS or any(dimension < 0 for dimension in dimensions):
        raise ValueError(f"it holds a tensor of shape {dimensions[:8]}")
    return math.prod(dimensions)
