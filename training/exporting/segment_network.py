"""Export of a segment network to an ONNX file, compared with PyTorch before it is written."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hushgate.engine.model_files.metadata import SEGMENT_FORMAT_VERSION, SPECTRUM_SCALE, Reference
from hushgate.engine.model_files.model import Model
from hushgate.engine.model_files.runtime import import_onnxruntime
from hushgate.training.config.schema import CardConfig
from hushgate.training.exporting.onnx_file import ExportError, common_metadata, finish, trace
from hushgate.training.models import SegmentNetwork, settings_of

# Batches tried against PyTorch, none of them the one traced, at levels from soft to full scale.
_TRACED_BATCH = 2
_CHECKED = ((1, 0.1), (3, 0.001), (5, 1.0))
# Relative to the largest value of the output, because levels differ between families.
_TOLERANCE = 1e-4
_REFERENCE_VALUES = 2048


class _Graph(nn.Module):
    """The graph for ONNX: one output, or two if the network has a code."""

    def __init__(self, network: SegmentNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        estimate, code = self.network(inputs)
        return (estimate,) if code is None else (estimate, code)


def export_segment_network(
    network: SegmentNetwork, card: CardConfig, sample_rate: float, output: Path
) -> Model:
    """Export a network: fold its normalizations, trace, compare and describe it, then write `output`.

    The comparison runs the graph with three batch sizes it was not traced with, at three levels, and then
    once more as the engine loads it.

    Args:
        network: Trained; changed in place.
        card: Name, task and licence for the file.
        sample_rate: Rate of the training, Hz.
        output: File to write.

    Raises:
        ExportError: The graph differs from PyTorch by more than 1e-4 of the largest value somewhere.
    """
    num_parameters = sum(p.numel() for p in network.parameters())
    network.fuse().eval()
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        draft = Path(folder) / output.name
        _trace(network, draft)
        _compare(network, draft)
        metadata = common_metadata(card, network.config, num_parameters) | _metadata(network, sample_rate)
        return finish(draft, metadata, output)


def _trace(network: SegmentNetwork, path: Path) -> None:
    name = "waveform" if network.takes_waveforms else "segment"
    outputs = ["estimate", "code"] if network.has_code else ["estimate"]
    example = torch.randn(_TRACED_BATCH, *network.example_shape) * 0.1
    axes = {one: {0: "batch"} for one in (name, *outputs)}
    trace(_Graph(network), (example,), path, inputs=[name], outputs=outputs, axes=axes)


def _compare(network: SegmentNetwork, path: Path) -> None:
    onnxruntime = import_onnxruntime()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(1)
    for batch, level in _CHECKED:
        inputs = torch.randn(batch, *network.example_shape, generator=generator) * level
        with torch.no_grad():
            expected = _Graph(network).eval()(inputs)
        found = session.run(None, {session.get_inputs()[0].name: inputs.numpy()})
        for one, other in zip(expected, found, strict=True):
            error = float("inf")
            if tuple(one.shape) == other.shape:
                error = float(np.max(np.abs(one.numpy() - other)) / one.abs().max().clamp(min=1e-12))
            if not error <= _TOLERANCE:
                raise ExportError(
                    f"the exported graph differs from PyTorch by {error:.2g} of the largest value for "
                    f"{batch} segments at level {level:g} (allowed: {_TOLERANCE:g}); nothing was written."
                )


def _metadata(network: SegmentNetwork, sample_rate: float) -> dict[str, str]:
    """Metadata of files with whole segments only."""
    shape = network.config
    return {
        "format_version": str(SEGMENT_FORMAT_VERSION),
        "kind": "waveform" if network.takes_waveforms else "spectrum",
        "segment_frames": str(shape.segment_frames),
        "segment_hop_frames": str(shape.segment_hop_frames),
        "sample_rate": str(sample_rate),
        "spectrum_scale": SPECTRUM_SCALE,
        "upper_from_hz": str(shape.upper_from_hz),
        "lookahead_frames": str(shape.segment_frames - 1),
        "state_names": "[]",
        "network": json.dumps(settings_of(network)),
        "reference": json.dumps(_reference(network)),
    }


def _reference(network: SegmentNetwork) -> dict[str, object]:
    """A seed for one segment, and enough values of the output to detect a damaged file."""
    probe = Reference(0, network.config.segment_frames, _TOLERANCE, np.empty(0, np.float32))
    with torch.no_grad():
        answer = network(torch.from_numpy(probe.noise(network.example_shape)))[0].numpy().reshape(-1)
    stride = max(1, answer.size // _REFERENCE_VALUES)
    kept = answer[::stride].astype("<f4")
    return {
        "seed": probe.seed,
        "frames": probe.frames,
        "stride": stride,
        "tolerance": _TOLERANCE * max(1.0, float(np.abs(kept).max())),
        "mask": base64.b64encode(kept.tobytes()).decode("ascii"),
    }
