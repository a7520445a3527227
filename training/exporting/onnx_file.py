"""Parts of every export: tracing a graph, its common metadata, and the final check."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from hushgate.engine.errors import HushgateError
from hushgate.engine.model_files.metadata import METADATA_PREFIX, WINDOW
from hushgate.engine.model_files.model import Model
from hushgate.training.config.schema import CardConfig
from hushgate.training.models import HushConfig, SegmentConfig

_OPSET = 17


class ExportError(HushgateError, RuntimeError):
    """The exported graph does not compute what the network computes; nothing was written."""


def trace(
    graph: nn.Module,
    examples: tuple[Tensor, ...],
    path: Path,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    axes: Mapping[str, Mapping[int, str]],
) -> None:
    """Write a module as an ONNX graph; `axes` name the axes of inputs and outputs that vary in length."""
    with warnings.catch_warnings():
        # The TorchScript exporter warns that its successor replaces it, which fixes lengths in the graph, and
        # that a GRU has a variable batch, whose state is an explicit input here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.eval(),
            examples,
            path,
            dynamo=False,
            opset_version=_OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
        )
    # Exporting may leave modules in training mode.
    graph.eval()


def common_metadata(
    card: CardConfig, config: HushConfig | SegmentConfig, num_parameters: int
) -> dict[str, str]:
    """Return the metadata that files of all formats have, by keys without prefix."""
    return {
        "name": card.name,
        "task": card.task,
        "description": card.description,
        "frame_ms": str(config.frame_ms),
        "overlap": str(config.overlap),
        "window": WINDOW,
        "num_bins": str(config.num_bins),
        "upper_band_edges_hz": json.dumps([config.num_bins * 1000.0 / config.frame_ms]),
        "num_parameters": str(num_parameters),
        "licence": card.licence,
        "attribution": card.attribution,
    }


def finish(draft: Path, metadata: Mapping[str, str], output: Path) -> Model:
    """Add metadata to a traced graph, check it as the engine does, and then move it to `output`."""
    graph = onnx.load(draft)
    onnx.helper.set_model_props(graph, {METADATA_PREFIX + key: text for key, text in metadata.items()})
    onnx.checker.check_model(graph)
    onnx.save(graph, draft)
    Model(draft).verify()
    draft.replace(output)
    return Model(output)
