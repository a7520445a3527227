"""STOI: intelligibility of speech."""

from __future__ import annotations

import importlib
import math
import warnings

from hushgate.training.evaluate.measures.base import Audio, Column, Item
from hushgate.training.evaluate.measures.mono_at_rate import mono_at

_RATE = 16_000


class Stoi:
    """Short-time objective intelligibility, 0 to 1 (Taal et al. 2011); NaN with under 0.4 s of speech."""

    columns = (Column("stoi", "STOI", 3),)

    def __init__(self) -> None:
        self._stoi = importlib.import_module("pystoi").stoi

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        sounds = [mono_at(audio, item.sample_rate, _RATE) for audio in (item.clean, output)]
        if not sounds[0].any():
            return {"stoi": math.nan}
        with warnings.catch_warnings():
            # With too little speech it warns and returns a meaningless number.
            warnings.simplefilter("error", RuntimeWarning)
            try:
                return {"stoi": float(self._stoi(*sounds, _RATE))}
            except RuntimeWarning:
                return {"stoi": math.nan}
