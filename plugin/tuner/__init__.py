"""Tuner: the note of a string and its deviation in cents.

>>> from hushgate import tuner
>>> sorted(tuner.TUNINGS)[:3]
['banjo', 'baritone-ukulele', 'bass']

Start with `hushgate.Tuner`. Names load when they are first used, so that `hushgate tune --help` needs no
numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushgate.engine.lazy_names import load_on_use

if TYPE_CHECKING:
    from hushgate.tuner.notes import TUNINGS, Target, Targets, note_name, note_number
    from hushgate.tuner.reading import Reading
    from hushgate.tuner.tuner import Tuner

__all__ = ["TUNINGS", "Reading", "Target", "Targets", "Tuner", "note_name", "note_number"]

_HOME = {
    "TUNINGS": "hushgate.tuner.notes",
    "Reading": "hushgate.tuner.reading",
    "Target": "hushgate.tuner.notes",
    "Targets": "hushgate.tuner.notes",
    "Tuner": "hushgate.tuner.tuner",
    "note_name": "hushgate.tuner.notes",
    "note_number": "hushgate.tuner.notes",
}

__getattr__, __dir__ = load_on_use(__name__, _HOME)
