"""PESQ: perceptual quality of speech (ITU-T P.862.2)."""

from __future__ import annotations

import importlib
import math

from hushgate.training.evaluate.measures.base import Audio, Column, Item
from hushgate.training.evaluate.measures.mono_at_rate import mono_at

_RATE = 16_000


class Pesq:
    """Wide-band PESQ (ITU-T P.862.2), 1.04 to 4.64, at 16 kHz; NaN where it finds no speech or fails."""

    columns = (Column("pesq", "PESQ", 2),)

    def __init__(self) -> None:
        self._module = importlib.import_module("pesq")

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        sounds = [mono_at(audio, item.sample_rate, _RATE) for audio in (item.clean, output)]
        try:
            return {"pesq": float(self._module.pesq(_RATE, *sounds, "wb"))}
        except (self._module.PesqError, ValueError):
            # No utterance, too short, or a silent output.
            return {"pesq": math.nan}
