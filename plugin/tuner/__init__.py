"""A tuner: which note sounds, and by how many cents it is off.

>>> from hushgate import tuner
>>> sorted(tuner.TUNINGS)[:3]
['banjo', 'baritone-ukulele', 'bass']

`hushgate.Tuner` is the way in.
"""

from __future__ import annotations

from hushgate.tuner.notes import TUNINGS, Target, Targets, note_name, note_number
from hushgate.tuner.reading import Reading
from hushgate.tuner.tuner import Tuner

__all__ = ["TUNINGS", "Reading", "Target", "Targets", "Tuner", "note_name", "note_number"]
