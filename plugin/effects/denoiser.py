"""The denoiser as an effect with pedalboard's call conventions."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from hushgate.effects.python_effect import PythonEffect
from hushgate.engine import PARAMETERS, BlockDenoiser, Model, ModelInfo
from hushgate.engine.block_denoiser import EngineName
from hushgate.engine.model_files.devices import Device
from hushgate.engine.parameters import ChannelLink, Output, ParameterProperties, Value
from hushgate.engine.signal.input_checks import check_stream_format
from hushgate.errors import PresetError
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BUFFER_SIZE, checked_buffer_size, checked_flag
from hushgate.pedalboard_compat.channel_layout import LayoutMemory
from hushgate.pedalboard_compat.effect_protocol import Container, Effect

if TYPE_CHECKING:
    from hushgate.effects.preset_file import Preset

T = TypeVar("T")


class _Reading(Generic[T]):
    """A read-only property of the engine's denoiser under the same name."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self.__doc__ = getattr(BlockDenoiser, name).__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Denoiser, owner: type) -> T: ...
    def __get__(self, instance: Denoiser | None, owner: type) -> T | Self:
        if instance is None:
            return self
        value: T = getattr(instance._engine, self._name)
        return value

    def __set__(self, instance: Denoiser, value: T) -> None:
        raise AttributeError(f"{self._name} of Denoiser is a reading and cannot be set.")


class Denoiser(PythonEffect, ParameterProperties):
    """Remove noise from sound, wherever a pedalboard plugin would be called.

    Args:
        model: A shipped name (see `hushgate.available_models`), the path of a model file, or
            a loaded model.
        mix: Share of the processed sound, 0.0 to 1.0; the dry part is aligned with it.
        attenuation_limit_db: Most that may be removed, dB, 0.0 to 120.0; None for no limit.
        hum_reduction_db: How far mains hum that has sounded for 8 s is turned down, dB, 0.0 to 60.0;
            0.0 leaves it.
        gate_threshold_db: Level of the wanted sound that opens the gate, dBFS, -100.0 to 0.0;
            -inf switches the gate off.
        gate_floor_db: Gain of the closed gate, dB, -120.0 to 0.0.
        gate_hysteresis_db: Drop below the threshold at which the gate closes, dB, 0.0 to 40.0.
        attack_ms, hold_ms, release_ms: Times of the gate, ms: attack 0.0 to 1000.0, the others
            0.0 to 5000.0.
        presence_db: Level of the wanted sound above the noise that opens the gate, dB, -60.0 to
            60.0; -60.0 switches this condition off.
        output: "denoised", or "residual" for the removed sound.
        channel_link: "linked" for one mask over all channels, "independent" for one each.
        engine: "onnx" for onnxruntime, which runs every model; "native" for the library of the distribution
            hushgate-native, several times as fast; "auto" for native where it is installed and runs the
            model, else onnx. `running_engine` says which one runs.
        device: "cpu", or "cuda" for a graphics card, which onnxruntime's build for CUDA needs. Small models,
            such as those that ship, are faster on the processor; see docs/benchmarks.md.

    Every parameter is also a property, which may be set from any thread while sound runs; a refused
    value leaves the old one in place. `process`, calls and `reset` of one object wait for each
    other. Objects in different threads share the model, never sound. Setting an attribute that does
    not exist raises AttributeError with the nearest name; a subclass declares attributes of its own by
    annotations.

    Shapes: 1-D, (channels, samples) or (samples, channels), float32 or float64; comes back in the
    same rank and layout as float32. Latency: `latency_samples`, taken out by `process` when
    `reset` is true. State: as the engine's denoiser, and the layout of the last block.

    Raises:
        FileNotFoundError, ModelError: The model cannot be loaded, or is not for engine="native".
        EngineError: engine="native" or device="cuda", and it is not installed or cannot be used.
        TypeError, ValueError: A parameter is out of range; the message says what it may be.

    >>> from hushgate import Denoiser
    >>> denoiser = Denoiser("voice", attenuation_limit_db=24.0)  # doctest: +SKIP
    >>> denoiser(np.zeros((2, 48_000), np.float32), 48_000).shape  # doctest: +SKIP
    (2, 48000)
    """

    gain_reduction_db = _Reading[float]()
    presence = _Reading[float]()
    input_peak_db = _Reading[float]()
    output_peak_db = _Reading[float]()
    num_nonfinite = _Reading[int]()
    num_faulty_frames = _Reading[int]()
    running_engine = _Reading[str]()

    def __init__(
        self,
        model: str | os.PathLike[str] | Model = "voice",
        *,
        mix: float = 1.0,
        attenuation_limit_db: float | None = None,
        hum_reduction_db: float = 0.0,
        gate_threshold_db: float = -math.inf,
        gate_floor_db: float = -80.0,
        gate_hysteresis_db: float = 6.0,
        attack_ms: float = 1.0,
        hold_ms: float = 100.0,
        release_ms: float = 100.0,
        presence_db: float = 0.0,
        output: Output = "denoised",
        channel_link: ChannelLink = "linked",
        engine: EngineName = "auto",
        device: Device = "cpu",
    ) -> None:
        parameters = {name: value for name, value in locals().items() if name in PARAMETERS}
        super().__init__()
        self._engine = BlockDenoiser(model, engine=engine, device=device, **parameters)
        self._model = str(model.path) if isinstance(model, Model) else os.fspath(model)
        self._layout = LayoutMemory()
        self._format: tuple[float, int] | None = None
        self._num_provided = 0

    def __repr__(self) -> str:
        settings = " ".join(f"{name}={value}" for name, value in self.to_dict().items())
        return f"<hushgate.Denoiser {settings} at {hex(id(self))}>"

    def _repr_html_(self) -> str:
        from hushgate.effects.notebook_view import effect_html

        return effect_html(self)

    # -- sound ----------------------------------------------------------------------------------

    def process(
        self,
        input_array: NDArray[np.float32] | NDArray[np.float64],
        sample_rate: float,
        buffer_size: int = DEFAULT_BUFFER_SIZE,
        reset: bool = True,
    ) -> NDArray[np.float32]:
        """Denoise a whole recording, or with `reset=False` the next block of a stream.

        With `reset=True` the sound before is forgotten, and the output is as long as the input and
        aligned with it. With `reset=False` only those samples come back that are ready: none until
        `latency_samples` have gone in, from then on as many as come in. Start a stream with
        `reset()`; drain it with `latency_samples` zeros.

        Args:
            input_array: float32 or float64, 1-D or 2-D; the smaller dimension is channels. Not
                written to.
            sample_rate: Hz, 1,000 to 1,000,000. Another rate than before starts afresh.
            buffer_size: Most samples processed at once, 1 or more. Does not change the sound.
            reset: True for a recording of its own, False for the next block of a stream.

        Returns:
            A new float32 array in the layout and rank of `input_array`.

        Raises:
            TypeError: Not an array of float32 or float64.
            ChannelLayoutError: More than two dimensions, or square with no block before it.
            ValueError: `sample_rate` or `buffer_size` out of range.
        """
        check_stream_format(sample_rate, 1, 1)
        buffer_size = checked_buffer_size(buffer_size)
        reset = checked_flag(reset)
        with self._lock:
            block = self._layout.to_planar(input_array)
            num_channels, num_samples = block.shape
            if num_channels == 0:
                return self._layout.restore(np.empty(block.shape, np.float32))
            self._prepare(sample_rate, buffer_size, num_channels)
            if reset:
                self._reset_sound()
            latency = self._engine.latency_samples
            num_zeros = latency if reset and num_samples else 0
            self._num_provided += num_samples + num_zeros
            num_ready = min(num_samples, max(0, self._num_provided - latency))
            return self._layout.restore(self._run(block, num_zeros, num_ready, buffer_size))

    __call__ = process

    def learn(self) -> None:
        """Learn noise and hum from the blocks that come, until `reset`: the next recording's beginning.

        Until then sound passes unchanged, `latency_samples` late. Give it the first 8 s (up to 30 s are
        used where there is hum) with `reset=False` and then the recording itself: its noise and its hum
        are known from the first sample on. `hushgate.render` and the commands do this for files. Models of
        guitars and basses learn the hum alone, so that the first note stays.

        >>> denoiser = Denoiser("music", hum_reduction_db=40.0)  # doctest: +SKIP
        >>> denoiser.learn()  # doctest: +SKIP
        >>> denoiser(sound[:, : 8 * 44_100], 44_100, reset=False)  # doctest: +SKIP
        >>> cleaned = denoiser(sound, 44_100)  # doctest: +SKIP
        """
        with self._lock:
            self._engine.learn()
            self._num_provided = 0
            self._layout.forget()

    def reset(self) -> None:
        """Forget all sound and the last layout, keep all settings.

        What `learn` was given stays for one recording.
        """
        with self._lock:
            self._reset_sound()
            self._layout.forget()

    def _prepare(self, sample_rate: float, buffer_size: int, num_channels: int) -> None:
        new = (sample_rate, num_channels)
        if new == self._format:
            return
        self._engine.prepare(sample_rate, buffer_size, num_channels)
        self._num_provided = 0
        self._format = new

    def _reset_sound(self) -> None:
        self._engine.reset()
        self._num_provided = 0

    def _run(
        self, block: NDArray[np.float32], num_zeros: int, num_ready: int, buffer_size: int
    ) -> NDArray[np.float32]:
        """Process a block and then zeros, `buffer_size` samples at a time; the last `num_ready` outputs."""
        num_channels, num_samples = block.shape
        output = np.empty((num_channels, num_ready), np.float32)
        position = num_ready - num_samples - num_zeros  # of the next sample within `output`
        for start in range(0, num_samples, buffer_size):
            position = self._step(block[:, start : start + buffer_size], output, position)
        for start in range(0, num_zeros, buffer_size):
            silence = np.zeros((num_channels, min(buffer_size, num_zeros - start)), np.float32)
            position = self._step(silence, output, position)
        return output

    def _step(self, part: NDArray[np.float32], output: NDArray[np.float32], position: int) -> int:
        processed = self._engine.process(part)
        end: int = position + part.shape[1]
        if end > 0:
            output[:, max(position, 0) : end] = processed[:, max(-position, 0) :]
        return end

    # -- readings -------------------------------------------------------------------------------

    @property
    def model(self) -> str:
        """The model as it was given: a shipped name or a path. Make a new object for another model."""
        return self._model

    @property
    def engine(self) -> EngineName:
        """The engine as it was given; `running_engine` is the one that runs."""
        return self._engine.engine

    @property
    def device(self) -> Device:
        """Where the model runs, "cpu" or "cuda"."""
        return self._engine.model.device

    @property
    def model_info(self) -> ModelInfo:
        """The metadata of the model file: task, latency, bandwidth, licence and attribution."""
        return self._engine.model.info

    @property
    def latency_samples(self) -> int:
        """Delay at the sample rate of the last block, samples; 0 before the first one.

        A frame of the model has a fixed length in ms, so the figure depends on the sample rate;
        `latency_samples_at` gives it beforehand. `reset` does not change it.
        """
        return 0 if self._format is None else self._engine.latency_samples

    def latency_samples_at(self, sample_rate: float) -> int:
        """Delay at `sample_rate` Hz, samples. It does not depend on earlier calls."""
        check_stream_format(sample_rate, 1, 1)
        return self._engine.model.latency_samples(sample_rate)

    # -- settings -------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Model and all parameters as plain values. `from_dict` of it makes an equal object.

        An engine other than "auto" and a device other than "cpu" are among them.
        """
        settings = {"model": self._model, **{name: getattr(self, name) for name in PARAMETERS}}
        if self.engine != "auto":
            settings["engine"] = self.engine
        if self.device != "cpu":
            settings["device"] = self.device
        return settings

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """A new object with these settings; those left out take their defaults.

        Raises:
            ValueError: A key that is no setting, or a value out of range.
            TypeError: A value of the wrong type.
            FileNotFoundError, ModelError: The model cannot be loaded.
        """
        known_names = ["model", *PARAMETERS, "engine", "device"]
        unknown = [key for key in settings if key not in known_names]
        if unknown:
            known = ", ".join(known_names)
            raise ValueError(f"{unknown[0]!r} is no setting of Denoiser. Known: {known}.")
        return cls(**settings)

    @classmethod
    def from_preset(cls, preset: str | os.PathLike[str] | Preset) -> Self:
        """A new object with the settings of the one in a preset's chain; its other effects are left out.

        Args:
            preset: A shipped name (see `hushgate.available_presets`), a path, or a loaded preset.

        Raises:
            FileNotFoundError, PresetError: There is no such preset, it cannot be used, or it does not
                have exactly one `Denoiser`.
        """
        from hushgate.effects.preset_file import read_preset  # loads pedalboard

        read = read_preset(preset)
        found = [denoiser for effect in read.make_effects() for denoiser in find_denoisers(effect)]
        if len(found) != 1:
            raise PresetError(
                f"{read.path or read.name}: has {len(found)} Denoisers, not one. "
                "Use Chain.from_preset for all of its effects."
            )
        return found[0] if type(found[0]) is cls else cls.from_dict(found[0].to_dict())

    def _get_parameter(self, name: str) -> Value:
        return self._engine._get_parameter(name)

    def _set_parameter(self, name: str, value: object) -> None:
        self._engine._set_parameter(name, value)


def find_denoisers(effect: Effect | None) -> Iterator[Denoiser]:
    """Yield every `Denoiser` in an effect, at any depth."""
    return find_effects(effect, Denoiser)


def find_effects(effect: Effect | None, *kinds: type[T]) -> Iterator[T]:
    """Yield every effect of these classes in an effect, at any depth."""
    if isinstance(effect, kinds):
        yield effect
    elif isinstance(effect, Container):
        for member in effect._effects:
            yield from find_effects(member, *kinds)
