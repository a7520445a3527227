"""The metadata of model files, formats 1 to 3: reading and checking.

Format 1 is a model that masks frame by frame. Format 2 adds models for whole segments (`SegmentInfo`).
Format 3 is format 1 with one more input, `upper`: the levels of the bands above the model's bins.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.errors import ModelError

FORMAT_VERSION = 1
SEGMENT_FORMAT_VERSION = 2
UPPER_FORMAT_VERSION = 3
_FORMAT_VERSIONS = (FORMAT_VERSION, SEGMENT_FORMAT_VERSION, UPPER_FORMAT_VERSION)
METADATA_PREFIX = "hushgate."
WINDOW = "sqrt_hann"
# The input of models that take the levels of the bands above their bins.
UPPER_INPUT = "upper"
# Of a spectrum: a full-scale sine reads 1.0 in its bin.
SPECTRUM_SCALE = "full_scale_sine"
SEGMENT_KINDS = ("spectrum", "waveform")
_LARGEST_SEGMENT = 1 << 26


@dataclass(frozen=True)
class SegmentInfo:
    """The segments of a model that processes whole segments, read from its file.

    Attributes:
        kind: "spectrum": input and output are (num_frames, num_bins, 2). "waveform": input and output are
            the sound of one frame under its window, 2 * num_bins samples at the model's own rate.
        num_frames: Frames in a segment.
        hop_frames: Frames from one segment to the next; overlapping ones cross-fade.
        upper_from_hz: Start of the range whose mean gain is applied to all bins above the model's, Hz.
        sample_rate: Rate of its training, Hz. Spectra have the same bins at every other rate.
    """

    kind: str
    num_frames: int
    hop_frames: int
    upper_from_hz: float
    sample_rate: float


@dataclass(frozen=True)
class ModelInfo:
    """The description of a model and its framing, read from its file.

    Attributes:
        name: Short name, the one shipped files are loaded by.
        task: The target that the model keeps: "voice", "guitar", "music" or another word.
        description: One or two sentences.
        format_version: Version of the file format.
        frame_ms: Nominal length of an analysis frame, ms.
        overlap: Frames that cover each sample; the hop is the frame divided by this.
        num_bins: Bins the model sees, from 0 Hz upward, each 1000 / frame_ms Hz wide.
        upper_band_edges_hz: Lower edges of the bands above those bins; the last reaches to Nyquist.
        upper_top_hz: Upper end of the last of these bands in the levels that the model takes, Hz; None for
            a model that takes none. The band's gain applies up to Nyquist all the same.
        lookahead_frames: Later frames that the model needs for a mask.
        state_names: Names of the tensors carried from call to call.
        num_parameters: Trained weights.
        licence, attribution: Terms of the weights and the data behind them.
        has_presence: True when the model also estimates the presence of its target.
        segment: Its segments; None for a model that masks frame by frame.
        steady_noise: True when its noise hardly changes within seconds, as hiss (see `SteadyNoise`).
    """

    name: str
    task: str
    description: str
    format_version: int
    frame_ms: float
    overlap: int
    num_bins: int
    upper_band_edges_hz: tuple[float, ...]
    lookahead_frames: int
    state_names: tuple[str, ...]
    num_parameters: int
    licence: str
    attribution: str
    has_presence: bool
    segment: SegmentInfo | None = None
    steady_noise: bool = False
    upper_top_hz: float | None = None

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the model's input without its batch axis; None for any number of frames."""
        if self.segment is None:
            return (None, self.num_bins, 2)
        if self.segment.kind == "waveform":
            return (2 * self.num_bins,)
        return (self.segment.num_frames, self.num_bins, 2)

    @property
    def latency_ms(self) -> float:
        """Nominal delay from input to output, ms; a few samples more or less at odd sample rates."""
        return self.frame_ms * (1.0 + self.lookahead_frames / self.overlap)

    @property
    def hears_beginnings(self) -> bool:
        """Whether it is prepared for a recording by its beginning, played backwards.

        Voices and songs stay what they are. A plucked note becomes a swell, which is no note for the model,
        and the first real one would be taken for more of the same.
        """
        return self.segment is None and self.task in ("voice", "music")

    @property
    def bandwidth_hz(self) -> float:
        """Upper end of the model's bins, Hz; above it `upper_gain` applies."""
        return self.num_bins * 1000.0 / self.frame_ms


@dataclass(frozen=True)
class Reference:
    """A small input (as a seed) and the mask that the model must give for it.

    For a segment model the input is one segment, and `mask` holds every `stride`-th value of the output. For
    a model that takes the levels of the bands above, `upper_gain` is the other output, (1, frames, bands).
    """

    seed: int
    frames: int
    tolerance: float
    mask: NDArray[np.float32]
    stride: int = 1
    upper_gain: NDArray[np.float32] | None = None

    def spectrum(self, num_bins: int) -> NDArray[np.float32]:
        """The input of a mask model, float32 (1, frames, num_bins, 2)."""
        return self.noise((self.frames, num_bins, 2))

    def levels(self, num_bands: int) -> NDArray[np.float32]:
        """The levels for the bands above, float32 (1, frames, num_bands, 2).

        Frame by frame one band fewer is known, and then all again.
        """
        power = np.random.default_rng(self.seed).exponential(1e-3, (1, self.frames, num_bands))
        frame, band = np.mgrid[: self.frames, :num_bands]
        known = band < num_bands - frame % (num_bands + 1)
        return np.stack([power * known, np.broadcast_to(known, power.shape)], axis=-1).astype(np.float32)

    def noise(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The input, float32 (1, *shape)."""
        noise = np.random.default_rng(self.seed).standard_normal((1, *shape))
        return noise.astype(np.float32) * np.float32(0.1)


N = TypeVar("N", int, float)


class _Fields:
    """Typed look-ups in the metadata of one file; every fault names the file and the key."""

    def __init__(self, file: str, metadata: Mapping[str, str]) -> None:
        self._file = file
        self._metadata = metadata

    def text(self, key: str) -> str:
        try:
            return self._metadata[METADATA_PREFIX + key]
        except KeyError:
            raise ModelError(
                f"{self._file} has no metadata key {METADATA_PREFIX}{key}. "
                'Export models with "hushgate export".'
            ) from None

    def word(self, key: str) -> str:
        value = self.text(key)
        if not value.strip():
            raise self.fault(key, "must not be empty", value)
        return value

    def integer(self, key: str, minimum: int, maximum: int) -> int:
        return self._bounded(key, int, "a whole number", minimum, maximum)

    def number(self, key: str, minimum: float, maximum: float) -> float:
        return self._bounded(key, float, "a number", minimum, maximum)

    def _bounded(self, key: str, read: Callable[[str], N], kind: str, minimum: N, maximum: N) -> N:
        text = self.text(key)
        condition = f"must be {kind} between {minimum} and {maximum}"
        try:
            value = read(text)
        except ValueError:
            raise self.fault(key, condition, text) from None
        if not minimum <= value <= maximum:  # false for NaN
            raise self.fault(key, condition, text)
        return value

    def flag(self, key: str) -> bool:
        """A flag; false where the key is missing, as in files of earlier versions."""
        text = self._metadata.get(METADATA_PREFIX + key, "false")
        if text not in ("true", "false"):
            raise self.fault(key, "must be true or false", text)
        return text == "true"

    def json(self, key: str, condition: str, accept: Callable[[object], bool]) -> object:
        text = self.text(key)
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise self.fault(key, condition, text) from None
        if not accept(value):
            raise self.fault(key, condition, text)
        return value

    def fault(self, key: str, condition: str, value: str) -> ModelError:
        shown = value if len(value) <= 60 else value[:57] + "..."
        return ModelError(f"{self._file}: {METADATA_PREFIX}{key} {condition} (got {shown!r}).")


def is_number(value: object) -> bool:
    """Whether a value of JSON is a number that fits a float: not true, not NaN and not infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False


def _is_ascending_edges(value: object) -> bool:
    if not isinstance(value, list) or not value or not all(is_number(edge) for edge in value):
        return False
    return value[0] >= 0 and all(low < high for low, high in pairwise(value))


def _is_names(value: object) -> bool:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        return False
    return len(set(value)) == len(value)


def _is_reference(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("mask"), str):
        return False
    if not all(isinstance(value.get(key), int) for key in ("seed", "frames")):
        return False
    return value["seed"] >= 0 and 1 <= value["frames"] <= 1000 and is_number(value.get("tolerance"))


def parse_metadata(
    file: str, metadata: Mapping[str, str], *, has_presence: bool
) -> tuple[ModelInfo, Reference]:
    """Read and check the metadata of a model file.

    Args:
        file: Name of the file, for error messages.
        metadata: The file's `metadata_props`, keys with the prefix "hushgate.".
        has_presence: True when the graph has the optional output `presence`.

    Raises:
        ModelError: A key is missing, malformed or out of range, or the format is another version.
    """
    if not any(key.startswith(METADATA_PREFIX) for key in metadata):
        raise ModelError(
            f'{file} is an ONNX file without hushgate metadata. Export models with "hushgate export".'
        )
    fields = _Fields(file, metadata)
    version = fields.text("format_version")
    if version not in map(str, _FORMAT_VERSIONS):
        raise ModelError(
            f"{file} has format {version} "
            f"(this version reads {_FORMAT_VERSIONS[0]} to {_FORMAT_VERSIONS[-1]}). "
            'Re-export it with "hushgate export".'
        )
    window = fields.text("window")
    if window != WINDOW:
        raise fields.fault("window", f"must be {WINDOW}", window)
    edges = fields.json(
        "upper_band_edges_hz", "must be a list of ascending frequencies in Hz", _is_ascending_edges
    )
    names = fields.json("state_names", "must be a list of different names", _is_names)
    info = ModelInfo(
        name=fields.word("name"),
        task=fields.word("task"),
        description=fields.text("description"),
        format_version=int(version),
        frame_ms=fields.number("frame_ms", 1.0, 1000.0),
        overlap=fields.integer("overlap", 2, 64),
        num_bins=fields.integer("num_bins", 1, 1 << 16),
        upper_band_edges_hz=tuple(float(edge) for edge in edges),  # type: ignore[attr-defined]
        lookahead_frames=fields.integer("lookahead_frames", 0, 1000),
        state_names=tuple(names),  # type: ignore[arg-type]
        num_parameters=fields.integer("num_parameters", 0, 1 << 40),
        licence=fields.text("licence"),
        attribution=fields.text("attribution"),
        has_presence=has_presence,
        segment=_parse_segment(fields) if version == str(SEGMENT_FORMAT_VERSION) else None,
        steady_noise=fields.flag("steady_noise"),
        upper_top_hz=_parse_top(fields, edges) if version == str(UPPER_FORMAT_VERSION) else None,
    )
    if info.segment is not None:
        _check_segment(fields, info, info.segment)
    return info, _parse_reference(fields, info)


def _parse_top(fields: _Fields, edges: object) -> float:
    assert isinstance(edges, list)
    top_hz = fields.number("upper_top_hz", 0.0, 1e6)
    if top_hz <= edges[-1]:
        raise fields.fault("upper_top_hz", f"must lie above the last edge ({edges[-1]:g} Hz)", f"{top_hz:g}")
    return top_hz


def _parse_segment(fields: _Fields) -> SegmentInfo:
    kind = fields.text("kind")
    if kind not in SEGMENT_KINDS:
        raise fields.fault("kind", f"must be one of {', '.join(SEGMENT_KINDS)}", kind)
    scale = fields.text("spectrum_scale")
    if scale != SPECTRUM_SCALE:
        raise fields.fault("spectrum_scale", f"must be {SPECTRUM_SCALE}", scale)
    num_frames = fields.integer("segment_frames", 1, 1 << 16)
    return SegmentInfo(
        kind=kind,
        num_frames=num_frames,
        hop_frames=fields.integer("segment_hop_frames", 1, num_frames),
        upper_from_hz=fields.number("upper_from_hz", 0.0, 1e6),
        sample_rate=fields.number("sample_rate", 1.0, 1e6),
    )


def _check_segment(fields: _Fields, info: ModelInfo, segment: SegmentInfo) -> None:
    """Refuse values that contradict each other."""
    if segment.num_frames * info.num_bins > _LARGEST_SEGMENT:
        raise fields.fault("segment_frames", "is too large", str(segment.num_frames))
    if segment.kind == "waveform" and segment.num_frames != 1:
        raise fields.fault("segment_frames", "must be 1 for waveforms", str(segment.num_frames))
    if info.lookahead_frames != segment.num_frames - 1:
        wanted = f"must be segment_frames - 1 ({segment.num_frames - 1})"
        raise fields.fault("lookahead_frames", wanted, str(info.lookahead_frames))
    if info.state_names:
        raise fields.fault("state_names", "must be empty for segments", str(list(info.state_names)))
    if segment.upper_from_hz >= info.bandwidth_hz:
        wanted = f"must lie below the model's bandwidth ({info.bandwidth_hz:g} Hz)"
        raise fields.fault("upper_from_hz", wanted, str(segment.upper_from_hz))


def _parse_reference(fields: _Fields, info: ModelInfo) -> Reference:
    value = fields.json("reference", "must hold seed, frames, tolerance and mask", _is_reference)
    assert isinstance(value, dict)
    shape: tuple[int, ...] = (1, value["frames"], info.num_bins, 2)
    stride = 1
    if info.segment is not None:
        stride = value.get("stride", 1)
        if not isinstance(stride, int) or stride < 1:
            raise fields.fault("reference", "must hold a stride of at least 1", str(stride))
        shape = (-(-math.prod(size or 1 for size in info.input_shape) // stride),)
    mask = _decoded(fields, value, "mask", shape)
    upper_gain = None
    if info.upper_top_hz is not None:
        shape = (1, value["frames"], len(info.upper_band_edges_hz))
        upper_gain = _decoded(fields, value, "upper_gain", shape)
    return Reference(value["seed"], value["frames"], float(value["tolerance"]), mask, stride, upper_gain)


def _decoded(
    fields: _Fields, reference: dict[str, object], key: str, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """An array of the reference, which holds its bytes in base64."""
    what = key.replace("_", " ")
    text = reference.get(key)
    try:
        raw = base64.b64decode(text if isinstance(text, str) else "", validate=True)
    except binascii.Error:
        raise fields.fault("reference", f"must hold a base64 {what}", str(text)) from None
    if len(raw) != 4 * math.prod(shape):
        raise fields.fault("reference", f"must hold a {what} of shape {shape}", f"{len(raw)} bytes")
    return np.frombuffer(raw, dtype="<f4").astype(np.float32).reshape(shape)
