"""Model files: loading, checking and running. One file is one ONNX session, shared by all threads."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.errors import ModelError
from hushgate.engine.model_files.graph_checks import check_mask_graph, check_segment_graph, input_name
from hushgate.engine.model_files.metadata import parse_metadata
from hushgate.engine.signal.framing import frame_size_for

if TYPE_CHECKING:
    import onnxruntime

State = tuple[NDArray[np.float32], ...]

_MODELS_FOLDER = Path(__file__).parents[1] / "models"
_CACHE_SIZE = 16


class Model:
    """A model file, ready to run.

    Made by `load_model`, which shares one object per file. Holds no sound: the state goes in and
    comes out of every call, so any number of threads and streams may use one object at once.

    Args:
        path: The ONNX file.

    Attributes:
        info: What the file says about itself.
        path: Where it was read from.

    Raises:
        FileNotFoundError: No such file.
        ModelError: Not an ONNX file, or one that breaks the contract; says which part.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        file = self.path.name
        if self.path.is_dir():
            raise ModelError(f"{self.path} is a folder, not a model file.")
        content = self.path.read_bytes()  # FileNotFoundError and PermissionError name the path
        self._session = _open_session(file, content)
        inputs = {value.name: value for value in self._session.get_inputs()}
        outputs = {value.name: value for value in self._session.get_outputs()}
        self.info, self._reference = parse_metadata(
            file, self._session.get_modelmeta().custom_metadata_map, has_presence="presence" in outputs
        )
        if self.info.segment is not None:
            check_segment_graph(file, self.info, inputs, outputs)
        else:
            check_mask_graph(file, self.info, inputs, outputs)
        self._state_shapes = [tuple(inputs[name].shape[1:]) for name in self.info.state_names]
        self._input_name = input_name(self.info)
        self._output_names = ["mask", "upper_gain"]
        if self.info.has_presence:
            self._output_names.append("presence")
        self._output_names += [f"{name}_next" for name in self.info.state_names]
        self._num_results = len(self._output_names) - len(self.info.state_names)
        self._check_run()

    def __repr__(self) -> str:
        return f"<hushgate.engine.Model {self.info.name!r} from {self.path}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return load_model, (self.path,)

    def frame_size(self, sample_rate: float) -> int:
        """Samples in a frame at `sample_rate` Hz; the hop is this divided by `info.overlap`."""
        return frame_size_for(sample_rate, self.info.frame_ms, self.info.overlap)

    def latency_samples(self, sample_rate: float) -> int:
        """Delay from input to output at `sample_rate` Hz: a frame, and the hops the model waits for."""
        frame_size = self.frame_size(sample_rate)
        return frame_size + self.info.lookahead_frames * (frame_size // self.info.overlap)

    def initial_state(self, batch: int = 1) -> State:
        """Zeros for every state, each float32 (batch, ...): the memory of a model that heard nothing."""
        return tuple(np.zeros((batch, *shape), dtype=np.float32) for shape in self._state_shapes)

    def run(
        self, spectrum: NDArray[np.float32], state: Sequence[NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None, State]:
        """Compute masks for the next frames.

        Args:
            spectrum: float32 (batch, frames, num_bins, 2), real and imaginary parts.
            state: What the last call returned, or `initial_state(batch)`. Not written to.

        Returns:
            mask (batch, frames, num_bins, 2), complex ratio mask; upper_gain (batch, frames, bands);
            presence (batch, frames, 1) or None; the new state. Those for frame t belong to
            input frame t - lookahead_frames.

        Raises:
            ModelError: The model refused the shapes or failed, or takes segments.
        """
        if self.info.segment is not None:
            raise ModelError(f"{self.path.name} takes whole segments. Use run_segments.")
        feeds = dict(zip(self.info.state_names, state, strict=True))
        feeds["spectrum"] = spectrum
        try:
            results = self._session.run(self._output_names, feeds)
        except Exception as error:  # onnxruntime raises its own types for every kind of fault
            raise ModelError(f"{self.path.name} failed to run: {_first_line(error)}") from error
        presence = results[2] if self.info.has_presence else None
        return results[0], results[1], presence, tuple(results[self._num_results :])

    def run_segments(self, segments: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute a segment model's answers (`info.segment` is not None) to segments of the same shape.

        Args:
            segments: float32 (batch, *info.input_shape): spectra, real and imaginary parts, or waveforms.

        Raises:
            ModelError: The model refused the shape or failed.
        """
        try:
            answer: NDArray[np.float32] = self._session.run(["estimate"], {self._input_name: segments})[0]
        except Exception as error:  # onnxruntime raises its own types for every kind of fault
            raise ModelError(f"{self.path.name} failed to run: {_first_line(error)}") from error
        return answer

    def verify(self) -> float:
        """Compare the model with the reference answer in its own file.

        Returns:
            The largest difference between the masks, or between the values of a segment.

        Raises:
            ModelError: It exceeds the file's tolerance: the file or the runtime is damaged.
        """
        if self.info.segment is not None:
            segment = self._reference.noise(tuple(size or 1 for size in self.info.input_shape))
            mask = self.run_segments(segment).reshape(-1)[:: self._reference.stride]
        else:
            spectrum = self._reference.spectrum(self.info.num_bins)
            mask = self.run(spectrum, self.initial_state(1))[0]
        difference = float(np.max(np.abs(mask - self._reference.mask)))
        if not difference <= self._reference.tolerance:
            raise ModelError(
                f"{self.path.name} does not reproduce its reference mask: difference {difference:.3g}, "
                f"tolerance {self._reference.tolerance:.3g}. Export or download it again."
            )
        return difference

    def _check_run(self) -> None:
        """Run two channels of three frames once: shapes that the graph leaves open must come out right."""
        info, file = self.info, self.path.name
        if info.segment is not None:
            shape = (2, *(size or 1 for size in info.input_shape))
            answer = self.run_segments(np.zeros(shape, dtype=np.float32))
            if answer.shape != shape:
                raise ModelError(f"{file}: output estimate must have shape {shape} (got {answer.shape}).")
            return
        spectrum = np.zeros((2, 3, info.num_bins, 2), dtype=np.float32)
        mask, upper_gain, presence, state = self.run(spectrum, self.initial_state(2))
        found = {"mask": mask.shape, "upper_gain": upper_gain.shape}
        wanted: dict[str, tuple[int, ...]] = {
            "mask": spectrum.shape,
            "upper_gain": (2, 3, len(info.upper_band_edges_hz)),
        }
        if presence is not None:
            found["presence"] = presence.shape
            wanted["presence"] = (2, 3, 1)
        for name, array, shape in zip(info.state_names, state, self._state_shapes, strict=True):
            found[f"{name}_next"] = array.shape
            wanted[f"{name}_next"] = (2, *shape)
        for name, shape in wanted.items():
            if found[name] != shape:
                raise ModelError(
                    f"{file}: output {name} must have shape {shape} for two channels of three frames "
                    f"(got {found[name]})."
                )


def available_models() -> tuple[str, ...]:
    """Names of the models that ship with hushgate, sorted."""
    return tuple(sorted(path.stem for path in _MODELS_FOLDER.glob("*.onnx")))


_cache: OrderedDict[Path, tuple[tuple[int, int], Model]] = OrderedDict()
_cache_lock = threading.Lock()


def load_model(name_or_path: str | os.PathLike[str] | Model) -> Model:
    """A model by shipped name or file path; the same object each time while the file is unchanged.

    Args:
        name_or_path: One of `available_models()`, or the path of an ONNX file. A `Model` is
            returned as it is.

    Raises:
        FileNotFoundError: The path does not exist.
        ModelError: Not a shipped name, or the file breaks the contract.
    """
    if isinstance(name_or_path, Model):
        return name_or_path
    path = _resolve(name_or_path)
    status = path.stat()
    version = (status.st_mtime_ns, status.st_size)
    with _cache_lock:  # held while loading, so that threads that start together load once
        cached = _cache.get(path)
        if cached is not None and cached[0] == version:
            _cache.move_to_end(path)
            return cached[1]
        model = Model(path)
        _cache[path] = (version, model)
        while len(_cache) > _CACHE_SIZE:
            _cache.popitem(last=False)
        return model


def _resolve(name_or_path: str | os.PathLike[str]) -> Path:
    name = os.fspath(name_or_path)
    if not isinstance(name, str):
        raise TypeError(f"model must be a name or a path (got {name_or_path!r}).")
    if name in available_models():
        return _MODELS_FOLDER / f"{name}.onnx"
    path = Path(name)
    if path.exists():
        return path.resolve()
    if isinstance(name_or_path, os.PathLike) or path.suffix or len(path.parts) > 1:
        raise FileNotFoundError(2, "No such model file", name)
    shipped = ", ".join(available_models()) or "none"
    raise ModelError(
        f"model must be a shipped name or the path of a file (got {name!r}). Shipped: {shipped}."
    )


def _open_session(file: str, content: bytes) -> onnxruntime.InferenceSession:
    import onnxruntime  # takes a tenth of a second: only who loads a model pays

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # faults are raised; the library need not print them as well
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own types for every kind of fault
        raise ModelError(f"{file} is not a usable ONNX file: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
