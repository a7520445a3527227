"""Noise gate: when to open and close, and how fast."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.parameters import PARAMETERS
from hushgate.engine.signal.input_checks import check_block, check_stream_format, replace_nonfinite

# Closer than this to fully open (0.001 dB) is open.
_OPEN_GAIN = 0.9999
_LEVEL_STEP_MS = 1.0


@dataclass(frozen=True)
class GateSettings:
    """What a gate listens for and how fast it moves. Ranges as in `PARAMETERS`.

    Attributes:
        threshold_db: Level that opens the gate, dBFS; -inf keeps it open.
        hysteresis_db: How far below what opens it the sound must fall to close it, dB.
        floor_db: Gain while closed, dB.
        attack_ms: Time for 63 % of the way up, in linear gain, ms.
        hold_ms: Time the gate stays open after the sound has fallen, ms.
        release_ms: Time for 63 % of the way down to the floor, in dB, ms.
        presence_db: How far the sound must stand above the noise to open the gate, dB; the
            smallest value asks for nothing.

    Raises:
        TypeError, ValueError: A value that is no number, or out of range.

    >>> GateSettings(attack_ms=-1.0)
    Traceback (most recent call last):
        ...
    ValueError: attack_ms must be between 0.0 and 1000.0 ms (got -1.0).
    """

    threshold_db: float = -50.0
    hysteresis_db: float = 6.0
    floor_db: float = -80.0
    attack_ms: float = 1.0
    hold_ms: float = 100.0
    release_ms: float = 100.0
    presence_db: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            # The denoiser calls three of them by longer names.
            name = field.name if field.name in PARAMETERS else f"gate_{field.name}"
            replace(PARAMETERS[name], name=field.name).validate(getattr(self, field.name))


class GateCore:
    """One gate, stepped at a constant rate: levels in, gain out.

    The gate opens when the level reaches the threshold and stands `presence_db` above the noise.
    It closes when for `hold_ms` one of the two has been missed by more than `hysteresis_db`.
    Opening, the linear gain approaches 1; closing, the gain in dB approaches the floor: each the
    scale on which one hears the movement. Both are exponentials of the elapsed time, so that the
    step does not change the curve, and the hold may end between two steps.

    Args:
        settings: Thresholds and times.
        step_ms: Time from one step to the next, ms.

    State: whether it is open, how long the sound has been below, the gain. Starts closed.

    >>> gate = GateCore(GateSettings(threshold_db=-40.0, hold_ms=0.0, release_ms=0.0), step_ms=10.0)
    >>> [round(gate.step(power), 4) for power in (0.0, 1.0, 1.0, 0.0)]
    [0.0001, 1.0, 1.0, 0.0001]
    """

    def __init__(self, settings: GateSettings, step_ms: float) -> None:
        self.configure(settings, step_ms)
        self.reset()

    def configure(self, settings: GateSettings, step_ms: float) -> None:
        """Use other settings from the next step on; the gain goes on from where it is."""
        self.settings = settings
        self._step_ms = step_ms
        self._open_power = 10.0 ** (settings.threshold_db / 10.0)
        self._close_power = 10.0 ** ((settings.threshold_db - settings.hysteresis_db) / 10.0)
        if self._open_power == 0.0 or settings.presence_db <= PARAMETERS["presence_db"].minimum:
            self._open_ratio = self._close_ratio = 0.0
        else:
            self._open_ratio = 10.0 ** (settings.presence_db / 10.0)
            self._close_ratio = 10.0 ** ((settings.presence_db - settings.hysteresis_db) / 10.0)
        self._attack = math.exp(-step_ms / settings.attack_ms) if settings.attack_ms > 0.0 else 0.0

    def reset(self) -> None:
        """Be closed, with the gain at the floor; or open, if the gate is switched off."""
        self.is_open = self._open_power == 0.0
        self.gain = 1.0 if self.is_open else 10.0 ** (self.settings.floor_db / 20.0)
        self._below_ms = 0.0

    @property
    def idle(self) -> bool:
        """True when the gate is switched off and fully open: steps would change nothing."""
        return self._open_power == 0.0 and self.gain == 1.0

    def step(self, power: float, ratio: float = math.inf) -> float:
        """Advance by one step.

        Args:
            power: Level of the sound, power re full scale (1.0 is 0 dBFS).
            ratio: Power of the sound over that of the noise.

        Returns:
            The linear gain, from the floor to 1.0.
        """
        if power >= self._open_power and ratio >= self._open_ratio:
            self.is_open = True
            self._below_ms = 0.0
        elif not self.is_open:
            return self._release(self._step_ms)
        elif power >= self._close_power and ratio >= self._close_ratio:
            self._below_ms = 0.0
        else:
            self._below_ms += self._step_ms
            rest_ms = self._below_ms - self.settings.hold_ms
            if rest_ms > 0.0:  # the hold ended this long ago, within this step
                self.is_open = False
                return self._release(rest_ms)
        if self.gain < 1.0:
            self.gain = 1.0 - (1.0 - self.gain) * self._attack
            if self.gain > _OPEN_GAIN:
                self.gain = 1.0
        return self.gain

    def _release(self, elapsed_ms: float) -> float:
        floor, release_ms = self.settings.floor_db, self.settings.release_ms
        rest = math.exp(-elapsed_ms / release_ms) if release_ms > 0.0 else 0.0
        gain_db = floor + (20.0 * math.log10(self.gain) - floor) * rest
        self.gain = 10.0 ** (gain_db / 20.0)
        return self.gain


class NoiseGate:
    """Turn down passages that stay below a level, with no model and no latency.

    The level is the highest peak of the last 1 to 2 ms in any channel; the gain moves in straight
    lines from ms to ms. It follows the level by 1 to 2 ms, so the first edge of an attack is
    softened, as it must be without latency. The gate in `Denoiser` looks ahead and keeps attacks.

    Args:
        **settings: Any of `GateSettings` (`presence_db` has no meaning here): `threshold_db`,
            `hysteresis_db`, `floor_db`, `attack_ms`, `hold_ms`, `release_ms`.

    Shapes: `process` maps float32 (channels, samples) to a new array of the same shape; samples
    may be 0. Samples that are not finite count as 0. Latency: 0 samples. State: one `GateCore`
    for all channels, and the last levels.

    Reference: Giannoulis, Massberg and Reiss, JAES 60(6), 2012, for the ballistics.

    >>> gate = NoiseGate(threshold_db=-40.0)
    >>> gate.prepare(sample_rate=48_000, max_block_size=480, num_channels=2)
    >>> gate.process(np.zeros((2, 480), np.float32)).shape
    (2, 480)
    """

    latency_samples = 0

    def __init__(self, **settings: float) -> None:
        self._core = GateCore(GateSettings(**settings), _LEVEL_STEP_MS)
        self._num_channels = 0
        self._sample_rate = 0.0
        self._step_samples = 1
        self._step_ms = _LEVEL_STEP_MS

    @property
    def settings(self) -> GateSettings:
        """Thresholds and times; may be replaced while sound runs."""
        return self._core.settings

    @settings.setter
    def settings(self, settings: GateSettings) -> None:
        self._core.configure(settings, self._step_ms)

    def prepare(self, sample_rate: float, max_block_size: int, num_channels: int) -> None:
        """Set the format; clears the sound only when rate or channel count change.

        Args:
            sample_rate: Hz, 1,000 to 1,000,000.
            max_block_size: Largest block to expect, samples, 1 or more. Larger ones are accepted.
            num_channels: 1 to 256.

        Raises:
            ValueError, TypeError: An argument out of range; the old format stays in use.
        """
        check_stream_format(sample_rate, max_block_size, num_channels)
        if (sample_rate, num_channels) == (self._sample_rate, self._num_channels):
            return
        self._sample_rate, self._num_channels = float(sample_rate), num_channels
        self._step_samples = round(sample_rate * _LEVEL_STEP_MS / 1000.0)
        self._step_ms = 1000.0 * self._step_samples / sample_rate
        self._core.configure(self._core.settings, self._step_ms)
        self.reset()

    def reset(self) -> None:
        """Forget all sound; the gate is closed."""
        self._core.reset()
        self._position = 0  # samples into the current step
        self._last_peak = self._peak = 0.0
        self._from_gain = self._to_gain = self._core.gain

    def flush(self) -> NDArray[np.float32]:
        """The tail, which is empty: float32 (channels, 0); then resets."""
        tail = np.empty((self._num_channels, 0), dtype=np.float32)
        check_block(tail, self._num_channels)
        self.reset()
        return tail

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The block with the gate applied.

        Raises:
            RuntimeError: `prepare` has not been called.
            ValueError, TypeError: Not float (channels, samples) as prepared.
        """
        block, _, _ = replace_nonfinite(check_block(block, self._num_channels))
        num_samples = block.shape[1]
        if num_samples == 0:
            return block.copy()
        envelope = np.abs(block).max(axis=0)
        # Gains at the ends of the steps that this block touches; time 0 is the sample before it.
        times = [-self._position, self._step_samples - self._position]
        gains = [self._from_gain, self._to_gain]
        start = 0
        while times[-1] <= num_samples:
            end = times[-1]
            peak = max(self._peak, float(envelope[start:end].max()))
            level = max(self._last_peak, peak)
            self._last_peak, self._peak = peak, 0.0
            gains.append(self._core.step(level * level))
            times.append(end + self._step_samples)
            start = end
        if start < num_samples:
            self._peak = max(self._peak, float(envelope[start:].max()))
        self._position = num_samples - times[-2]
        self._from_gain, self._to_gain = gains[-2:]
        curve = np.interp(np.arange(1, num_samples + 1), times, gains).astype(np.float32)
        return block * curve
