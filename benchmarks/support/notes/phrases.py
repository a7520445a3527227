"""Phrases of single notes with pauses between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hushgate.training.evaluate.measures.base import Audio
from support.notes.note_sets import RATE, from_onset
from support.recordings import read_mono

SOFTEST_DB, LOUDEST_DB = -16.0, -8.0
"""Peaks of the softest and the loudest note, dBFS."""
PAUSE_S = 1.2
_NUM_NOTES, _NOTE_S, _LEAD_S, _FADE_S = 4, 1.6, 0.5, 0.1


@dataclass(frozen=True)
class Phrase:
    """Notes with silence between them, (1, samples) at 16 kHz, and (first sample, samples) of each."""

    sound: Audio
    notes: list[tuple[int, int]]


def make_phrase(paths: Sequence[Path], rng: np.random.Generator, softest_db: float = SOFTEST_DB) -> Phrase:
    """Four notes by chance with peaks from `softest_db` to -8 dBFS, faded out over 0.1 s at a cut."""
    parts, notes, start = [np.zeros(round(_LEAD_S * RATE))], [], round(_LEAD_S * RATE)
    for _ in range(_NUM_NOTES):
        note = from_onset(read_mono(paths[int(rng.integers(len(paths)))], RATE))[: round(_NOTE_S * RATE)]
        note = note / np.abs(note).max() * 10.0 ** (rng.uniform(softest_db, LOUDEST_DB) / 20.0)
        note = note * np.minimum(1.0, np.arange(len(note))[::-1] / (_FADE_S * RATE))
        notes.append((start, len(note)))
        parts += [note, np.zeros(round(PAUSE_S * RATE))]
        start += len(note) + round(PAUSE_S * RATE)
    return Phrase(np.concatenate(parts)[np.newaxis].astype(np.float32), notes)
