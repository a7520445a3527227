"""Measures by name. Each is a class in a module of its own, loaded when it is asked for."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hushgate.training.evaluate.sound_pairs import Item

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Column:
    """One figure that a measure gives.

    Attributes:
        name: Of the column in CSV files.
        title: What tables call it, with its unit.
        digits: After the decimal point in tables.
        higher_is_better: Which way is good.
        weight: Column that says what each item counts in the mean; "" for all the same.
        is_shown: Whether tables and plots have it; the CSV file has all.
    """

    name: str
    title: str
    digits: int
    higher_is_better: bool = True
    weight: str = ""
    is_shown: bool = True


class Measure(Protocol):
    """What judges an output."""

    columns: tuple[Column, ...]

    def __call__(self, item: Item, output: Audio) -> Mapping[str, float]:
        """Figures by column name; NaN where there is nothing to measure.

        Args:
            item: The pair.
            output: What a system made of `item.noisy`, in its shape, aligned with `item.clean`.
        """


# Name: (module here, class, package it needs).
_PLACES = {
    "si_sdr": ("snr", "SiSdr", ""),
    "snr": ("snr", "Snr", ""),
    "mse": ("snr", "MeanSquaredError", ""),
    "lsd": ("lsd", "LogSpectralDistance", ""),
    "pesq": ("pesq", "Pesq", "pesq"),
    "stoi": ("stoi", "Stoi", "pystoi"),
    "dnsmos": ("dnsmos", "Dnsmos", "speechmos"),
    "visqol": ("visqol", "Visqol", "visqol"),
    "wer": ("wer", "WordErrorRate", "pocketsphinx"),
}
MEASURES = tuple(_PLACES)


def make_measures(names: Sequence[str]) -> list[Measure]:
    """The measures of those names, ready to be called.

    Raises:
        ValueError: No such measure.
        RuntimeError: What it needs is not installed (extra `evaluate`).
    """
    measures = []
    for name in names:
        if name not in _PLACES:
            raise ValueError(f"measure must be one of {', '.join(MEASURES)} (got {name!r}).")
        module, class_name, package = _PLACES[name]
        if package and importlib.util.find_spec(package) is None:
            raise RuntimeError(
                f"measure {name} needs the module {package}. Install: pip install 'hushgate[evaluate]'."
            )
        place = importlib.import_module(f"{__name__}.{module}")
        measure: Measure = getattr(place, class_name)()
        measures.append(measure)
    return measures
