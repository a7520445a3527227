"""The denoiser for blocks: a model, a gate, and parameters that can be set while they run."""

from __future__ import annotations

import logging
import os
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.errors import EngineError, ModelError
from hushgate.engine.hum.hum_reducer import HumReducer
from hushgate.engine.meters import Meters, Readings
from hushgate.engine.model_files.devices import Device, check_device
from hushgate.engine.model_files.model import Model, load_model
from hushgate.engine.native.library import native_path
from hushgate.engine.onnx_path import OnnxPath
from hushgate.engine.parameters import PARAMETERS, ParameterProperties, ParameterValues, Value
from hushgate.engine.signal.beginning import Beginning
from hushgate.engine.signal.input_checks import (
    MAX_TESTED_RATE,
    MIN_TESTED_RATE,
    check_block,
    check_stream_format,
    replace_nonfinite,
)
from hushgate.engine.sound_path import SoundPath

_logger = logging.getLogger(__name__)

EngineName = Literal["auto", "onnx", "native"]


class BlockDenoiser(Meters, ParameterProperties):
    """Remove from a stream of blocks the sound that is not the model's target, at any sample rate.

    Args:
        model: A shipped name (see `available_models`), a path, or a loaded `Model`.
        engine: "onnx" for onnxruntime and numpy, which run every model; "native" for the library of the
            distribution hushgate-native, which runs hush networks several times as fast; "auto" for native
            where it is installed and runs the model, else onnx. Their outputs differ by less than 1e-5.
        device: "cpu", or "cuda" for a graphics card, on which onnx runs.
        **parameters: Any of `PARAMETERS`; the same names are properties, which may be set from any
            thread while sound runs. `mix`, `attenuation_limit_db`, `hum_reduction_db` and `output`
            move in ramps of 20 ms. Gate and channel link act from the next frame on and cross-fade over a
            hop.

    With w = mix * (1 - 10 ** (-attenuation_limit_db / 20)) the denoised output is
    (1 - w) * dry + w * wet: a limit bounds the attenuation of every component. The residual
    is the aligned input minus this. With w = 0 the output is the aligned input bit for bit. Hum is taken
    from the input beforehand, for the dry path too.

    NaN, infinite samples and samples beyond +-1e12 count as 0, in the dry path too; they are
    counted in `num_nonfinite`. Digital silence gives digital silence.

    Shapes: `process` maps float32 (channels, samples) to a new array of the same shape; samples
    may be 0 or exceed `max_block_size`. Latency: `latency_samples`, constant after `prepare`; the
    output does not depend on block sizes. State: model, gate, overlapping frames, dry delay.
    One thread at a time may call `prepare`, `process`, `flush` and `reset`.

    Raises:
        FileNotFoundError, ModelError: The model cannot be loaded, or is not for engine="native".
        EngineError: engine="native" or device="cuda", and it is not installed or cannot be used.
        TypeError, ValueError: A parameter that does not exist, or is out of range; or engine="native" with
            device="cuda".

    >>> denoiser = BlockDenoiser("voice", mix=0.8)
    >>> denoiser.prepare(48_000, max_block_size=480, num_channels=2)
    >>> denoiser.process(np.zeros((2, 480), np.float32)).shape, denoiser.latency_samples
    ((2, 480), 1536)
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Model = "voice",
        *,
        engine: EngineName = "auto",
        device: Device = "cpu",
        **parameters: Any,
    ) -> None:
        if engine not in get_args(EngineName):
            raise ValueError(f"engine must be one of 'auto', 'onnx', 'native' (got {engine!r}).")
        if check_device(device) != "cpu" and engine == "native":
            raise ValueError(f"engine must be 'auto' or 'onnx' for device {device!r} (got 'native').")
        unknown = sorted(parameters.keys() - PARAMETERS.keys())
        if unknown:
            raise TypeError(f"BlockDenoiser has no parameter {unknown[0]!r}. Known: {', '.join(PARAMETERS)}.")
        self._values: dict[str, Value] = {name: p.default for name, p in PARAMETERS.items()}
        self._changed = False
        self._format: tuple[float, int, int] | None = None
        self.engine = engine
        self.model = load_model(model, device=device)
        self._path: SoundPath = _make_path(self.model, engine)
        self._hum: HumReducer | None = None
        self._started = False
        self._learns = False
        # What was taken in since `learn`, until the recording that follows has begun and been reset.
        self._beginning: Beginning | None = None
        for name, value in parameters.items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        settings = " ".join(f"{name}={value}" for name, value in self._values.items())
        return f"<hushgate.engine.BlockDenoiser model={self.model.info.name!r} {settings}>"

    @property
    def running_engine(self) -> str:
        """The engine that runs: "onnx", "native", or "onnx (cuda)" on a graphics card."""
        return self._path.name

    # -- lifecycle ------------------------------------------------------------------------------

    def prepare(self, sample_rate: float, max_block_size: int, num_channels: int) -> None:
        """Allocate for a format. Keeps the sound when rate and channel count stay the same.

        Args:
            sample_rate: Hz, 1,000 to 1,000,000; outside 8,000 to 192,000 it is logged as untested.
            max_block_size: Largest block to expect, samples, 1 or more. Larger ones are accepted.
            num_channels: 1 to 256.

        Raises:
            ValueError, TypeError: An argument out of range; the old format stays in use.
        """
        check_stream_format(sample_rate, max_block_size, num_channels)
        if self._format is not None and (sample_rate, num_channels) == (self._format[0], self._format[2]):
            return
        self._format = None  # should memory run out, it is not prepared
        self._path.prepare(float(sample_rate), max_block_size, int(num_channels))
        self._format = (float(sample_rate), max_block_size, int(num_channels))
        self._make_hum_reducer()
        self._started = False
        self._beginning = None
        if not MIN_TESTED_RATE <= sample_rate <= MAX_TESTED_RATE:
            _logger.warning(
                "%s: %g Hz is outside the tested sample rates, %d to %d Hz",
                self.model.info.name,
                sample_rate,
                MIN_TESTED_RATE,
                MAX_TESTED_RATE,
            )
        _logger.debug(
            "%s prepared for %g Hz, %d channels: %d samples of latency (engine %s)",
            self.model.info.name,
            sample_rate,
            num_channels,
            self.latency_samples,
            self._path.name,
        )
        self._changed = True

    def learn(self) -> None:
        """Learn noise and hum from the sound that comes, until `reset`: the next recording's beginning.

        Until then `process` returns the delayed input. The recording that follows `reset` starts with the
        model and the noise estimate in the state that its first 4 s, played backwards, leave them in (half of
        what was given, if that is less than 8 s; the end of these 4 s comes first, `latency_samples` long),
        and with its hum, if 8 s of it were given. Hum, or lines of it, that music covers there are learnt
        from 22 s more; what comes then has no effect. Models of guitars, basses and other targets than voices
        and songs learn the hum alone (`ModelInfo.hears_beginnings`).
        """
        self.reset()
        self._learns, self._beginning = True, None

    def reset(self) -> None:
        """Forget all sound, keep all settings: the output is that of a new object.

        Only what was learnt since `learn` stays, for the recording that comes next.
        """
        readings = self._path.readings()
        # Reported here and not when it happens: the frames belong to the sound thread.
        if readings.num_faulty_frames:
            _logger.warning(
                "%s gave no finite mask for %d frames since the last reset; they were muted",
                self.model.info.name,
                readings.num_faulty_frames,
            )
        if readings.num_nonfinite:
            _logger.warning("%d input samples since the last reset were not finite", readings.num_nonfinite)
        self._path.reset()
        self._changed = True
        if self._started:
            self._beginning = None
        self._started = self._learns = False
        if self._hum is not None:
            self._hum.reset() if self._beginning is None else self._hum.rewind()

    def flush(self) -> NDArray[np.float32]:
        """The output for the last `latency_samples` input samples, float32 (channels, samples); resets."""
        num_channels = self.num_channels
        tail = self.process(np.zeros((num_channels, self.latency_samples), dtype=np.float32))
        self.reset()
        return tail

    @property
    def latency_samples(self) -> int:
        """Delay from input to output, samples; known after `prepare`."""
        return self.model.latency_samples(self.sample_rate)

    @property
    def num_channels(self) -> int:
        """Channels set by `prepare`."""
        return self._prepared_format()[2]

    @property
    def sample_rate(self) -> float:
        """Hz, set by `prepare`."""
        return self._prepared_format()[0]

    # -- sound ----------------------------------------------------------------------------------

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next samples of output, as many as come in, `latency_samples` late.

        Args:
            block: float32 (channels, samples); not written to. Other float types are converted.

        Raises:
            RuntimeError: `prepare` has not been called.
            ValueError, TypeError: Not (channels, samples) with the prepared channel count, or not float.
        """
        block = check_block(block, 0 if self._format is None else self._format[2])
        if block.shape[1] == 0:
            return block.copy()
        if self._changed:
            self._apply_settings()
        if self._learns:
            return self._take_in(block)
        if not self._started and self._beginning is not None:
            self._hear(self._beginning)
        self._started = True
        return self._path.process(self._without_hum(block))

    def _without_hum(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._hum is None or not self._hum.is_on:
            return block
        finite, _, num_replaced = replace_nonfinite(block)
        sound = self._hum.process(finite)
        if num_replaced == 0:
            return sound
        return np.where(finite == block, sound, block)  # the path counts faulty samples

    def _take_in(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Learn from a block of a recording's beginning; the delayed input."""
        if self._beginning is None:
            self._beginning = Beginning(
                self.sample_rate, self.num_channels, self.latency_samples, keeps_all=self._path.removes_hum
            )
        sound, _, _ = replace_nonfinite(block)
        if self._hum is not None:
            self._hum.learn(sound)
        self._beginning.take_in(sound)
        return self._beginning.delayed(block)

    def _hear(self, beginning: Beginning) -> None:
        """Let the path learn from the beginning: run backwards over a part of it, up to its first sample."""
        is_heard = self.model.info.hears_beginnings
        if self._hum is None:
            self._path.begin(beginning.kept(), is_heard=is_heard)
        elif is_heard:
            heard = self._hum.process(beginning.heard())
            self._hum.rewind()
            self._path.begin(heard, is_heard=True)

    def _make_hum_reducer(self) -> None:
        """Remove hum before the path, unless the path does it."""
        sample_rate, _, num_channels = self._prepared_format()
        does_path = self._path.removes_hum
        self._hum = None if does_path else HumReducer(sample_rate, num_channels, self.hum_reduction_db)

    def _prepared_format(self) -> tuple[float, int, int]:
        if self._format is None:
            raise RuntimeError(
                "BlockDenoiser is not prepared. Call prepare(sample_rate, max_block_size, num_channels)."
            )
        return self._format

    # -- settings -------------------------------------------------------------------------------

    def _get_parameter(self, name: str) -> Value:
        return self._values[name]

    def _set_parameter(self, name: str, value: object) -> None:
        checked = PARAMETERS[name].validate(value)
        if self.engine == "native" and self._path.lacks(name, checked):
            default = PARAMETERS[name].format(PARAMETERS[name].default)
            raise ValueError(
                f"{name} must be {default} in the native engine, which lacks the rest (got {checked!r}). "
                'Use engine="auto" or engine="onnx".'
            )
        self._values[name] = checked
        self._changed = True  # after the value: process clears the mark before it reads

    def _apply_settings(self) -> None:
        """Apply the settings made since the last block."""
        self._changed = False  # before they are read: a setting made now counts for the next block
        if any(self._path.lacks(name, value) for name, value in self._values.items()):
            self._use_onnx("a setting")
        self._path.configure(ParameterValues(**self._values))
        if self._hum is not None:
            self._hum.configure(self.hum_reduction_db, at_once=not self._started)

    def _use_onnx(self, reason: str) -> None:
        """Leave the native engine, which lacks something. The sound begins again, after silence.

        Args:
            reason: What it lacks, for messages.

        Raises:
            EngineError: engine="native" was asked for.
        """
        if isinstance(self._path, OnnxPath):
            return
        if self.engine == "native":
            raise EngineError(f'the native engine lacks {reason}. Use engine="auto" or engine="onnx".')
        _logger.warning("the native engine lacks %s: onnx takes over", reason)
        path = OnnxPath(self.model)
        if self._format is not None:
            path.prepare(*self._format)
        self._path = path
        if self._format is not None:
            self._make_hum_reducer()
        self._changed = True

    def _read(self) -> Readings:
        return self._path.readings()


def _make_path(model: Model, engine: EngineName) -> SoundPath:
    """The sound path of an engine; "auto" takes native where it runs the model."""
    if engine == "onnx" or model.device != "cpu":
        return OnnxPath(model)
    try:
        return native_path(model)
    except (EngineError, ModelError) as error:
        if engine == "native":
            raise
        _logger.debug("%s runs in onnx: %s", model.info.name, error)
        return OnnxPath(model)
