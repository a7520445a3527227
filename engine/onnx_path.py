"""The way of the sound through onnxruntime and numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.meters import Readings
from hushgate.engine.model_files.model import Model
from hushgate.engine.parameters import ParameterValues, Value
from hushgate.engine.signal.delay_line import DelayLine
from hushgate.engine.signal.gain_ramp import GainRamp
from hushgate.engine.signal.input_checks import replace_nonfinite
from hushgate.engine.smart_gate import SpectralGate
from hushgate.engine.spectral_stream import SpectralStream

RAMP_MS = 20.0
# Below -300 dBFS the wet path gets silence: sums and products there would be denormal and slow.
_SMALLEST_PEAK = 1e-15

_Frame = tuple[NDArray[np.complex64], NDArray[np.complex64], NDArray[np.float32] | None, float | None]


class OnnxPath:
    """The sound path (`SoundPath`) for every model.

    Args:
        model: The model; may be shared.

    State: model, gate, overlapping frames, dry delay, ramp; the last frame and peaks for meters.
    """

    removes_hum = False

    def __init__(self, model: Model) -> None:
        self.name = "onnx" if model.device == "cpu" else f"onnx ({model.device})"
        self._stream = SpectralStream(model)
        # `prepare` makes these for a format. Until then they hold no channel and no sound.
        self._delay = DelayLine(0, num_channels=0)
        self._ramp = GainRamp(path_gains(ParameterValues()), length_samples=0)
        self._gate: SpectralGate | None = None
        self._started = False
        self._last_frame: _Frame | None = None
        self._input_peak = self._output_peak = 0.0
        self._num_nonfinite = 0

    def prepare(self, sample_rate: float, max_block_size: int, num_channels: int) -> None:
        stream = self._stream
        stream.prepare(sample_rate, max_block_size, num_channels)
        self._delay = DelayLine(stream.latency_samples, num_channels)
        self._ramp = GainRamp(path_gains(ParameterValues()), round(sample_rate * RAMP_MS / 1000.0))
        self._gate = SpectralGate(
            ParameterValues(),
            num_channels=num_channels,
            frame_size=stream.frame_size,
            hop_size=stream.hop_size,
            sample_rate=stream.sample_rate,
            linked=True,
        )
        self.reset()

    def reset(self) -> None:
        self._stream.reset()
        self._delay.reset()
        self._started = False
        self._last_frame = None
        self._input_peak = self._output_peak = 0.0
        self._num_nonfinite = 0

    def configure(self, settings: ParameterValues) -> None:
        gate = self._gate
        assert gate is not None, "prepare comes first"
        self._stream.channel_link = settings.channel_link
        gate.configure(settings, linked=settings.channel_link == "linked")
        if self._started:
            self._ramp.go_to(path_gains(settings))
        else:
            self._ramp.jump_to(path_gains(settings))
            gate.reset()

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        block, peak, num_replaced = replace_nonfinite(block)
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

    def begin(self, beginning: NDArray[np.float32], *, is_heard: bool) -> None:
        if is_heard and beginning.shape[1]:
            self.process(np.ascontiguousarray(beginning[:, ::-1]))

    def readings(self) -> Readings:
        before = target = after = 0.0
        presence = None
        frame = self._last_frame
        if frame is not None:
            noisy, masked, gains, presence = frame
            before, target = float(_energies(noisy).sum()), float(_energies(masked).sum())
            after = target if gains is None else float((_energies(masked) * gains**2).sum())
        return Readings(
            before,
            target,
            after,
            presence,
            self._input_peak,
            self._output_peak,
            self._num_nonfinite,
            self._stream.num_faulty_frames,
        )

    def lacks(self, name: str, value: Value) -> bool:
        return False

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

    def _frame_gain(
        self, noisy: NDArray[np.complex64], target: NDArray[np.complex64]
    ) -> NDArray[np.float32] | None:
        gains = None if self._gate is None else self._gate.gains(noisy, target)
        last_gains = None if gains is None else gains[:, -1]
        # One assignment: readers see the old frame or the new one.
        self._last_frame = (noisy[:, -1].copy(), target[:, -1].copy(), last_gains, self._stream.presence)
        return gains


def path_gains(settings: ParameterValues) -> tuple[float, float]:
    """Gains of the dry and the wet path that follow from mix, limit and output."""
    limit = settings.attenuation_limit_db
    wet = settings.mix * (1.0 if limit is None else 1.0 - 10.0 ** (-limit / 20.0))
    return (wet, -wet) if settings.output == "residual" else (1.0 - wet, wet)


def _energies(frame: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Energy of one frame of each channel."""
    parts = frame.view(np.float32)
    energies: NDArray[np.float32] = np.einsum("ck,ck->c", parts, parts)
    return energies
