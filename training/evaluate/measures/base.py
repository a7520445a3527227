"""Pairs of recordings, columns of figures, and the protocol of measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Item:
    """One pair of recordings.

    Attributes:
        name: What tables call it; unique in its set.
        noisy, clean: float32 (channels, samples), of one shape.
        sample_rate: Hz.
        groups: The columns "SNR", "noise kind" and "noise" of the tables, as text.
        text: What is said in it, where that is known.
    """

    name: str
    noisy: Audio
    clean: Audio
    sample_rate: int
    groups: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


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
