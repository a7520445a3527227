"""The smart gate: opens and closes frame by frame on the level of the model's target."""

from __future__ import annotations

import copy
import math

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.gate import GateCore
from hushgate.engine.parameters import ParameterValues
from hushgate.engine.signal.framing import analysis_window, spectrum_scale

# The noise level rises at once and falls with this time constant. A chord of the orchestra that leaks
# through the mask then meets its own noise level in the same frame, and chance dips of the noise do not
# make the gate flutter. After a chord 20 dB above a quiet note, the note opens the gate 230 ms later.
_NOISE_FALL_MS = 50.0


class SpectralGate:
    """Gains for the frames of a stream, from the spectra before and after the mask.

    The masked spectrum is the target, the removed part is the noise. The level of the target is compared
    with the threshold: the power of the frame, corrected for the window, so that a steady sine of
    amplitude 1.0 reads 0 dBFS. The target must also be `presence_db` above the noise (its highest recent
    level, which falls with a time constant of 50 ms). A frame's gain multiplies it before overlap-add.
    The gate therefore opens over the hop before the sound that opened it and does not clip attacks.

    Args:
        settings: Thresholds and times.
        num_channels: Channels of the spectra.
        frame_size, hop_size: Samples.
        sample_rate: Hz.
        linked: One gate, which compares the loudest channel with the threshold and the sums of all
            channels with each other, or one gate for each channel.

    State: one `GateCore` and one noise level per gate.
    """

    def __init__(
        self,
        settings: ParameterValues,
        *,
        num_channels: int,
        frame_size: int,
        hop_size: int,
        sample_rate: float,
        linked: bool,
    ) -> None:
        self._num_channels = num_channels
        self._step_ms = 1000.0 * hop_size / sample_rate
        self._noise_rest = math.exp(-self._step_ms / _NOISE_FALL_MS)
        # A sine of amplitude 1 has the power 1/2, and by Parseval twice the one-sided sum over |X|^2
        # is frame_size * sum(window^2) times the power, in bins of a plain FFT. (Only at 0 Hz and at
        # half the sample rate, where there is no sound, twice is too much.)
        window = analysis_window(frame_size).astype(np.float64)
        scale = spectrum_scale(analysis_window(frame_size))
        self._to_power = 4.0 / (frame_size * float(np.sum(window**2)) * scale**2)
        self._settings = settings
        self._linked = linked
        self._cores: list[GateCore] = []
        self._noise: list[float] = []
        self.reset()

    def configure(self, settings: ParameterValues, *, linked: bool) -> None:
        """Use other settings from the next frame on. Gates keep their state and gain."""
        if linked != self._linked:
            self._linked = linked
            if linked:
                widest = max(range(len(self._cores)), key=lambda index: self._cores[index].gain)
                self._cores = [self._cores[widest]]
                self._noise = [sum(self._noise)]
            else:
                count = self._num_channels
                self._cores = [copy.copy(self._cores[0]) for _ in range(count)]
                self._noise = [self._noise[0] / count] * count
        if settings != self._settings:
            self._settings = settings
            for core in self._cores:
                core.configure(settings, self._step_ms)

    def reset(self) -> None:
        """Forget all sound. The gates close, or open when switched off."""
        count = 1 if self._linked else self._num_channels
        self._cores = [GateCore(self._settings, self._step_ms) for _ in range(count)]
        self._noise = [0.0] * count

    def gains(
        self, noisy: NDArray[np.complex64], target: NDArray[np.complex64]
    ) -> NDArray[np.float32] | None:
        """Gains of the next frames.

        Args:
            noisy, target: Spectra before and after the mask, complex64 (channels, frames, bins),
                scaled by `spectrum_scale`.

        Returns:
            float32 (gates, frames), linear; None while the gate is off.
        """
        if all(core.idle for core in self._cores):
            return None
        level = wanted = self._power(target)
        noise = self._power(noisy - target)
        if self._linked:
            level = level.max(axis=0, keepdims=True)
            wanted, noise = wanted.sum(axis=0, keepdims=True), noise.sum(axis=0, keepdims=True)
        gains = [
            self._run(index, level[index].tolist(), wanted[index].tolist(), noise[index].tolist())
            for index in range(len(self._cores))
        ]
        return np.array(gains, dtype=np.float32)

    def _run(self, index: int, levels: list[float], wanted: list[float], noise: list[float]) -> list[float]:
        core, highest = self._cores[index], self._noise[index]
        gains = []
        for level, target_now, noise_now in zip(levels, wanted, noise, strict=True):
            highest = max(noise_now, highest * self._noise_rest)
            gains.append(core.step(level, target_now / highest if highest > 0.0 else math.inf))
        self._noise[index] = highest
        return gains

    def _power(self, spectra: NDArray[np.complex64]) -> NDArray[np.float64]:
        """Power of each frame re a full-scale sine, float64 (channels, frames)."""
        parts = spectra.view(np.float32)
        power: NDArray[np.float64] = np.einsum("cfk,cfk->cf", parts, parts).astype(np.float64)
        power *= self._to_power
        return power
