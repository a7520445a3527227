"""The denoiser for blocks: a model, a gate, and parameters that can be set while they run."""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.meters import Meters
from hushgate.engine.model_files.model import Model, load_model
from hushgate.engine.parameters import PARAMETERS, ParameterProperties, ParameterValues, Value
from hushgate.engine.signal.delay_line import DelayLine
from hushgate.engine.signal.gain_ramp import GainRamp
from hushgate.engine.signal.input_checks import check_block, check_stream_format, replace_nonfinite
from hushgate.engine.smart_gate import SpectralGate
from hushgate.engine.spectral_stream import SpectralStream

_logger = logging.getLogger(__name__)

RAMP_MS = 20.0
# Below -300 dBFS the wet path gets silence: sums and products there would be denormal and slow.
_SMALLEST_PEAK = 1e-15


class BlockDenoiser(Meters, ParameterProperties):
    """Remove from a stream of blocks the sound that is not the model's target, at any sample rate.

    Args:
        model: A shipped name (see `available_models`), a path, or a loaded `Model`.
        **parameters: Any of `PARAMETERS`; the same names are properties, which may be set from any
            thread while sound runs. `mix`, `attenuation_limit_db` and `output` move in ramps of
            20 ms. Gate and channel link act from the next frame on and cross-fade over a hop.

    With w = mix * (1 - 10 ** (-attenuation_limit_db / 20)) the denoised output is
    (1 - w) * dry + w * wet: a limit bounds the attenuation of every component. The residual
    is the aligned input minus this. With w = 0 the output is the aligned input bit for bit.

    NaN, infinite samples and samples beyond +-1e12 count as 0, in the dry path too; they are
    counted in `num_nonfinite`. Digital silence gives digital silence.

    Shapes: `process` maps float32 (channels, samples) to a new array of the same shape; samples
    may be 0 or exceed `max_block_size`. Latency: `latency_samples`, constant after `prepare`; the
    output does not depend on block sizes. State: model, gate, overlapping frames, dry delay.
    One thread at a time may call `prepare`, `process`, `flush` and `reset`.

    Raises:
        FileNotFoundError, ModelError: The model cannot be loaded.
        TypeError, ValueError: A parameter that does not exist, or is out of range.

    >>> denoiser = BlockDenoiser("voice", mix=0.8)
    >>> denoiser.prepare(48_000, max_block_size=480, num_channels=2)
    >>> denoiser.process(np.zeros((2, 480), np.float32)).shape, denoiser.latency_samples
    ((2, 480), 1536)
    """

    def __init__(self, model: str | os.PathLike[str] | Model = "voice", **parameters: Any) -> None:
        super().__init__()
        unknown = sorted(parameters.keys() - PARAMETERS.keys())
        if unknown:
            raise TypeError(f"BlockDenoiser has no parameter {unknown[0]!r}. Known: {', '.join(PARAMETERS)}.")
        self._values: dict[str, Value] = {name: p.default for name, p in PARAMETERS.items()}
        self._changed = False
        for name, value in parameters.items():
            setattr(self, name, value)
        self.model = load_model(model)
        self._stream = SpectralStream(self.model)
        # `prepare` makes these for a format. Until then they hold no channel and no sound.
        self._delay = DelayLine(0, num_channels=0)
        self._ramp = GainRamp(self._gains(), length_samples=0)
        self._gate: SpectralGate | None = None
        self._prepared = False
        self._started = False

    def __repr__(self) -> str:
        settings = " ".join(f"{name}={value}" for name, value in self._values.items())
        return f"<hushgate.engine.BlockDenoiser model={self.model.info.name!r} {settings}>"

    # -- lifecycle ------------------------------------------------------------------------------

    def prepare(self, sample_rate: float, max_block_size: int, num_channels: int) -> None:
        """Allocate for a format. Keeps the sound when rate and channel count stay the same.

        Args:
            sample_rate: Hz, 1,000 to 1,000,000.
            max_block_size: Largest block to expect, samples, 1 or more. Larger ones are accepted.
            num_channels: 1 to 256.

        Raises:
            ValueError, TypeError: An argument out of range; the old format stays in use.
        """
        check_stream_format(sample_rate, max_block_size, num_channels)
        stream = self._stream
        if self._prepared and (sample_rate, num_channels) == (stream.sample_rate, stream.num_channels):
            return
        stream.prepare(sample_rate, max_block_size, num_channels)
        self._delay = DelayLine(stream.latency_samples, num_channels)
        self._ramp = GainRamp(self._gains(), round(sample_rate * RAMP_MS / 1000.0))
        self._gate = SpectralGate(
            ParameterValues(**self._values),
            num_channels=num_channels,
            frame_size=stream.frame_size,
            hop_size=stream.hop_size,
            sample_rate=stream.sample_rate,
            linked=self.channel_link == "linked",
        )
        self._prepared = True
        _logger.debug(
            "%s prepared for %g Hz, %d channels: %d samples of latency",
            self.model.info.name,
            sample_rate,
            num_channels,
            stream.latency_samples,
        )
        self.reset()

    def reset(self) -> None:
        """Forget all sound, keep all settings: the output is that of a new object."""
        # Reported here and not when it happens: the frames belong to the sound thread.
        if self.num_faulty_frames:
            _logger.warning(
                "%s gave no finite mask for %d frames since the last reset; they were muted",
                self.model.info.name,
                self.num_faulty_frames,
            )
        if self._num_nonfinite:
            _logger.warning("%d input samples since the last reset were not finite", self._num_nonfinite)
        self._clear_meters()
        if not self._prepared:
            return
        self._stream.reset()
        self._delay.reset()
        self._started = False
        self._changed = True

    def flush(self) -> NDArray[np.float32]:
        """The output for the last `latency_samples` input samples, float32 (channels, samples); resets."""
        self._check_prepared()
        tail = self.process(np.zeros((self._stream.num_channels, self.latency_samples), dtype=np.float32))
        self.reset()
        return tail

    @property
    def latency_samples(self) -> int:
        """Delay from input to output, samples; known after `prepare`."""
        self._check_prepared()
        return self._stream.latency_samples

    @property
    def num_channels(self) -> int:
        """Channels set by `prepare`."""
        self._check_prepared()
        return self._stream.num_channels

    @property
    def sample_rate(self) -> float:
        """Hz, set by `prepare`."""
        self._check_prepared()
        return self._stream.sample_rate

    # -- sound ----------------------------------------------------------------------------------

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next samples of output, as many as come in, `latency_samples` late.

        Args:
            block: float32 (channels, samples); not written to. Other float types are converted.

        Raises:
            RuntimeError: `prepare` has not been called.
            ValueError, TypeError: Not (channels, samples) with the prepared channel count, or not float.
        """
        block, peak, num_replaced = replace_nonfinite(check_block(block, self._stream.num_channels))
        if block.shape[1] == 0:
            return block.copy()
        if self._changed and self._gate is not None:
            self._apply_settings(self._gate)
        self._started = True
        self._num_nonfinite += num_replaced
        self._input_peak = peak
        wet = self._stream.process(
            block if peak >= _SMALLEST_PEAK else np.zeros_like(block), self._frame_gain
        )
        out = self._mixed(self._delay.process(block), wet)
        self._output_peak = float(
            max(np.maximum.reduce(out, axis=None), -np.minimum.reduce(out, axis=None)),
        )
        return out

    def _mixed(self, dry: NDArray[np.float32], wet: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self._ramp.settled:
            dry_gain, wet_gain = self._ramp.step(dry.shape[1])
            dry *= dry_gain
            wet *= wet_gain
            dry += wet
            return dry
        dry_part, wet_part = self._ramp.target
        if wet_part == 0.0:
            return dry if dry_part == 1.0 else np.zeros_like(dry)
        if wet_part != 1.0:
            wet *= np.float32(wet_part)
        if dry_part != 0.0:
            if dry_part != 1.0:
                dry *= np.float32(dry_part)
            wet += dry
        return wet

    def _check_prepared(self) -> None:
        if not self._prepared:
            raise RuntimeError(
                "BlockDenoiser is not prepared. Call prepare(sample_rate, max_block_size, num_channels)."
            )

    # -- settings -------------------------------------------------------------------------------

    def _get_parameter(self, name: str) -> Value:
        return self._values[name]

    def _set_parameter(self, name: str, value: object) -> None:
        self._values[name] = PARAMETERS[name].validate(value)
        self._changed = True  # after the value: process clears the mark before it reads

    def _apply_settings(self, gate: SpectralGate) -> None:
        """Apply the settings made since the last block. A stream that has not begun needs no ramps."""
        self._changed = False
        self._stream.channel_link = self.channel_link
        gate.configure(ParameterValues(**self._values), linked=self.channel_link == "linked")
        if self._started:
            self._ramp.go_to(self._gains())
        else:
            self._ramp.jump_to(self._gains())
            gate.reset()

    def _gains(self) -> tuple[float, float]:
        """Gains of the dry and the wet path that follow from mix, limit and output."""
        limit = self.attenuation_limit_db
        wet = self.mix * (1.0 if limit is None else 1.0 - 10.0 ** (-limit / 20.0))
        return (wet, -wet) if self.output == "residual" else (1.0 - wet, wet)

    @property
    def num_faulty_frames(self) -> int:
        """Frames since `reset` that were muted because the model gave no finite mask for them."""
        return self._stream.num_faulty_frames

    def _frame_gain(
        self, noisy: NDArray[np.complex64], target: NDArray[np.complex64]
    ) -> NDArray[np.float32] | None:
        gains = None if self._gate is None else self._gate.gains(noisy, target)
        self._meter_frame(noisy, target, gains, self._stream.presence)
        return gains
