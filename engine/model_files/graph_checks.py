"""Checks of a model's graph: names, types and shapes of its inputs and outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import Any

from hushgate.engine.errors import ModelError
from hushgate.engine.model_files.metadata import UPPER_INPUT, ModelInfo

# The latent code between encoder and decoder. Only `hushgate inspect-latent` reads it.
_OPTIONAL_OUTPUTS = frozenset({"code"})
# For each channel; shipped models carry up to 7,680. Up to 256 channels are allowed.
_MAX_STATE_ELEMENTS = 1 << 20


def input_name(info: ModelInfo) -> str:
    """Name of a model's input tensor."""
    if info.segment is None:
        return "spectrum"
    return "waveform" if info.segment.kind == "waveform" else "segment"


def check_segment_graph(
    file: str, info: ModelInfo, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> None:
    """Compare names, types and shapes of a segment model's graph with its metadata.

    Args:
        file: Name of the file, for error messages.
        info: Its metadata.
        inputs, outputs: onnxruntime's descriptions by name.

    Raises:
        ModelError: Names the tensor that is missing, unknown, or of another type or shape.
    """
    for side, found, name, optional in (
        ("input", inputs, input_name(info), frozenset[str]()),
        ("output", outputs, "estimate", _OPTIONAL_OUTPUTS),
    ):
        _check_names(file, side, found, {name}, optional)
        value = found[name]
        _check_type(file, side, name, value)
        shape = list(value.shape)
        fits = len(shape) == 1 + len(info.input_shape) and all(
            size == target if side == "input" else not isinstance(size, int) or size == target
            for size, target in zip(shape[1:], info.input_shape, strict=True)
        )
        if not fits or isinstance(shape[0], int):
            shown = ["batch", *info.input_shape]
            raise ModelError(f"{file}: {name} must have shape {shown} (got {shape}).")


def check_mask_graph(
    file: str, info: ModelInfo, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> None:
    """Compare names, types and shapes of a mask model's graph with its metadata.

    Args:
        file: Name of the file, for error messages.
        info: Its metadata.
        inputs, outputs: onnxruntime's descriptions by name.

    Raises:
        ModelError: Names the tensor that is missing, unknown, or of another type or shape.
    """
    upper = set() if info.upper_top_hz is None else {UPPER_INPUT}
    next_states = {f"{name}_next" for name in info.state_names}
    for side, found, wanted, optional in (
        ("input", inputs, {"spectrum", *info.state_names} | upper, frozenset[str]()),
        ("output", outputs, {"mask", "upper_gain"} | next_states, frozenset({"presence"})),
    ):
        _check_names(file, side, found, wanted, optional)
        for name, value in found.items():
            _check_type(file, side, name, value)
    bands = len(info.upper_band_edges_hz)
    shapes: dict[str, tuple[int | None, ...]] = {
        "spectrum": (None, None, info.num_bins, 2),
        UPPER_INPUT: (None, None, bands, 2),
        "mask": (None, None, info.num_bins, 2),
        "upper_gain": (None, None, bands),
        "presence": (None, None, 1),
    }
    for name, value in {**inputs, **outputs}.items():
        found_shape = list(value.shape)
        if name in info.state_names:
            if not found_shape or not all(isinstance(size, int) and size > 0 for size in found_shape[1:]):
                raise ModelError(
                    f"{file}: state {name} must have fixed sizes after its batch axis (got {found_shape})."
                )
            if isinstance(found_shape[0], int):
                raise ModelError(f"{file}: state {name} must have a dynamic batch axis (got {found_shape}).")
            if math.prod(found_shape[1:]) > _MAX_STATE_ELEMENTS:
                raise ModelError(
                    f"{file}: state {name} must hold at most {_MAX_STATE_ELEMENTS:,} values "
                    f"(got {found_shape})."
                )
        wanted_shape = shapes.get(name)
        is_dynamic = name in ("spectrum", UPPER_INPUT)
        if wanted_shape is not None and not _fits(found_shape, wanted_shape, dynamic=is_dynamic):
            shown = ["batch", "frames", *wanted_shape[2:]]
            raise ModelError(f"{file}: {name} must have shape {shown} (got {found_shape}).")


def _check_names(
    file: str, side: str, found: Mapping[str, Any], wanted: Set[str], optional: Set[str]
) -> None:
    missing = sorted(wanted - found.keys())
    if missing:
        raise ModelError(f"{file} has no {side} {missing[0]}, which its metadata call for.")
    extra = sorted(found.keys() - wanted - optional)
    if extra:
        raise ModelError(f"{file} has {side} {extra[0]}, which its metadata do not mention.")


def _check_type(file: str, side: str, name: str, value: Any) -> None:
    if value.type != "tensor(float)":
        raise ModelError(f"{file}: {side} {name} must be float32 (got {value.type}).")


def _fits(found: list[Any], wanted: tuple[int | None, ...], *, dynamic: bool) -> bool:
    """True when a declared shape agrees. Open sizes pass here; `Model` checks them in a run."""
    if len(found) != len(wanted):
        return False
    for size, target in zip(found, wanted, strict=True):
        if target is None:
            if dynamic and isinstance(size, int):
                return False
        elif isinstance(size, int) and size != target:
            return False
    return True
