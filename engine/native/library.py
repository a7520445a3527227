"""The library of the native engine: finding, loading, and the way of the sound through it.

The C interface is in native/core/hushgate.h.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.errors import EngineError, ModelError
from hushgate.engine.meters import Readings
from hushgate.engine.model_files.model import Model
from hushgate.engine.native.package import packaged_file
from hushgate.engine.parameters import PARAMETERS, ParameterValues, Value
from hushgate.engine.signal.fork_safe_lock import give_lock

INTERFACE = 3
# Path of a library to use instead of the installed one, or "none" for no native engine.
VARIABLE = "HUSHGATE_NATIVE_LIBRARY"

_Pointer = ctypes.c_void_p


class _Meters(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_double) for name in ("energy_before", "energy_target", "energy_after")),
        *((name, ctypes.c_double) for name in ("presence", "input_peak", "output_peak")),
        *((name, ctypes.c_int64) for name in ("num_nonfinite", "num_faulty_frames")),
    )


def library_path() -> Path:
    """Return where the library is.

    Raises:
        EngineError: It is not installed, or was switched off.
    """
    named = os.environ.get(VARIABLE)
    if named == "none":
        raise EngineError(f"the native engine is switched off by {VARIABLE}=none.")
    if named:
        return Path(named)
    packaged = packaged_file()
    if packaged is None:
        raise EngineError("the native engine is not installed. Install the distribution hushgate-native.")
    return packaged


class NativeLibrary:
    """A loaded library.

    Args:
        path: The shared library.

    Attributes:
        parameters: Number of each parameter that it has, by name.
        kernels: Names of the inner loops that this processor runs, fastest first.

    Raises:
        EngineError: It is missing, cannot be loaded, or has another interface.
    """

    def __init__(self, path: Path) -> None:
        try:
            library = ctypes.CDLL(os.fspath(path))
            interface = library.hushgate_interface()
        except (OSError, AttributeError) as error:
            raise EngineError(f"the native library {path} cannot be used: {error}") from None
        if interface != INTERFACE:
            raise EngineError(
                f"the native library {path} has interface {interface} (this version of hushgate needs "
                f"{INTERFACE}). Install hushgate and hushgate-native of the same version."
            )
        self.path = path
        self._declare(library)
        self.functions = library
        self.parameters: dict[str, int] = {}
        while name := library.hushgate_parameter_name(len(self.parameters)):
            self.parameters[name.decode()] = len(self.parameters)
        self.kernels: list[str] = []
        while name := library.hushgate_kernels(len(self.kernels)):
            self.kernels.append(name.decode())

    def default(self, name: str) -> float:
        """The library's default of a parameter, as the library counts."""
        value: float = self.functions.hushgate_parameter_default(self.parameters[name])
        return value

    def read_model(self, content: bytes) -> _Handle:
        """Read a weights file.

        Raises:
            ModelError: The file is damaged; says how.
        """
        message = ctypes.create_string_buffer(256)
        handle = self.functions.hushgate_model_read(content, len(content), message, len(message))
        if not handle:
            raise ModelError(f"the weights file cannot be used: {message.value.decode()}.")
        return _Handle(handle, self.functions.hushgate_model_free)

    def run_network(
        self,
        model: _Handle,
        spectrum: NDArray[np.float32],
        levels: NDArray[np.float32],
        kernels: str | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Masks and gains above of frames, as `compile_model.RunNetwork`, from the beginning of a stream.

        Raises:
            EngineError: There are no such kernels here, or memory ran out.
        """
        spectrum, levels = np.ascontiguousarray(spectrum), np.ascontiguousarray(levels)
        mask = np.empty_like(spectrum)
        upper_gain = np.empty(levels.shape[:2], dtype=np.float32)
        failed = self.functions.hushgate_model_run(
            model.value,
            None if kernels is None else kernels.encode(),
            spectrum.ctypes.data,
            levels.ctypes.data,
            len(spectrum),
            mask.ctypes.data,
            upper_gain.ctypes.data,
        )
        if failed:
            raise EngineError(f"the native library could not run a network (kernels {kernels}).")
        return mask, upper_gain

    @staticmethod
    def _declare(library: ctypes.CDLL) -> None:
        size, text = ctypes.c_size_t, ctypes.c_char_p
        number, whole = ctypes.c_double, ctypes.c_int
        for name, result, arguments in (
            ("parameter_name", text, [whole]),
            ("parameter_default", number, [whole]),
            ("kernels", text, [whole]),
            ("model_read", _Pointer, [text, size, text, size]),
            ("model_free", None, [_Pointer]),
            ("model_run", whole, [_Pointer, text, _Pointer, _Pointer, whole, _Pointer, _Pointer]),
            ("new", _Pointer, [_Pointer, text]),
            ("free", None, [_Pointer]),
            ("kernels_of", text, [_Pointer]),
            ("prepare", whole, [_Pointer, number, whole]),
            ("reset", None, [_Pointer]),
            ("latency", whole, [_Pointer]),
            ("set", None, [_Pointer, whole, number]),
            ("set_bypass", None, [_Pointer, whole]),
            ("begin", whole, [_Pointer, _Pointer, size, size, whole]),
            ("process_rows", None, [_Pointer, _Pointer, size, _Pointer, size, size]),
            ("hum_frequency", number, [_Pointer]),
            ("read_meters", None, [_Pointer, ctypes.POINTER(_Meters)]),
        ):
            function = getattr(library, f"hushgate_{name}")
            function.restype, function.argtypes = result, arguments


class _Handle:
    """A pointer that the library gave, freed with this object."""

    def __init__(self, value: int, free: ctypes._NamedFuncPointer) -> None:
        self.value = value
        weakref.finalize(self, free, value)


class NativePath:
    """The sound path (`SoundPath`) in the native library.

    Args:
        library: The library.
        model: A model that it has read.
        kernels: Inner loops to use; None for the fastest.

    Raises:
        EngineError: There are no such kernels here, or memory ran out.
    """

    name = "native"
    removes_hum = True

    def __init__(self, library: NativeLibrary, model: _Handle, kernels: str | None = None) -> None:
        self._library, functions = library, library.functions
        value = functions.hushgate_new(model.value, None if kernels is None else kernels.encode())
        if not value:
            raise EngineError(f"the native library could not make a denoiser (kernels {kernels}).")
        self._handle = _Handle(value, functions.hushgate_free)
        self._process = functions.hushgate_process_rows

    @property
    def kernels(self) -> str:
        """Name of the inner loops that run."""
        name: bytes = self._library.functions.hushgate_kernels_of(self._handle.value)
        return name.decode()

    def prepare(self, sample_rate: float, max_block_size: int, num_channels: int) -> None:
        if self._library.functions.hushgate_prepare(self._handle.value, sample_rate, num_channels):
            raise MemoryError(f"not enough memory for {num_channels} channels at {sample_rate:g} Hz.")

    def reset(self) -> None:
        self._library.functions.hushgate_reset(self._handle.value)

    def configure(self, settings: ParameterValues) -> None:
        for name, number in self._library.parameters.items():
            value = _as_number(name, settings._get_parameter(name))
            self._library.functions.hushgate_set(self._handle.value, number, value)

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        row_bytes, sample_bytes = block.strides
        if sample_bytes != 4 or row_bytes < 0 or row_bytes % 4:
            block = np.ascontiguousarray(block)
            row_bytes = block.strides[0]
        out = np.empty(block.shape, dtype=np.float32)
        num_samples = block.shape[1]
        self._process(
            self._handle.value, block.ctypes.data, row_bytes // 4, out.ctypes.data, num_samples, num_samples
        )
        return out

    def begin(self, beginning: NDArray[np.float32], *, is_heard: bool) -> None:
        beginning = np.ascontiguousarray(beginning)
        size, rows = beginning.shape[1], beginning.ctypes.data
        if self._library.functions.hushgate_begin(self._handle.value, rows, size, size, is_heard):
            raise MemoryError(f"not enough memory to learn from {size} samples.")

    def readings(self) -> Readings:
        meters = _Meters()
        self._library.functions.hushgate_read_meters(self._handle.value, ctypes.byref(meters))
        return Readings(
            meters.energy_before,
            meters.energy_target,
            meters.energy_after,
            meters.presence if meters.presence >= 0.0 else None,
            meters.input_peak,
            meters.output_peak,
            meters.num_nonfinite,
            meters.num_faulty_frames,
        )

    def lacks(self, name: str, value: Value) -> bool:
        return name not in self._library.parameters and value != PARAMETERS[name].default


def _as_number(name: str, value: Value) -> float:
    """A parameter's value as the library counts: choices from 0, no limit as infinity."""
    choices = PARAMETERS[name].choices
    if choices is not None:
        assert isinstance(value, str)
        return float(choices.index(value))
    return float("inf") if value is None else float(value)


def native_path(model: Model) -> NativePath:
    """A new sound path for a model in the installed library.

    A model's weights are made from its file, and the library is compared with onnxruntime, when the model is
    first used.

    Raises:
        EngineError: The library is not installed or cannot be used.
        ModelError: The model is no hush network, or the library computes something else than onnxruntime.
    """
    library = _load(library_path())
    return NativePath(library, _read(library, model))


@functools.cache
def _load(path: Path) -> NativeLibrary:
    return NativeLibrary(path)


class _Cache:
    """What a library made of each model: its handle, or the reason why it cannot run it."""

    _lock: threading.RLock

    def __init__(self) -> None:
        self.models: weakref.WeakKeyDictionary[Model, dict[Path, _Handle | str]]
        self.models = weakref.WeakKeyDictionary()
        give_lock(self)


_cache = _Cache()


def _read(library: NativeLibrary, model: Model) -> _Handle:
    with _cache._lock:
        by_library = _cache.models.setdefault(model, {})
        found = by_library.get(library.path)
        if found is None:
            try:
                found = _read_and_compare(library, model)
            except ModelError as error:
                found = str(error)
            by_library[library.path] = found
    if isinstance(found, str):
        raise ModelError(found)
    return found


def _read_and_compare(library: NativeLibrary, model: Model) -> _Handle:
    # Not loaded by every start of a command: most machines have no native engine.
    from hushgate.engine.native.compile_model import compare, read_network
    from hushgate.engine.native.weights_file import write_weights_file

    config, weights = read_network(model)
    handle = library.read_model(write_weights_file(model.info.name, config, weights))
    compare(model, lambda spectrum, levels: library.run_network(handle, spectrum, levels))
    return handle
