"""The gate's opening and closing: one level per step in, one gain out."""

from __future__ import annotations

import math

from hushgate.engine.parameters import PARAMETERS, ParameterValues

# A gain within 0.001 dB of fully open counts as open.
_OPEN_GAIN = 0.9999


class GateCore:
    """One gate, stepped at a constant rate.

    The gate opens when the level reaches `gate_threshold_db` and the sound is `presence_db` above the noise.
    It closes when one of the two has been missed by more than `gate_hysteresis_db` for `hold_ms`.

    An opening gate approaches 1 in linear gain: g += (1 - g) * (1 - exp(-step / attack)). A closing gate
    approaches the floor in dB. Each is the scale on which the movement sounds even. Both are exponentials
    of the elapsed time, so the length of a step does not change the curve, and a hold may end between two
    steps.

    Args:
        settings: Threshold, floor, hysteresis, times and presence; the other parameters are not read.
        step_ms: Time from one step to the next, ms.

    State: open or closed, time below the threshold, gain. Starts closed, or open without a threshold.

    >>> settings = ParameterValues(gate_threshold_db=-40.0, hold_ms=0.0, release_ms=0.0)
    >>> gate = GateCore(settings, step_ms=10.0)
    >>> [round(gate.step(power), 4) for power in (0.0, 1.0, 1.0, 0.0)]
    [0.0001, 1.0, 1.0, 0.0001]

    Reference: Giannoulis, Massberg and Reiss, JAES 60(6), 2012, for the ballistics.
    """

    def __init__(self, settings: ParameterValues, step_ms: float) -> None:
        self.configure(settings, step_ms)
        self.reset()

    def configure(self, settings: ParameterValues, step_ms: float) -> None:
        """Use other settings from the next step on. The gain starts from its present value."""
        threshold_db, hysteresis_db = settings.gate_threshold_db, settings.gate_hysteresis_db
        self._step_ms = step_ms
        self._floor_db = settings.gate_floor_db
        self._hold_ms, self._release_ms = settings.hold_ms, settings.release_ms
        self._open_power = 10.0 ** (threshold_db / 10.0)
        self._close_power = 10.0 ** ((threshold_db - hysteresis_db) / 10.0)
        if self._open_power == 0.0 or settings.presence_db <= PARAMETERS["presence_db"].minimum:
            self._open_ratio = self._close_ratio = 0.0
        else:
            self._open_ratio = 10.0 ** (settings.presence_db / 10.0)
            self._close_ratio = 10.0 ** ((settings.presence_db - hysteresis_db) / 10.0)
        self._attack = math.exp(-step_ms / settings.attack_ms) if settings.attack_ms > 0.0 else 0.0

    def reset(self) -> None:
        """Close, with the gain at the floor; open fully when the gate is switched off."""
        self.is_open = self._open_power == 0.0
        self.gain: float = 1.0 if self.is_open else 10.0 ** (self._floor_db / 20.0)
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
            rest_ms = self._below_ms - self._hold_ms
            if rest_ms > 0.0:  # the hold ended this long ago, within this step
                self.is_open = False
                return self._release(rest_ms)
        if self.gain < 1.0:
            self.gain = 1.0 - (1.0 - self.gain) * self._attack
            if self.gain > _OPEN_GAIN:
                self.gain = 1.0
        return self.gain

    def _release(self, elapsed_ms: float) -> float:
        floor, release_ms = self._floor_db, self._release_ms
        rest = math.exp(-elapsed_ms / release_ms) if release_ms > 0.0 else 0.0
        gain_db = floor + (20.0 * math.log10(self.gain) - floor) * rest
        self.gain = 10.0 ** (gain_db / 20.0)
        return self.gain
