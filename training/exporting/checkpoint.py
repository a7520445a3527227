"""Export of a checkpoint, whatever its network's family."""

from __future__ import annotations

from pathlib import Path

from hushgate.engine.model_files.model import Model
from hushgate.training.exporting.mask_network import export_network
from hushgate.training.exporting.segment_network import export_segment_network
from hushgate.training.models import SegmentNetwork
from hushgate.training.models.checkpoint import load_network


def export_checkpoint(checkpoint: Path, output: Path) -> Model:
    """Write the averaged weights of a checkpoint as an ONNX file and return it, loaded by the engine.

    Raises:
        FileNotFoundError, ValueError: The checkpoint is missing or was not written by `hushgate train`.
        ExportError: The graph differs from PyTorch by more than 1e-4 somewhere.
    """
    network, config = load_network(checkpoint)
    if isinstance(network, SegmentNetwork):
        return export_segment_network(network, config.card, config.data.sample_rate, output)
    return export_network(network, config.card, output)
