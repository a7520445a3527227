"""Played notes of a recording: name, time and deviation, from its readings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from hushgate.tuner.reading import Reading


@dataclass(frozen=True)
class PlayedNote:
    """A time during which one note sounded.

    Attributes:
        start_s, end_s: First and last reading of its sound, seconds.
        note: Name of the note.
        frequency_hz, cents: Medians over the readings of the note.
        spread_cents: Half the range of the middle 80 % of the readings, cents.
        confidence: Median.
    """

    start_s: float
    end_s: float
    note: str
    frequency_hz: float
    cents: float
    spread_cents: float
    confidence: float


def played_notes(readings: Iterable[Reading]) -> Iterator[PlayedNote]:
    """Yield the notes of a recording in order. Held readings do not count."""
    held: list[Reading] = []
    for reading in readings:
        if held and (reading.note != held[0].note):
            yield _sum_up(held)
            held = []
        if reading.note is not None and not reading.is_held:
            held.append(reading)
    if held:
        yield _sum_up(held)


def _sum_up(readings: list[Reading]) -> PlayedNote:
    first = readings[0]
    assert first.note is not None
    frequencies = [reading.frequency_hz for reading in readings if reading.frequency_hz is not None]
    cents = np.array([reading.cents for reading in readings if reading.cents is not None])
    low, high = np.quantile(cents, [0.1, 0.9])
    return PlayedNote(
        start_s=first.time_s,
        end_s=readings[-1].time_s,
        note=first.note,
        frequency_hz=float(np.median(frequencies)),
        cents=float(np.median(cents)),
        spread_cents=float(high - low) / 2.0,
        confidence=float(np.median([reading.confidence for reading in readings])),
    )
