"""Small valid segment models, built node by node, whose answers are known in advance."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from tests.helpers.tiny_models import TinyModel


class TinySegments(TinyModel):
    """Builds one ONNX file of format 2.

    Args:
        kind: "spectrum" or "waveform".
        num_frames, hop_frames, upper_from_hz: As in the metadata.
        format_: As for `TinyModel`.
    """

    def __init__(
        self,
        *,
        kind: str = "spectrum",
        num_frames: int = 8,
        hop_frames: int = 4,
        upper_from_hz: float = 2000.0,
        **format_: Any,
    ) -> None:
        super().__init__(**{"frame_ms": 16.0, "num_bins": 64, "lookahead_frames": num_frames - 1} | format_)
        self.kind = kind
        self.num_frames = num_frames
        self.hop_frames = hop_frames
        self.upper_from_hz = upper_from_hz
        waveform = kind == "waveform"
        self.input = "waveform" if waveform else "segment"
        self.shape = [2 * self.num_bins] if waveform else [num_frames, self.num_bins, 2]

    def metadata(self) -> dict[str, str]:
        return super().metadata() | {
            "hushgate.format_version": "2",
            "hushgate.kind": self.kind,
            "hushgate.segment_frames": str(self.num_frames),
            "hushgate.segment_hop_frames": str(self.hop_frames),
            "hushgate.upper_from_hz": str(self.upper_from_hz),
            "hushgate.sample_rate": "8000",
            "hushgate.spectrum_scale": "full_scale_sine",
        }

    def inputs_and_outputs(self) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
        shape = ["batch", *self.shape]
        inputs = [helper.make_tensor_value_info(self.input, TensorProto.FLOAT, shape)]  # type: ignore[arg-type]
        outputs = [helper.make_tensor_value_info("estimate", TensorProto.FLOAT, shape)]  # type: ignore[arg-type]
        return inputs, outputs

    def _reference(self, model: onnx.ModelProto) -> dict[str, Any]:
        stride = max(1, math.prod(self.shape) // 100)
        noise = np.random.default_rng(0).standard_normal((1, *self.shape)).astype(np.float32)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        answer = session.run(["estimate"], {self.input: noise * np.float32(0.1)})[0].reshape(-1)[::stride]
        text = base64.b64encode(np.asarray(answer, "<f4").tobytes()).decode()
        return {"seed": 0, "frames": self.num_frames, "tolerance": 1e-4, "mask": text, "stride": stride}


def scaled(gain: float = 1.0, **format_: Any) -> TinySegments:
    """The same factor everywhere."""
    model = TinySegments(**format_)
    model.node("Mul", [model.input, model.constant("gain", gain)], "estimate")
    return model


def whole_segment(**format_: Any) -> TinySegments:
    """A gain per segment that needs all of it: 1 / (1 + 3 x mean |X|), so that segments differ."""
    model = TinySegments(**format_)
    axes = list(range(1, 1 + len(model.shape)))
    model.node("Abs", [model.input], "sizes")
    model.node("ReduceMean", ["sizes"], "mean", axes=axes, keepdims=1)
    model.node("Mul", ["mean", model.constant("three", 3.0)], "strong")
    model.node("Add", ["strong", model.constant("one", 1.0)], "more")
    model.node("Div", [model.input, "more"], "estimate")
    return model


def generating(**format_: Any) -> TinySegments:
    """Most of what it hears, and something that it makes up also in silence."""
    model = TinySegments(**format_)
    model.node("Mul", [model.input, model.constant("gain", 0.8)], "most")
    model.node("Add", ["most", model.constant("made_up", 0.001)], "estimate")
    return model


def marks_its_place(**format_: Any) -> TinySegments:
    """Frame i of a segment is multiplied by i + 1."""
    model = TinySegments(**format_)
    gains = np.arange(1.0, 1.0 + model.num_frames, dtype=np.float32)[:, None, None]
    model.node("Mul", [model.input, model.constant("gains", gains)], "estimate")
    return model


def keeps_low_bins(num_low: int, **format_: Any) -> TinySegments:
    """Keeps the lowest bins and removes the rest."""
    model = TinySegments(**format_)
    gains = (np.arange(model.num_bins) < num_low).astype(np.float32)[:, None]
    model.node("Mul", [model.input, model.constant("gains", gains)], "estimate")
    return model


def overflowing_segments(**format_: Any) -> TinySegments:
    """Leaves sound alone until a segment is too loud: exp of more than 88 is infinite."""
    model = TinySegments(**format_)
    axes = list(range(1, 1 + len(model.shape)))
    model.node("Abs", [model.input], "sizes")
    model.node("ReduceMax", ["sizes"], "peak", axes=axes, keepdims=1)
    model.node("Exp", ["peak"], "loudness")
    model.node("Mul", ["loudness", model.constant("nought", 0.0)], "disturbance")
    model.node("Add", [model.input, "disturbance"], "estimate")
    return model


# Every kind of segment model that the engine's promises are tested with.
SEGMENT_VARIANTS: dict[str, Callable[[], TinySegments]] = {
    "segment": whole_segment,
    "uneven": lambda: whole_segment(num_frames=7, hop_frames=3, overlap=4),
    "apart": lambda: whole_segment(num_frames=4, hop_frames=4),
    "generating": generating,
    "waveform": lambda: whole_segment(
        kind="waveform", num_frames=1, hop_frames=1, frame_ms=60.0, num_bins=240
    ),
}
