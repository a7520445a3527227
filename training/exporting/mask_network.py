"""Export of a mask network to an ONNX file, compared with PyTorch before it is written."""

from __future__ import annotations

import base64
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hushgate.engine.model_files.metadata import (
    FORMAT_VERSION,
    UPPER_FORMAT_VERSION,
    UPPER_INPUT,
    Reference,
)
from hushgate.engine.model_files.model import Model
from hushgate.engine.model_files.runtime import import_onnxruntime
from hushgate.engine.native.network_config import FAMILY, VERSION
from hushgate.training.config.schema import CardConfig
from hushgate.training.exporting.onnx_file import ExportError, common_metadata, finish, trace
from hushgate.training.models import Hush

# Frame counts compared with PyTorch, all different from the traced one; the state runs through all of them.
_TRACED_FRAMES = 5
_CHECKED_FRAMES = (1, 3, 16, 100, 7)
_TOLERANCE = 1e-4
# Recurrent units near a threshold amplify rounding: in 100 checks of five trained music networks states
# differed by up to 1.8e-4 and outputs by 4e-6. A wrong state also shows in the outputs after it.
_STATE_TOLERANCE = 1e-3


class _Graph(nn.Module):
    """The graph for ONNX: tensors in, tensors out."""

    def __init__(self, network: Hush) -> None:
        super().__init__()
        self.network = network

    def forward(self, spectrum: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        levels, *state = (None, *others) if self.network.upper is None else others
        answer = self.network(spectrum, list(state), levels)
        presence = () if answer.presence is None else (answer.presence.steady.sigmoid(),)
        return (answer.mask, answer.upper_gain, *presence, *answer.state)


def export_network(network: Hush, card: CardConfig, output: Path) -> Model:
    """Export a mask network: fold its normalizations, trace, compare and describe it, then write `output`.

    The comparison runs the graph at five lengths it was not traced with, two channels at once and the state
    carried from one to the next, and then once more as the engine loads it.
    """
    num_parameters = sum(p.numel() for p in network.parameters())
    network.fuse().eval()
    shape = network.config
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        draft = Path(folder) / output.name
        _trace(network, draft)
        _compare(network, draft)
        reference = Reference(0, 4, _TOLERANCE, np.empty(0, np.float32))
        metadata = common_metadata(card, shape, num_parameters) | {
            "format_version": str(FORMAT_VERSION if network.upper is None else UPPER_FORMAT_VERSION),
            "lookahead_frames": "0",
            "steady_noise": json.dumps(shape.steady_noise),
            "state_names": json.dumps(network.state_names),
            "network": json.dumps({"family": FAMILY, "version": VERSION, **asdict(shape)}),
            "reference": json.dumps(
                {
                    "seed": reference.seed,
                    "frames": reference.frames,
                    "tolerance": reference.tolerance,
                    **_reference_answer(network, reference),
                }
            ),
        }
        if network.upper is not None:
            metadata["upper_band_edges_hz"] = json.dumps(list(shape.upper_edges_hz))
            metadata["upper_top_hz"] = str(shape.upper_top_hz)
        return finish(draft, metadata, output)


def _trace(network: Hush, path: Path) -> None:
    example = torch.randn(1, _TRACED_FRAMES, network.config.num_bins, 2)
    names, answers = network.state_names, ["mask", "upper_gain"]
    if network.presence is not None:
        answers.append("presence")
    states = [f"{name}_next" for name in names]
    above = _random_levels(network, 1, _TRACED_FRAMES, torch.Generator().manual_seed(0))
    heard = [UPPER_INPUT] * len(above)
    axes = {name: {0: "batch", 1: "frames"} for name in ("spectrum", *heard, *answers)}
    axes |= {name: {0: "batch"} for name in (*names, *states)}
    examples = (example, *above, *network.initial_state(1))
    trace(
        _Graph(network),
        examples,
        path,
        inputs=["spectrum", *heard, *names],
        outputs=[*answers, *states],
        axes=axes,
    )


def _compare(network: Hush, path: Path) -> None:
    onnxruntime = import_onnxruntime()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    graph = _Graph(network)
    names, torch_state = network.state_names, network.initial_state(2)
    state = [one.numpy() for one in torch_state]
    generator = torch.Generator().manual_seed(1)
    for frames in _CHECKED_FRAMES:
        spectrum = torch.randn(2, frames, network.config.num_bins, 2, generator=generator) * 0.1
        above = _random_levels(network, 2, frames, generator)
        with torch.no_grad():
            wanted = graph(spectrum, *above, *torch_state)
        feeds = {"spectrum": spectrum.numpy(), **dict(zip(names, state, strict=True))}
        if above:
            feeds[UPPER_INPUT] = above[0].numpy()
        found = session.run(None, feeds)
        torch_state, state = wanted[-len(names) :], found[-len(names) :]
        errors = [_largest_difference(one.numpy(), other) for one, other in zip(wanted, found, strict=True)]
        for what, error, allowed in (
            ("answer", max(errors[: -len(names)]), _TOLERANCE),
            ("state", max(errors[-len(names) :]), _STATE_TOLERANCE),
        ):
            if not error <= allowed:
                raise ExportError(
                    f"the exported graph's {what} differs from PyTorch's by {error:.2g} at {frames} frames "
                    f"(allowed: {allowed:g}); nothing was written."
                )


def _largest_difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.max(np.abs(one - other))) if one.shape == other.shape else float("inf")


def _random_levels(network: Hush, batch: int, frames: int, generator: torch.Generator) -> list[Tensor]:
    """Levels above the network's bins, (batch, frames, bands, 2), a fifth of them unknown, or none."""
    if network.upper is None:
        return []
    shape = (batch, frames, network.upper.num_upper)
    known = (torch.rand(shape, generator=generator) > 0.2).float()
    power = torch.rand(shape, generator=generator).square() * 0.1
    return [torch.stack([power * known, known], dim=-1)]


def _reference_answer(network: Hush, reference: Reference) -> dict[str, str]:
    """Output of the network for the reference's input, in base64."""
    spectrum = torch.from_numpy(reference.spectrum(network.config.num_bins))
    levels = None
    if network.upper is not None:
        levels = torch.from_numpy(reference.levels(network.upper.num_upper))
    with torch.no_grad():
        answer = network(spectrum, network.initial_state(1), levels)
    values = {"mask": answer.mask}
    if network.upper is not None:
        values["upper_gain"] = answer.upper_gain
    return {
        name: base64.b64encode(value.numpy().astype("<f4").tobytes()).decode("ascii")
        for name, value in values.items()
    }
