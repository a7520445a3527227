"""The smart gate: decides, frame by frame, on what the model believes is the target."""

from __future__ import annotations

import math

import numpy as np
from hushgate.engine.framing import analysis_window, spectrum_scale
from hushgate.engine.gate import GateCore, GateSettings
from numpy.typing import NDArray

# The noise estimate follows with this time constant: slower than a note or a syllable moves, so
# that the chance ups and downs of noise do not make the gate flutter.
_NOISE_MS = 300.0


class SpectralGate:
    """Gains for the frames of a stream, from the spectra before and after the mask.

    What the mask left is the target, what it took is the noise. The level of the target is compared
    with the threshold: the power of the frame, corrected for the window, so that a sine of
    amplitude 1.0 reads 0 dBFS. The target must also stand above the noise, which is smoothed over
    300 ms. A frame's gain multiplies it before overlap-add, so it opens over the hop before the
    sound that opened it: attacks are not eaten.

    Args:
        settings: Thresholds and times.
        num_channels: Channels of the spectra.
        frame_size, hop_size: Samples.
        sample_rate: Hz.
        linked: One gate that follows the loudest channel, or one for each channel.

    State: one `GateCore` and one noise estimate per gate.
    """

    def __init__(
        self,
        settings: GateSettings,
        *,
        num_channels: int,
        frame_size: int,
        hop_size: int,
        sample_rate: float,
        linked: bool,
    ) -> None:
        self._num_channels = num_channels
        self._step_ms = 1000.0 * hop_size / sample_rate
        self._noise_rest = math.exp(-self._step_ms / _NOISE_MS)
        window = analysis_window(frame_size).astype(np.float64)
        # Parseval: for a sine of amplitude 1, twice the one-sided sum over |X|^2 comes to
        # frame_size * sum(window^2) / 2 in plain FFT bins.
        scale = spectrum_scale(window.astype(np.float32))
        self._to_power = 4.0 / (frame_size * float(np.sum(window**2)) * scale**2)
        self._settings = settings
        self._linked = linked
        self.reset()

    def configure(self, settings: GateSettings, *, linked: bool) -> None:
        """Use other settings from the next frame on."""
        if linked != self._linked:
            self._linked = linked
            self._settings = settings
            self.reset()
        elif settings != self._settings:
            self._settings = settings
            for core in self._cores:
                core.configure(settings, self._step_ms)

    def reset(self) -> None:
        """Forget all sound; the gates are closed, or open when switched off."""
        count = 1 if self._linked else self._num_channels
        self._cores = [GateCore(self._settings, self._step_ms) for _ in range(count)]
        self._noise = [0.0] * count
        self._noise_weight = [0.0] * count

    def gains(
        self, noisy: NDArray[np.complex64], target: NDArray[np.complex64]
    ) -> NDArray[np.float32] | None:
        """Gains of the next frames.

        Args:
            noisy, target: Spectra before and after the mask, complex64 (channels, frames, bins).

        Returns:
            float32 (gates, frames), or None while the gate is off.
        """
        if all(core.idle for core in self._cores):
            return None
        wanted = self._power(target)
        noise = self._power(noisy - target)
        if self._linked:
            level, wanted, noise = wanted.max(0)[None], wanted.sum(0)[None], noise.sum(0)[None]
        else:
            level = wanted
        result = np.empty(level.shape, dtype=np.float32)
        for index, core in enumerate(self._cores):
            result[index] = self._run(index, core, level[index], wanted[index], noise[index])
        return result

    def _run(
        self,
        index: int,
        core: GateCore,
        level: NDArray[np.float64],
        wanted: NDArray[np.float64],
        noise: NDArray[np.float64],
    ) -> list[float]:
        smooth, weight, rest = self._noise[index], self._noise_weight[index], self._noise_rest
        gains = []
        for level_now, wanted_now, noise_now in zip(
            level.tolist(), wanted.tolist(), noise.tolist(), strict=True
        ):
            # Dividing by the weight makes the first frames a plain mean instead of a rise from zero.
            smooth = rest * smooth + (1.0 - rest) * noise_now
            weight = rest * weight + (1.0 - rest)
            gains.append(core.step(level_now, smooth / weight, wanted_now))
        self._noise[index], self._noise_weight[index] = smooth, weight
        return gains

    def _power(self, spectra: NDArray[np.complex64]) -> NDArray[np.float64]:
        """Power of each frame re a full-scale sine, float64 (channels, frames)."""
        parts = spectra.view(np.float32)
        total = np.einsum("cfk,cfk->cf", parts, parts).astype(np.float64)
        # The one-sided sum counts 0 Hz and Nyquist once, as the two-sided one does; all others twice.
        for edge in (0, -1):
            total -= 0.5 * np.abs(spectra[:, :, edge]) ** 2
        return np.maximum(total, 0.0) * self._to_power
