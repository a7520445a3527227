"""Export of a checkpoint, whatever its network's family."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hushgate.engine.model_files.model import Model
from hushgate.training.exporting.averaging import average
from hushgate.training.exporting.mask_network import export_network
from hushgate.training.exporting.segment_network import export_segment_network
from hushgate.training.models import Hush, SegmentNetwork
from hushgate.training.models.checkpoint import load_network


def export_checkpoint(
    checkpoint: Path, output: Path, others: Sequence[Path] = (), *, without_upper: bool = False
) -> Model:
    """Write the averaged weights of a checkpoint as an ONNX file and return it, loaded by the engine.

    Args:
        checkpoint: Of `hushgate train`.
        output: The file.
        others: Networks whose weights to average with those of the checkpoint, in equal shares (see
            `average`).
        without_upper: Leave out a hush network's head for the bands above its bins: one gain holds there.

    Raises:
        FileNotFoundError, ValueError: The checkpoint or one of `others` is missing, was not written by
            `hushgate train`, or does not fit; there is no such head.
        ExportError: The graph differs from PyTorch by more than 1e-4 somewhere.
    """
    network, config = load_network(checkpoint)
    if others:
        average(network, others)
    if without_upper:
        if not isinstance(network, Hush) or network.upper is None:
            raise ValueError(f"{checkpoint} has no head for bands above its bins that could be left out.")
        network.drop_upper()
    if isinstance(network, SegmentNetwork):
        return export_segment_network(network, config.card, config.data.sample_rate, output)
    return export_network(network, config.card, output)
