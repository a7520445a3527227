"""ViSQOL in audio mode: perceptual quality of music."""

from __future__ import annotations

import importlib
import math

from hushgate.training.evaluate.measures.base import Audio, Column, Item
from hushgate.training.evaluate.measures.mono_at_rate import mono_at

_RATE = 48_000


class Visqol:
    """ViSQOL v3 in audio mode, 1 to about 4.75, at 48 kHz (Chinen et al. 2020); NaN where it cannot judge.

    Sound of a lower rate than 48 kHz is resampled; its empty top is the same in both and costs nothing.
    """

    columns = (Column("visqol", "ViSQOL", 2),)

    def __init__(self) -> None:
        self._api = importlib.import_module("visqol").VisqolApi()
        self._api.create(mode="audio")

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        sounds = [mono_at(audio, item.sample_rate, _RATE) for audio in (item.clean, output)]
        if not all(sound.any() for sound in sounds):
            return {"visqol": math.nan}
        try:
            return {"visqol": float(self._api.measure_from_arrays(*sounds, _RATE).moslqo)}
        except ValueError:
            return {"visqol": math.nan}
