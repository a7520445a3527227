"""Small valid models, built node by node, whose answers are known in advance."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from hushgate.engine import ModelError, load_model
from hushgate.engine.model_files.metadata import Reference


class TinyModel:
    """Builds one ONNX file of format 1, or with `upper_top_hz` of format 3.

    Args:
        frame_ms, overlap, num_bins, upper_band_edges_hz, lookahead_frames, steady_noise, upper_top_hz: As in
            the metadata.
    """

    def __init__(
        self,
        *,
        frame_ms: float = 32.0,
        overlap: int = 2,
        num_bins: int = 256,
        upper_band_edges_hz: tuple[float, ...] = (8000.0,),
        lookahead_frames: int = 0,
        steady_noise: bool = False,
        upper_top_hz: float | None = None,
    ) -> None:
        self.frame_ms = frame_ms
        self.overlap = overlap
        self.num_bins = num_bins
        self.upper_band_edges_hz = upper_band_edges_hz
        self.lookahead_frames = lookahead_frames
        self.steady_noise = steady_noise
        self.upper_top_hz = upper_top_hz
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.states: list[tuple[str, list[int]]] = []
        self.has_presence = False

    def constant(self, name: str, value: Any) -> str:
        array = np.asarray(value)
        array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def state(self, name: str, shape: list[int]) -> str:
        self.states.append((name, shape))
        return name

    def running_sum(self, values: str, state: str, sums: str, *, keep: float, size: int) -> None:
        """Sum keep^(t-s) * value_s over the frames s up to t: an RNN without a nonlinearity.

        Args:
            values: Tensor (batch, frames, size).
            state: State of the model, (size,); its next value is written.
            sums: Name of the result, (batch, frames, size).
            keep: Factor from one frame to the next.
            size: Values in a frame.
        """
        identity = np.eye(size, dtype=np.float32)[None]
        names = [f"{sums}_{what}" for what in ("input_weights", "state_weights")]
        weights = zip(names, (identity, np.float32(keep) * identity), strict=True)
        self.constants += [numpy_helper.from_array(array, name) for name, array in weights]
        self.node("Transpose", [values], f"{sums}_in", perm=[1, 0, 2])
        self.node("Unsqueeze", [state, self.constant(f"{sums}_axis", [0])], f"{sums}_before")
        self.nodes.append(
            helper.make_node(
                "RNN",
                [f"{sums}_in", *names, "", "", f"{sums}_before"],
                [f"{sums}_all", f"{sums}_last"],
                hidden_size=size,
                activations=["Affine"],
                activation_alpha=[1.0],
                activation_beta=[0.0],
            )
        )
        self.node("Squeeze", [f"{sums}_last", f"{sums}_axis"], f"{state}_next")
        self.node("Squeeze", [f"{sums}_all", self.constant(f"{sums}_directions", [1])], f"{sums}_frames")
        self.node("Transpose", [f"{sums}_frames"], sums, perm=[1, 0, 2])

    def upper_gain(self, gains: list[float]) -> None:
        """The output `upper_gain`, constant."""
        self.constant("bins_axis", [2, 3])
        self.node("Mul", ["spectrum", self.constant("upper_nought", 0.0)], "upper_zeros")
        self.node("ReduceSum", ["upper_zeros", "bins_axis"], "upper_zero", keepdims=0)
        self.node("Unsqueeze", ["upper_zero", self.constant("last_axis", [2])], "upper_column")
        self.node("Add", ["upper_column", self.constant("upper_gains", gains)], "upper_gain")

    def metadata(self) -> dict[str, str]:
        """Everything the contract asks for, without the reference."""
        return {
            "hushgate.format_version": "1" if self.upper_top_hz is None else "3",
            "hushgate.name": "tiny",
            "hushgate.task": "voice",
            "hushgate.description": "A model for tests.",
            "hushgate.frame_ms": str(self.frame_ms),
            "hushgate.overlap": str(self.overlap),
            "hushgate.window": "sqrt_hann",
            "hushgate.num_bins": str(self.num_bins),
            "hushgate.upper_band_edges_hz": json.dumps(list(self.upper_band_edges_hz)),
            "hushgate.lookahead_frames": str(self.lookahead_frames),
            "hushgate.state_names": json.dumps([name for name, _ in self.states]),
            **({"hushgate.steady_noise": "true"} if self.steady_noise else {}),
            **({} if self.upper_top_hz is None else {"hushgate.upper_top_hz": str(self.upper_top_hz)}),
            "hushgate.num_parameters": "0",
            "hushgate.licence": "MIT",
            "hushgate.attribution": "",
        }

    def inputs_and_outputs(self) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
        """What the graph takes and gives."""
        spectrum_shape = ["batch", "frames", self.num_bins, 2]
        value = helper.make_tensor_value_info
        inputs = [value("spectrum", TensorProto.FLOAT, spectrum_shape)]  # type: ignore[arg-type]
        if self.upper_top_hz is not None:
            levels_shape = ["batch", "frames", len(self.upper_band_edges_hz), 2]
            inputs.append(value("upper", TensorProto.FLOAT, levels_shape))  # type: ignore[arg-type]
        outputs = [
            value("mask", TensorProto.FLOAT, spectrum_shape),  # type: ignore[arg-type]
            value("upper_gain", TensorProto.FLOAT, ["batch", "frames", len(self.upper_band_edges_hz)]),
        ]
        if self.has_presence:
            outputs.append(value("presence", TensorProto.FLOAT, ["batch", "frames", 1]))
        for name, shape in self.states:
            inputs.append(value(name, TensorProto.FLOAT, ["batch", *shape]))
            outputs.append(value(f"{name}_next", TensorProto.FLOAT, ["batch", *shape]))
        return inputs, outputs

    def proto(self, **overrides: str | None) -> onnx.ModelProto:
        """The model; `overrides` replace metadata (keys without prefix), None leaves a key out."""
        inputs, outputs = self.inputs_and_outputs()
        graph = helper.make_graph(self.nodes, "tiny", inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        metadata: dict[str, str | None] = dict(self.metadata())
        metadata["hushgate.reference"] = json.dumps(self._reference(model))
        metadata.update({f"hushgate.{key}": text for key, text in overrides.items()})
        helper.set_model_props(model, {key: text for key, text in metadata.items() if text is not None})
        return model

    def save(self, path: Path, **overrides: str | None) -> Path:
        path.write_bytes(self.proto(**overrides).SerializeToString())
        return path

    def _reference(self, model: onnx.ModelProto) -> dict[str, Any]:
        frames = 4
        noise = np.random.default_rng(0).standard_normal((1, frames, self.num_bins, 2))
        feeds: dict[str, NDArray[Any]] = {"spectrum": noise.astype(np.float32) * np.float32(0.1)}
        feeds.update({name: np.zeros((1, *shape), np.float32) for name, shape in self.states})
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        names = ["mask"]
        if self.upper_top_hz is not None:
            reference = Reference(0, frames, 1e-4, np.zeros(0, np.float32))
            feeds["upper"] = reference.levels(len(self.upper_band_edges_hz))
            names.append("upper_gain")
        answers = zip(names, session.run(names, feeds), strict=True)
        texts = {
            name: base64.b64encode(np.asarray(answer, "<f4").tobytes()).decode() for name, answer in answers
        }
        return {"seed": 0, "frames": frames, "tolerance": 1e-4, **texts}


def constant_mask(
    real: float = 1.0, imaginary: float = 0.0, *, upper: list[float] | None = None, **format_: Any
) -> TinyModel:
    """The same complex factor everywhere; `upper` are the gains of the upper bands (default `real`)."""
    model = TinyModel(**format_)
    model.node("Mul", ["spectrum", model.constant("nought", 0.0)], "zeros")
    model.node("Add", ["zeros", model.constant("factor", [real, imaginary])], "mask")
    model.upper_gain(upper if upper is not None else [real] * len(model.upper_band_edges_hz))
    return model


def identity(**format_: Any) -> TinyModel:
    """A mask of ones."""
    return constant_mask(1.0, **format_)


def stateful(**format_: Any) -> TinyModel:
    """A mask per bin that depends on every frame so far: 1 / (1 + 20 x running mean of |X|^2).

    The mean is sum(0.9^(t-s) |X_s|^2) over frames, so that its value at frame t needs the state and all
    frames before t.
    """
    model = TinyModel(**format_)
    model.state("memory", [model.num_bins])
    model.node("ReduceSumSquare", ["spectrum"], "power_frames", axes=[3], keepdims=0)
    model.running_sum("power_frames", "memory", "means", keep=0.9, size=model.num_bins)
    model.node("Mul", ["means", model.constant("strength", 20.0)], "strong")
    model.node("Add", ["strong", model.constant("one", 1.0)], "more")
    model.node("Reciprocal", ["more"], "gain")
    model.node("Unsqueeze", ["gain", model.constant("complex_axis", [3])], "gain_column")
    model.node("Mul", ["gain_column", model.constant("real_part", [1.0, 0.3])], "mask")
    model.upper_gain([0.5] * len(model.upper_band_edges_hz))
    return model


def keeps_low(**format_: Any) -> TinyModel:
    """Keeps bins below 2 kHz and removes the rest: target and noise can be told apart in tests."""
    model = TinyModel(**format_)
    pass_bins = int(2000.0 * model.frame_ms / 1000.0)
    gains = np.zeros((model.num_bins, 2), np.float32)
    gains[:pass_bins, 0] = 1.0
    model.node("Mul", ["spectrum", model.constant("nought", 0.0)], "zeros")
    model.node("Add", ["zeros", model.constant("gains", gains)], "mask")
    model.upper_gain([0.0] * len(model.upper_band_edges_hz))
    return model


def with_presence(**format_: Any) -> TinyModel:
    """A mask of ones, and presence = 1 / (1 + 1 / (100 x mean power))."""
    model = identity(**format_)
    model.has_presence = True
    model.node("ReduceSumSquare", ["spectrum"], "energy", axes=[2, 3], keepdims=0)
    model.node("Unsqueeze", ["energy", model.constant("presence_axis", [2])], "energy_column")
    model.node("Mul", ["energy_column", model.constant("hundred", 100.0)], "odds")
    model.node("Add", ["odds", model.constant("presence_one", 1.0)], "odds_more")
    model.node("Div", ["odds", "odds_more"], "presence")
    return model


def hears_above(**format_: Any) -> TinyModel:
    """A mask of ones, and above it 1 / (1 + 100 x power) where that is known, a quarter where it is not."""
    bands: dict[str, Any] = {"upper_band_edges_hz": (8e3, 12e3, 16e3), "upper_top_hz": 24e3}
    model = TinyModel(**(bands | format_))
    model.node("Mul", ["spectrum", model.constant("nought", 0.0)], "zeros")
    model.node("Add", ["zeros", model.constant("factor", [1.0, 0.0])], "mask")
    model.node("Split", ["upper"], "power", axis=3)
    model.nodes[-1].output.append("known")
    model.constant("last_axis", [3])
    model.node("Squeeze", ["power", "last_axis"], "powers")
    model.node("Squeeze", ["known", "last_axis"], "flags")
    model.node("Mul", ["powers", model.constant("hundred", 100.0)], "odds")
    model.node("Add", ["odds", model.constant("one", 1.0)], "more")
    model.node("Reciprocal", ["more"], "heard_gain")
    model.node("Mul", ["heard_gain", "flags"], "known_gain")
    model.node("Sub", ["one", "flags"], "unknown")
    model.node("Mul", ["unknown", model.constant("quarter", 0.25)], "unknown_gain")
    model.node("Add", ["known_gain", "unknown_gain"], "upper_gain")
    return model


def level_dependent(**format_: Any) -> TinyModel:
    """One gain for all bins of a frame, 1 / (1 + its energy): loud channels differ from soft ones."""
    model = TinyModel(**format_)
    model.node("ReduceSumSquare", ["spectrum"], "energy", axes=[2, 3], keepdims=1)
    model.node("Add", ["energy", model.constant("one", 1.0)], "more")
    model.node("Reciprocal", ["more"], "gain")
    model.node("Mul", ["spectrum", model.constant("nought", 0.0)], "zeros")
    model.node("Add", ["zeros", model.constant("real_one", [1.0, 0.0])], "ones")
    model.node("Mul", ["ones", "gain"], "mask")
    model.upper_gain([1.0] * len(model.upper_band_edges_hz))
    return model


def overflowing(**format_: Any) -> TinyModel:
    """A mask of ones until a frame is too loud: then, for good, NaN, by a memory that overflowed.

    The memory sums by how much spectral values exceeded 88; above that the exponential is infinite.
    """
    model = TinyModel(**format_)
    model.state("memory", [1])
    model.constant("nought", 0.0)
    model.node("Abs", ["spectrum"], "sizes")
    model.node("ReduceMax", ["sizes"], "frame_peaks", axes=[2, 3], keepdims=0)
    model.node("Sub", ["frame_peaks", model.constant("limit", 88.0)], "beyond")
    model.node("Relu", ["beyond"], "excess")
    model.node("Unsqueeze", ["excess", model.constant("last", [2])], "excess_column")
    model.running_sum("excess_column", "memory", "sums", keep=1.0, size=1)
    model.node("Add", ["sums", "limit"], "exponents")
    model.node("Exp", ["exponents"], "loudness")
    model.node("Mul", ["loudness", "nought"], "disturbance")  # infinite times zero is NaN
    model.node("Unsqueeze", ["disturbance", model.constant("mask_axes", [3])], "disturbance_mask")
    model.node("Mul", ["spectrum", "nought"], "zeros")
    model.node("Add", ["zeros", model.constant("one", [1.0, 0.0])], "ones")
    model.node("Add", ["ones", "disturbance_mask"], "mask")
    model.upper_gain([1.0] * len(model.upper_band_edges_hz))
    return model


def refused(path: Path) -> str:
    """Load a file that must be refused; the message, which names it in one line."""
    with pytest.raises(ModelError) as caught:
        load_model(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


# Every kind of model that the engine's promises are tested with.
VARIANTS: dict[str, Callable[[], TinyModel]] = {
    "identity": identity,
    "stateful": stateful,
    "lookahead": lambda: stateful(lookahead_frames=2),
    "overlap4": lambda: stateful(overlap=4),
    "presence": with_presence,
    "bands": lambda: constant_mask(0.8, 0.1, upper=[0.5, 0.3, 0.2], upper_band_edges_hz=(8e3, 12e3, 16e3)),
    "long": lambda: stateful(frame_ms=92.88, num_bins=1025, upper_band_edges_hz=(11025.0,)),
    "short": lambda: level_dependent(frame_ms=10.0, num_bins=80),
    "low": keeps_low,
    "steady": lambda: stateful(steady_noise=True),
    "upper": hears_above,
    "steady-lookahead": lambda: stateful(overlap=4, lookahead_frames=2, steady_noise=True),
}
