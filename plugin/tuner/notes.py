"""Names and frequencies of notes, and named tunings."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAME = re.compile(r"([A-Ga-g])([#b\u266f\u266d]?)(-?\d)")
_A4 = 69
MIN_A4_HZ, MAX_A4_HZ = 380.0, 500.0
MAX_TRANSPOSE = 36

TUNINGS: dict[str, tuple[str, ...]] = {
    "chromatic": (),
    "guitar": ("E2", "A2", "D3", "G3", "B3", "E4"),
    "drop-d": ("D2", "A2", "D3", "G3", "B3", "E4"),
    "double-drop-d": ("D2", "A2", "D3", "G3", "B3", "D4"),
    "dadgad": ("D2", "A2", "D3", "G3", "A3", "D4"),
    "open-d": ("D2", "A2", "D3", "F#3", "A3", "D4"),
    "open-e": ("E2", "B2", "E3", "G#3", "B3", "E4"),
    "open-g": ("D2", "G2", "D3", "G3", "B3", "D4"),
    "open-a": ("E2", "A2", "E3", "A3", "C#4", "E4"),
    "open-c": ("C2", "G2", "C3", "G3", "C4", "E4"),
    "half-step-down": ("Eb2", "Ab2", "Db3", "Gb3", "Bb3", "Eb4"),
    "full-step-down": ("D2", "G2", "C3", "F3", "A3", "D4"),
    "drop-c": ("C2", "G2", "C3", "F3", "A3", "D4"),
    "guitar-7": ("B1", "E2", "A2", "D3", "G3", "B3", "E4"),
    "bass": ("E1", "A1", "D2", "G2"),
    "bass-5": ("B0", "E1", "A1", "D2", "G2"),
    "ukulele": ("G4", "C4", "E4", "A4"),
    "ukulele-low-g": ("G3", "C4", "E4", "A4"),
    "baritone-ukulele": ("D3", "G3", "B3", "E4"),
    "violin": ("G3", "D4", "A4", "E5"),
    "viola": ("C3", "G3", "D4", "A4"),
    "cello": ("C2", "G2", "D3", "A3"),
    "mandolin": ("G3", "D4", "A4", "E5"),
    "banjo": ("G4", "D3", "G3", "B3", "D4"),
}
"""Named tunings: the strings from the first to the last; "chromatic" is every note."""

BOWED_TUNINGS = ("violin", "viola", "cello")
"""Names in `TUNINGS` whose strings are mostly bowed, so that their notes do not fade."""

BASS_TUNINGS = ("bass", "bass-5")
"""Names in `TUNINGS` whose low strings the guitar model takes for noise."""


def note_number(name: str) -> int:
    """MIDI number of a note in scientific pitch notation; A4 is 69.

    Raises:
        ValueError: Not the name of a note.

    >>> note_number("E2"), note_number("Eb2"), note_number("F#3")
    (40, 39, 54)
    """
    match = _NAME.fullmatch(name.strip())
    if match is None:
        raise ValueError(f"a note must be a letter A to G, perhaps # or b, and an octave (got {name!r}).")
    letter, accidental, octave = match.groups()
    shift = {"": 0, "#": 1, "\u266f": 1, "b": -1, "\u266d": -1}[accidental]
    return 12 * (int(octave) + 1) + _STEPS[letter.upper()] + shift


def note_name(number: int) -> str:
    """Name of a MIDI number, with sharps.

    >>> note_name(40), note_name(69)
    ('E2', 'A4')
    """
    return f"{_NAMES[number % 12]}{number // 12 - 1}"


def cents_between(frequency_hz: float, reference_hz: float) -> float:
    """Interval from a reference up to a frequency, cents.

    >>> round(cents_between(442.0, 440.0), 2)
    7.85
    """
    return 1200.0 * math.log2(frequency_hz / reference_hz)


@dataclass(frozen=True)
class Target:
    """A pitch to tune to: its written name, and its sounding frequency, Hz."""

    name: str
    frequency_hz: float

    def cents(self, frequency_hz: float) -> float:
        """Interval from the target up to a frequency, cents.

        >>> round(Target("A4", 440.0).cents(442.0), 2)
        7.85
        """
        return cents_between(frequency_hz, self.frequency_hz)


class Targets:
    """The pitches that a tuner can show, and the nearest of them to a frequency.

    Args:
        tuning: A name of `TUNINGS`, or the strings' notes, such as "D2,A2,D3" or ("D2", "A2", "D3").
            With strings the nearest string is shown, at any distance; "chromatic" shows the nearest of
            all notes.
        a4_hz: Frequency of A4, Hz, 380.0 to 500.0.
        transpose: Semitones from the written note to the sounding one, -36 to 36: 2 for a capo at
            the second fret, -2 for an instrument in B flat.

    Raises:
        ValueError, TypeError: An argument out of range; the message gives the range.

    >>> Targets("guitar").nearest(80.0).name
    'E2'
    >>> Targets("chromatic", transpose=2).nearest(92.5).name
    'E2'
    """

    def __init__(
        self, tuning: str | Sequence[str] = "chromatic", *, a4_hz: float = 440.0, transpose: int = 0
    ) -> None:
        if not MIN_A4_HZ <= a4_hz <= MAX_A4_HZ:  # also catches NaN
            raise ValueError(f"a4_hz must be between {MIN_A4_HZ} and {MAX_A4_HZ} Hz (got {a4_hz}).")
        if isinstance(transpose, bool) or not isinstance(transpose, int):
            raise TypeError(f"transpose must be a whole number of semitones (got {transpose!r}).")
        if not -MAX_TRANSPOSE <= transpose <= MAX_TRANSPOSE:
            raise ValueError(
                f"transpose must be between -{MAX_TRANSPOSE} and {MAX_TRANSPOSE} semitones (got {transpose})."
            )
        self._a4_hz = float(a4_hz)
        self._transpose = transpose
        self._strings = [self._target(note_number(name), name) for name in _strings_of(tuning)]

    def nearest(
        self, frequency_hz: float, *, current: Target | None = None, margin_cents: float = 0.0
    ) -> Target:
        """The target nearest to a frequency.

        Args:
            frequency_hz: Hz, above 0.
            current: The target shown so far, which is kept unless another one is clearly nearer.
            margin_cents: Least difference in distance for another target than `current`, cents.
        """
        if self._strings:
            best = min(self._strings, key=lambda target: abs(target.cents(frequency_hz)))
        else:
            sounding = round(_A4 + 12.0 * math.log2(frequency_hz / self._a4_hz))
            best = self._target(sounding - self._transpose)
        if current is None or best == current:
            return best
        gain = abs(current.cents(frequency_hz)) - abs(best.cents(frequency_hz))
        return best if gain > margin_cents else current

    def _target(self, written: int, name: str | None = None) -> Target:
        semitones = written + self._transpose - _A4
        return Target(name or note_name(written), self._a4_hz * 2.0 ** (semitones / 12.0))


def _strings_of(tuning: str | Sequence[str]) -> Sequence[str]:
    if isinstance(tuning, str) and "," in tuning:
        tuning = [name for name in map(str.strip, tuning.split(",")) if name]
    if not isinstance(tuning, str):
        if not tuning:
            raise ValueError('tuning must hold at least one note (got none). Use "chromatic" for all notes.')
        return tuning
    if tuning not in TUNINGS:
        raise ValueError(
            f"tuning must be one of {', '.join(TUNINGS)}, or notes such as E2,A2,D3 (got {tuning!r})."
        )
    return TUNINGS[tuning]
