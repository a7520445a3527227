"""`Reading`, and the needle that turns single estimates into steady readings."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hushgate.tuner.notes import Target, Targets, cents_between
from hushgate.tuner.pitch_tracker import ACQUIRE_CONFIDENCE, KEEP_CONFIDENCE
from hushgate.tuner.string_fit import StringFit

_ACQUIRE_MS = 40.0
_ACQUIRE_CENTS = 30.0
_SAME_NOTE_CENTS = 80.0
_MEDIAN_MS = 200.0
_NOTE_HYSTERESIS_CENTS = 10.0
# A jump to an overtone is more often an error than a new note, so it must last longer.
_OVERTONE_MS = 120.0
_OVERTONES = tuple(cents_between(ratio, 1.0) for ratio in (2.0, 3.0, 4.0, 1.5))
_OVERTONE_WIDTH_CENTS = 40.0


@dataclass(frozen=True, slots=True)
class Reading:
    """The tuner's display at one moment.

    Attributes:
        time_s: End of its sound, seconds since the start.
        frequency_hz: Frequency of the string's first partial, Hz; None without a note.
        note: Name of the target, such as "E2"; None without a note.
        cents: Interval from the target up to the sound; None without a note.
        confidence: 0 to 1; 0 also while the last note is held after its sound.
    """

    time_s: float
    frequency_hz: float | None
    note: str | None
    cents: float | None
    confidence: float

    @classmethod
    def nothing(cls, time_s: float) -> Reading:
        """A reading that shows no note."""
        return cls(time_s, None, None, None, 0.0)

    @property
    def is_held(self) -> bool:
        """True if the note is still shown but its sound has ended."""
        return self.note is not None and self.confidence == 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, rounded to 0.1 ms, 0.1 mHz and 0.001 cents."""
        values = asdict(self)
        for name, digits in (("time_s", 4), ("frequency_hz", 4), ("cents", 3)):
            if values[name] is not None:
                values[name] = round(values[name], digits)
        return values


class Needle:
    """Show a note once it is certain, steadily while it sounds, and a moment longer.

    Two or more estimates in a row must agree before a note appears; the frequency shown is the
    median of the last 200 ms; the name of the note changes only when another is clearly nearer.

    Args:
        targets: The notes that can be shown.
        readings_per_s: Estimates per second.
        hold_ms: Time that a note stays after its sound, ms.
    """

    def __init__(self, targets: Targets, *, readings_per_s: float, hold_ms: float) -> None:
        self._targets = targets
        self._num_acquire = _count(_ACQUIRE_MS, readings_per_s) + 1
        self._num_overtone = _count(_OVERTONE_MS, readings_per_s) + 1
        self._num_hold = round(hold_ms * readings_per_s / 1000.0)
        self._num_median = _count(_MEDIAN_MS, readings_per_s)
        self.reset()

    def reset(self) -> None:
        """Show nothing."""
        self._shown: deque[float] = deque(maxlen=self._num_median)
        self._rising: list[float] = []
        self._target: Target | None = None
        self._num_missing = 0
        self._last: StringFit | None = None

    @property
    def sounding(self) -> StringFit | None:
        """The last estimate of the string shown; None without a note."""
        return self._last if self._shown else None

    def step(self, time_s: float, fit: StringFit | None) -> Reading:
        """The reading after the next estimate, which may be None."""
        confidence = self._follow(fit)
        if not self._shown:
            return Reading.nothing(time_s)
        frequency_hz = self._median()
        self._target = self._targets.nearest(
            frequency_hz, current=self._target, margin_cents=_NOTE_HYSTERESIS_CENTS
        )
        return Reading(
            time_s, frequency_hz, self._target.name, self._target.cents(frequency_hz), round(confidence, 4)
        )

    def _follow(self, fit: StringFit | None) -> float:
        """Take an estimate.

        Returns:
            The confidence in the note shown.
        """
        if fit is not None and fit.confidence >= KEEP_CONFIDENCE and self._is_shown_note(fit):
            self._shown.append(fit.frequency_hz)
            self._last = fit
            self._rising.clear()
            self._num_missing = 0
            return fit.confidence
        if self._acquire(fit):
            return fit.confidence if fit is not None else 0.0
        self._num_missing += 1
        if self._num_missing > self._num_hold:
            self._shown.clear()
            self._target = None
        return 0.0

    def _acquire(self, fit: StringFit | None) -> bool:
        """True if a new note has just become certain."""
        if fit is None or fit.confidence < ACQUIRE_CONFIDENCE:
            self._rising.clear()
            return False
        if self._rising and abs(cents_between(fit.frequency_hz, self._rising[-1])) > _ACQUIRE_CENTS:
            self._rising.clear()
        self._rising.append(fit.frequency_hz)
        is_slip = bool(self._shown) and self._num_missing <= self._num_overtone and self._is_overtone(fit)
        if len(self._rising) < (self._num_overtone if is_slip else self._num_acquire):
            return False
        self._shown.clear()
        self._shown.extend(self._rising)
        self._last = fit
        self._rising.clear()
        self._target = None
        self._num_missing = 0
        return True

    def _is_shown_note(self, fit: StringFit) -> bool:
        return bool(self._shown) and abs(cents_between(fit.frequency_hz, self._median())) < _SAME_NOTE_CENTS

    def _is_overtone(self, fit: StringFit) -> bool:
        interval = abs(cents_between(fit.frequency_hz, self._median()))
        return any(abs(interval - overtone) < _OVERTONE_WIDTH_CENTS for overtone in _OVERTONES)

    def _median(self) -> float:
        return float(np.median(self._shown))


def _count(ms: float, per_s: float) -> int:
    return max(1, round(ms * per_s / 1000.0))
