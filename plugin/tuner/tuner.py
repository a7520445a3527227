"""`Tuner`: readings of pitch from a stream of sound."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hushgate.pedalboard_compat.call_arguments import checked_flag, checked_sample_rate
from hushgate.pedalboard_compat.channel_layout import LayoutMemory
from hushgate.pedalboard_compat.strict_attributes import StrictAttributes
from hushgate.tuner.fade_meter import FadeMeter
from hushgate.tuner.notes import Targets, cents_between
from hushgate.tuner.pitch_tracker import PitchTracker
from hushgate.tuner.reading import Needle, Reading
from hushgate.tuner.string_fit import StringFit

_MIN_SAMPLE_RATE = 4000.0
_MIN_READINGS_PER_S, _MAX_READINGS_PER_S = 5.0, 200.0
_MAX_HOLD_MS = 5000.0
_MIN_THRESHOLD_DB = -120.0
_OCTAVE_CENTS, _ANOTHER_NOTE_CENTS = 1200.0, 50.0


class Tuner(StrictAttributes):
    """Read the note of a string, and its deviation in cents.

    A reading shows one string, from 30 Hz to 1.6 kHz. Its pitch is the frequency of the first partial,
    also where a small loudspeaker or microphone has lost it: the higher partials of a stiff string are
    sharp, and the first one is computed from them with the measured inharmonicity.

    Args:
        tuning: A name of `hushgate.tuner.TUNINGS` or the strings' notes, as "D2,A2,D3" or a list: then the
            nearest string is shown, however far off. "chromatic" shows the nearest of all notes.
        a4_hz: Frequency of A4, Hz, 380.0 to 500.0.
        transpose: Semitones from the note shown to the one that sounds, -36 to 36: 2 for a capo at
            the second fret.
        readings_per_s: 5.0 to 200.0; each costs one to two milliseconds of one core.
        hold_ms: Time that a note stays in the readings after its sound, ms, 0.0 to 5000.0.
        threshold_db: Quieter sound counts as silence, dBFS (RMS), -120.0 to 0.0.
        sustained: Also show tones that swell or keep their level: bowed, blown, sung, fed back. With False,
            a tone that swells is hidden until it has faded for half a second; a tone that starts sharply is
            hidden from 0.2 s on while neither its overtones nor its level fade.

    Readings come at a fixed rate, whatever the size of the blocks, with a note or without.

    Latency: a note appears 100 to 140 ms after the pluck. A reading uses the last 115 ms of sound, and
    from 230 ms after the pluck on the last 230 ms; it shows the median of the last 200 ms of estimates.
    State: the last 230 ms of sound, and the note shown.

    >>> from hushgate import Tuner
    >>> time = np.arange(48_000) / 48_000
    >>> string = sum(np.sin(2 * np.pi * 110.5 * n * time) / n for n in (1, 2, 3, 4))
    >>> reading = Tuner("guitar").process(0.1 * string, 48_000)[-1]
    >>> reading.note, round(reading.cents)
    ('A2', 8)
    """

    def __init__(
        self,
        tuning: str | Sequence[str] = "chromatic",
        *,
        a4_hz: float = 440.0,
        transpose: int = 0,
        readings_per_s: float = 50.0,
        hold_ms: float = 250.0,
        threshold_db: float = -70.0,
        sustained: bool = True,
    ) -> None:
        self._targets = Targets(tuning, a4_hz=a4_hz, transpose=transpose)
        for name, value, low, high, unit in (
            ("readings_per_s", readings_per_s, _MIN_READINGS_PER_S, _MAX_READINGS_PER_S, "Hz"),
            ("hold_ms", hold_ms, 0.0, _MAX_HOLD_MS, "ms"),
            ("threshold_db", threshold_db, _MIN_THRESHOLD_DB, 0.0, "dBFS"),
        ):
            if not low <= value <= high:  # also catches NaN
                raise ValueError(f"{name} must be between {low} and {high} {unit} (got {value}).")
        self._tuning = tuning if isinstance(tuning, str) else tuple(tuning)
        self._a4_hz, self._transpose, self._hold_ms = float(a4_hz), transpose, float(hold_ms)
        self._readings_per_s, self._threshold_db = float(readings_per_s), float(threshold_db)
        self._sustained = checked_flag(sustained, "sustained")
        self._needle = Needle(self._targets, readings_per_s=readings_per_s, hold_ms=hold_ms)
        self._layout = LayoutMemory()
        self._stream: _Stream | None = None

    def __repr__(self) -> str:
        return (
            f"<hushgate.Tuner tuning={self._tuning!r} a4_hz={self._a4_hz} transpose={self._transpose} "
            f"readings_per_s={self._readings_per_s} hold_ms={self._hold_ms} "
            f"threshold_db={self._threshold_db} sustained={self._sustained} at {hex(id(self))}>"
        )

    @property
    def targets(self) -> Targets:
        """The pitches that can be shown."""
        return self._targets

    @property
    def readings_per_s(self) -> float:
        """Readings per second of sound, Hz."""
        return self._readings_per_s

    def process(
        self,
        input_array: NDArray[np.float32] | NDArray[np.float64],
        sample_rate: float,
        reset: bool = True,
    ) -> list[Reading]:
        """Read a whole recording, or with `reset=False` the next block of a stream.

        Args:
            input_array: float32 or float64, 1-D or 2-D; the smaller dimension is channels, which are
                averaged. Any length. Samples that are not finite count as silence.
            sample_rate: Hz, 4,000 or more. Another rate than before resets the tuner.
            reset: False for the next block of a stream.

        Returns:
            The readings that have become due; their times continue from block to block.

        Raises:
            TypeError: Not an array of float32 or float64.
            ChannelLayoutError: More than two dimensions, or square with no block before it.
            ValueError: `sample_rate` out of range.
        """
        rate = checked_sample_rate(sample_rate)
        if rate < _MIN_SAMPLE_RATE:
            raise ValueError(f"sample_rate must be at least {_MIN_SAMPLE_RATE:g} Hz (got {sample_rate}).")
        if checked_flag(reset):
            self.reset()
        block = self._layout.to_planar(input_array)
        if self._stream is None or self._stream.sample_rate != rate:
            self._needle.reset()
            self._stream = _Stream(
                rate,
                self._needle,
                readings_per_s=self._readings_per_s,
                threshold_db=self._threshold_db,
                sustained=self._sustained,
            )
        if block.shape[0] == 0:
            return []
        return self._stream.process(block.mean(axis=0, dtype=np.float64))

    __call__ = process

    def reset(self) -> None:
        """Forget all sound and the last layout: time starts at 0 again."""
        self._layout.forget()
        self._stream = None


class _Stream:
    """Sound at one sample rate since the last reset, and the readings due from it."""

    def __init__(
        self,
        sample_rate: float,
        needle: Needle,
        *,
        readings_per_s: float,
        threshold_db: float,
        sustained: bool,
    ) -> None:
        self.sample_rate = sample_rate
        self._needle = needle
        self._readings_per_s = readings_per_s
        self._tracker = PitchTracker(sample_rate, threshold_db)
        self._fade = None if sustained else FadeMeter(sample_rate)
        self._sounded: StringFit | None = None
        self._held = np.zeros(self._tracker.span)
        self._num_received = 0  # samples, up to the end of `_held`
        self._num_readings = 0
        self._last_end = 0

    def process(self, samples: NDArray[np.float64]) -> list[Reading]:
        """Readings that the next samples make due."""
        finite = np.isfinite(samples)
        if not finite.all():
            samples = np.where(finite, samples, 0.0)
        sound = np.concatenate([self._held, samples])
        start = self._num_received - len(self._held)  # index of sound[0], samples since the reset
        self._num_received += len(samples)
        readings = []
        while (end := self._next_end()) <= self._num_received:
            recent = sound[end - start - self._tracker.span : end - start]
            fit = self._tracker.estimate(recent, end - self._last_end, self._needle.sounding)
            reading = self._needle.step(end / self.sample_rate, fit)
            if self._fade is not None:
                if self._is_new_note():
                    self._fade.begin_note()
                self._fade.update(recent[len(recent) - (end - self._last_end) :])
                if self._fade.is_sustained:
                    reading = Reading.nothing(reading.time_s)
            readings.append(reading)
            self._last_end = end
            self._num_readings += 1
        self._held = sound[-self._tracker.span :].copy()
        return readings

    def _is_new_note(self) -> bool:
        """True if the sounding note has changed; an error by octaves does not count."""
        before, sounding = self._sounded, self._needle.sounding
        self._sounded = sounding or before
        if before is None or sounding is None:
            return False
        cents = cents_between(sounding.frequency_hz, before.frequency_hz)
        return abs(math.remainder(cents, _OCTAVE_CENTS)) > _ANOTHER_NOTE_CENTS

    def _next_end(self) -> int:
        """Index of the sample at which the next reading ends."""
        return round((self._num_readings + 1) * self.sample_rate / self._readings_per_s)
