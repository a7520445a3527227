"""What the graph of a segment model must look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hushgate.engine.model_files.metadata import ModelError, ModelInfo

# The code between encoder and decoder, for who wants to look at it; the engine does not.
_OPTIONAL_OUTPUTS = {"code"}


def input_name(info: ModelInfo) -> str:
    """Name of the tensor that a model takes."""
    if info.segment is None:
        return "spectrum"
    return "waveform" if info.segment.kind == "waveform" else "segment"


def check_segment_graph(
    file: str, info: ModelInfo, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> None:
    """Compare names, types and shapes of the graph with what the metadata promise.

    Args:
        file: Name of the file, for error messages.
        info: What its metadata say.
        inputs, outputs: onnxruntime's descriptions by name.

    Raises:
        ModelError: Which tensor is missing, unknown, or of another type or shape.
    """
    wanted = input_name(info)
    for side, found, name, optional in (
        ("input", inputs, wanted, set()),
        ("output", outputs, "estimate", _OPTIONAL_OUTPUTS),
    ):
        if name not in found:
            raise ModelError(f"{file} has no {side} {name}, which its metadata call for.")
        extra = sorted(found.keys() - {name} - optional)
        if extra:
            raise ModelError(f"{file} has {side} {extra[0]}, which its metadata do not mention.")
        value = found[name]
        if value.type != "tensor(float)":
            raise ModelError(f"{file}: {side} {name} must be float32 (got {value.type}).")
        shape = list(value.shape)
        fits = len(shape) == 1 + len(info.input_shape) and all(
            size == target if side == "input" else not isinstance(size, int) or size == target
            for size, target in zip(shape[1:], info.input_shape, strict=True)
        )
        if not fits or isinstance(shape[0], int):
            shown = ["batch", *info.input_shape]
            raise ModelError(f"{file}: {name} must have shape {shown} (got {shape}).")
