"""Model files: loading, checking and running. One file is one ONNX session, shared by all threads."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.errors import ModelError, did_you_mean
from hushgate.engine.model_files.devices import Device, check_device, check_running, providers_for
from hushgate.engine.model_files.graph_checks import check_mask_graph, check_segment_graph, input_name
from hushgate.engine.model_files.metadata import UPPER_INPUT, parse_metadata
from hushgate.engine.model_files.runtime import import_onnxruntime
from hushgate.engine.model_files.untrusted import (
    MAX_FIRST_RUN_S,
    check_structure,
    limit_memory,
    read_limited,
    run_within,
)
from hushgate.engine.signal.fork_safe_lock import give_lock
from hushgate.engine.signal.framing import frame_size_for

if TYPE_CHECKING:
    import onnxruntime

_logger = logging.getLogger(__name__)

State = tuple[NDArray[np.float32], ...]

_MODELS_FOLDER = Path(__file__).parents[1] / "models"
_CACHE_SIZE = 16


class Model:
    """A model file, ready to run.

    Made by `load_model`, which shares one object per file. Holds no sound: the state goes in and
    comes out of every call, so any number of threads and streams may use one object at once.

    Args:
        path: The ONNX file.
        trusted: True lifts the limits on operators, sizes, memory and time that hold for every
            file that did not ship with hushgate (see `hushgate.engine.model_files.untrusted`).
        device: "cpu", or "cuda" for a graphics card. Sound on the two differs by rounding.

    Attributes:
        info: The metadata of the file.
        path: Where it was read from.
        trusted: True when it was loaded without those limits.
        device: Where it runs.

    Raises:
        FileNotFoundError: No such file.
        ModelError: Not an ONNX file, one that breaks the contract, or one over a limit; says which part.
        EngineError: It cannot run on the device.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, trusted: bool = False, device: Device = "cpu"
    ) -> None:
        self.path = Path(path)
        self.trusted = trusted
        self.device = check_device(device)
        file = self.path.name
        is_limited = not trusted and self.path.parent != _MODELS_FOLDER
        content = read_limited(self.path, not is_limited)  # its OSErrors name the path
        if is_limited:
            check_structure(file, content)
            limit_memory()
            self._session = run_within(
                file, MAX_FIRST_RUN_S, lambda _: _open_session(file, content, device, is_limited=True)
            )
        else:
            self._session = _open_session(file, content, device)
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
        self._num_bands = len(self.info.upper_band_edges_hz)
        self._input_name = input_name(self.info)
        self._output_names = ["mask", "upper_gain"]
        if self.info.has_presence:
            self._output_names.append("presence")
        self._output_names += [f"{name}_next" for name in self.info.state_names]
        self._num_results = len(self._output_names) - len(self.info.state_names)
        self._last_shapes: tuple[tuple[int, int], list[tuple[int, ...]]] = (0, 0), []
        if is_limited:
            run_within(file, MAX_FIRST_RUN_S, self._check_run)
        else:
            self._check_run()

    def __repr__(self) -> str:
        return f"<hushgate.engine.Model {self.info.name!r} from {self.path}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reload, (self.path, self.trusted, self.device)

    def frame_size(self, sample_rate: float) -> int:
        """Samples in a frame at `sample_rate` Hz; the hop is this divided by `info.overlap`."""
        return frame_size_for(sample_rate, self.info.frame_ms, self.info.overlap)

    def latency_samples(self, sample_rate: float) -> int:
        """Delay from input to output at `sample_rate` Hz, samples: a frame, and the hops of the lookahead."""
        frame_size = self.frame_size(sample_rate)
        return frame_size + self.info.lookahead_frames * (frame_size // self.info.overlap)

    def initial_state(self, batch: int = 1) -> State:
        """The state before the first frame: zeros, each float32 (batch, ...)."""
        return tuple(np.zeros((batch, *shape), dtype=np.float32) for shape in self._state_shapes)

    def run(
        self,
        spectrum: NDArray[np.float32],
        state: Sequence[NDArray[np.float32]],
        levels: NDArray[np.float32] | None = None,
        options: onnxruntime.RunOptions | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None, State]:
        """Compute masks for the next frames.

        Args:
            spectrum: float32 (batch, frames, num_bins, 2), real and imaginary parts.
            state: The state from the last call, or `initial_state(batch)`. Not written to.
            levels: float32 (batch, frames, bands, 2), the result of `UpperLevels.levels`, for a model that
                takes it (`info.upper_top_hz` is not None); None when no band above the bins is known.
            options: onnxruntime's, to end the run early.

        Returns:
            mask (batch, frames, num_bins, 2), complex ratio mask; upper_gain (batch, frames, bands);
            presence (batch, frames, 1) or None; the new state. Those for frame t belong to
            input frame t - lookahead_frames.

        Raises:
            ModelError: The model refused the shapes or failed, returned other shapes, or takes segments.
        """
        if self.info.segment is not None:
            raise ModelError(f"{self.path.name} takes whole segments. Use run_segments.")
        feeds = dict(zip(self.info.state_names, state, strict=True))
        feeds["spectrum"] = spectrum
        if self.info.upper_top_hz is not None:
            if levels is None:
                levels = np.zeros((*spectrum.shape[:2], self._num_bands, 2), dtype=np.float32)
            feeds[UPPER_INPUT] = levels
        try:
            results = self._session.run(self._output_names, feeds, options)
        except Exception as error:  # onnxruntime raises its own types for every kind of fault
            raise ModelError(f"{self.path.name} failed to run: {_first_line(error)}") from error
        presence = results[2] if self.info.has_presence else None
        # Shapes are compared at once, as this runs for every block; names are looked for when they differ.
        shapes = self._result_shapes(*spectrum.shape[:2])
        if [array.shape for array in results] != shapes:
            for name, array, shape in zip(self._output_names, results, shapes, strict=True):
                self._check_shape(name, array, shape)
        return results[0], results[1], presence, tuple(results[self._num_results :])

    def _result_shapes(self, batch: int, frames: int) -> list[tuple[int, ...]]:
        """Shapes of the results of `run`; those of the last call at hand, as streams repeat theirs."""
        key, shapes = self._last_shapes
        if key != (batch, frames):
            shapes = [(batch, frames, self.info.num_bins, 2), (batch, frames, self._num_bands)]
            if self.info.has_presence:
                shapes.append((batch, frames, 1))
            shapes += [(batch, *shape) for shape in self._state_shapes]
            # One assignment: other threads see a pair that belongs together.
            self._last_shapes = (batch, frames), shapes
        return shapes

    def run_segments(
        self, segments: NDArray[np.float32], options: onnxruntime.RunOptions | None = None
    ) -> NDArray[np.float32]:
        """Compute a segment model's estimates (`info.segment` is not None) for segments of the same shape.

        Args:
            segments: float32 (batch, *info.input_shape): spectra, real and imaginary parts, or waveforms.
            options: onnxruntime's, to end the run early.

        Raises:
            ModelError: The model refused the shape, failed, or returned another shape.
        """
        feeds = {self._input_name: segments}
        try:
            estimate: NDArray[np.float32] = self._session.run(["estimate"], feeds, options)[0]
        except Exception as error:  # onnxruntime raises its own types for every kind of fault
            raise ModelError(f"{self.path.name} failed to run: {_first_line(error)}") from error
        self._check_shape("estimate", estimate, segments.shape)
        return estimate

    def verify(self) -> float:
        """Compare the model with the reference output in its own file.

        Returns:
            The largest difference between the masks (and the gains above them, if it takes levels for
            those), or between the values of a segment.

        Raises:
            ModelError: It exceeds the file's tolerance: the file or the runtime is damaged.
        """
        if self.info.segment is not None:
            segment = self._reference.noise(tuple(size or 1 for size in self.info.input_shape))
            pairs = [
                (self.run_segments(segment).reshape(-1)[:: self._reference.stride], self._reference.mask)
            ]
        else:
            spectrum = self._reference.spectrum(self.info.num_bins)
            levels = self._reference.levels(self._num_bands)
            mask, upper_gain, *_ = self.run(spectrum, self.initial_state(1), levels)
            pairs = [(mask, self._reference.mask)]
            if self._reference.upper_gain is not None:
                pairs.append((upper_gain, self._reference.upper_gain))
        # Not the built-in maximum, which may pass over NaN.
        difference = float(np.max([np.max(np.abs(found - wanted)) for found, wanted in pairs]))
        if not difference <= self._reference.tolerance:
            raise ModelError(
                f"{self.path.name} does not reproduce its reference mask: difference {difference:.3g}, "
                f"tolerance {self._reference.tolerance:.3g}. Export or download it again."
            )
        return difference

    def _check_run(self, options: onnxruntime.RunOptions | None = None) -> None:
        """Run two channels of 3 and of 32 frames, to check the shapes that the graph leaves open."""
        if self.info.segment is not None:
            shape = (2, *(size or 1 for size in self.info.input_shape))
            self.run_segments(np.zeros(shape, dtype=np.float32), options)
            return
        for num_frames in (3, 32):
            spectrum = np.zeros((2, num_frames, self.info.num_bins, 2), dtype=np.float32)
            self.run(spectrum, self.initial_state(2), options=options)

    def _check_shape(self, output: str, array: NDArray[np.float32], wanted: tuple[int, ...]) -> None:
        if array.shape != wanted:
            raise ModelError(
                f"{self.path.name}: output {output} must have shape {wanted} (got {array.shape})."
            )


def available_models() -> tuple[str, ...]:
    """Names of the models that ship with hushgate, sorted."""
    return tuple(sorted(path.stem for path in _MODELS_FOLDER.glob("*.onnx")))


_trusts_all: ContextVar[bool] = ContextVar("hushgate_trusts_all", default=False)


@contextmanager
def trusting_models() -> Iterator[None]:
    """Load every model file without limits inside a `with` block, as with `load_model(..., trusted=True)`."""
    token = _trusts_all.set(True)
    try:
        yield
    finally:
        _trusts_all.reset(token)


class _Cache:
    """Loaded models by path, with the version of their file; the least recently used go first."""

    _lock: threading.RLock

    def __init__(self) -> None:
        self.models: OrderedDict[tuple[Path, Device], tuple[tuple[int, int], Model]] = OrderedDict()
        give_lock(self)


_cache = _Cache()


def load_model(
    name_or_path: str | os.PathLike[str] | Model, *, trusted: bool = False, device: Device = "cpu"
) -> Model:
    """Load a model by shipped name or path; the same object each time while the file is unchanged.

    Args:
        name_or_path: One of `available_models()`, or the path of an ONNX file. A `Model` is
            returned as it is.
        trusted: Lift the limits on files that did not ship with hushgate (see `Model`). A file that
            was loaded so stays loaded for later calls.
        device: "cpu" or "cuda", as in `Model`. A `Model` keeps its own.

    Raises:
        FileNotFoundError: The path does not exist.
        ModelError: Not a shipped name, or the file breaks the contract or exceeds a limit.
        EngineError: It cannot run on the device.
    """
    if isinstance(name_or_path, Model):
        return name_or_path
    trusted = trusted or _trusts_all.get()
    path = _resolve(name_or_path)
    key = path, check_device(device)
    status = path.stat()
    version = (status.st_mtime_ns, status.st_size)
    with _cache._lock:  # held while loading, so that threads that start together load once
        cached = _cache.models.get(key)
        if cached is not None and cached[0] == version and (cached[1].trusted or not trusted):
            _cache.models.move_to_end(key)
            return cached[1]
        started = time.perf_counter()
        model = Model(path, trusted=trusted, device=device)
        _logger.info(
            "model %s loaded from %s in %.0f ms (%s)",
            model.info.name,
            path,
            1000.0 * (time.perf_counter() - started),
            _reason_to_load(cached, version),
        )
        _cache.models[key] = (version, model)
        while len(_cache.models) > _CACHE_SIZE:
            (dropped, _), _ = _cache.models.popitem(last=False)
            _logger.debug("model cache is full (%d): dropped %s", _CACHE_SIZE, dropped)
        return model


def _reason_to_load(cached: tuple[tuple[int, int], Model] | None, version: tuple[int, int]) -> str:
    if cached is None:
        return "not in the cache"
    return "the file has changed" if cached[0] != version else "now trusted"


def _reload(path: Path, trusted: bool, device: Device = "cpu") -> Model:
    return load_model(path, trusted=trusted, device=device)


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
        f"model must be a shipped name or the path of a file (got {name!r})."
        f"{did_you_mean(name, available_models())} Shipped: {shipped}."
    )


def _open_session(
    file: str, content: bytes, device: Device, *, is_limited: bool = False
) -> onnxruntime.InferenceSession:
    onnxruntime = import_onnxruntime()  # takes a tenth of a second, so only when a model is loaded

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # faults are raised; the library need not print them as well
    if is_limited:
        options.add_session_config_entry("session.use_env_allocators", "1")
    providers = providers_for(device)
    try:
        session = onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # onnxruntime raises its own types for every kind of fault
        raise ModelError(f"{file} is not a usable ONNX file: {_first_line(error)}") from error
    check_running(device, session)
    return session


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
