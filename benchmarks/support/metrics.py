"""Columns of the quality tables, and the measures of `hushgate evaluate` that fill them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from hushgate.training.evaluate.confidence import Estimate, estimate_mean
from hushgate.training.evaluate.measures import make_measures
from hushgate.training.evaluate.measures.base import Audio, Item, Measure

MEASURES = {
    "SI-SDR dB": "si_sdr",
    "PESQ": "pesq",
    "STOI": "stoi",
    "DNSMOS": "dnsmos",
    "LSD dB": "lsd",
    "target LSD dB": "target_lsd",
    "level dB": "level",
    "above 8 kHz dB": "upper_level",
}
"""Measure by title of its column; the first of its columns is shown."""


def figures(titles: Sequence[str], item: Item, output: Audio) -> dict[str, float]:
    """Figures by title of an output (channels, samples) that is aligned with `item.clean`.

    Raises:
        RuntimeError: A measure's package is not installed; says which.
    """
    return {title: _measure(title)(item, output)[_measure(title).columns[0].name] for title in titles}


def mean_of(values: Sequence[float]) -> Estimate:
    """Mean with its 95 % confidence interval by Student's t; NaN values are left out.

    >>> f"{mean_of([1.0, 2.0, 3.0]).mean:.2f} {mean_of([1.0, 2.0, 3.0]).margin:.2f}"
    '2.00 2.48'
    """
    return estimate_mean(values, interval="t")


@cache
def _measure(title: str) -> Measure:
    return make_measures([MEASURES[title]])[0]
