"""Tuner: the note of a string and its deviation in cents.

>>> from hushgate import tuner
>>> sorted(tuner.TUNINGS)[:3]
['banjo', 'baritone-ukulele', 'bass']

Start with `hushgate.Tuner`.
"""

from __future__ import annotations

from hushgate.tuner.notes import TUNINGS, Target, Targets, note_name, note_number
from hushgate.tuner.reading import Reading
from hushgate.tuner.tuner import Tuner

__all__ = ["TUNINGS", "Reading", "Target", "Targets", "Tuner", "note_name", "note_number"]
