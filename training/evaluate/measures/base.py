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
        name: Name in tables, unique in its set.
        noisy, clean: float32 (channels, samples), of one shape.
        sample_rate: Hz.
        groups: The columns "SNR", "noise kind" and "noise" of the tables, as text.
        text: Transcript, where it is known.
    """

    name: str
    noisy: Audio
    clean: Audio
    sample_rate: int
    groups: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


@dataclass(frozen=True)
class Column:
    """One figure of a measure.

    Attributes:
        name: Of the column in CSV files.
        title: Heading in tables, with its unit.
        digits: After the decimal point in tables.
        higher_is_better: Direction of improvement.
        weight: Column with the weights of the items in the mean; "" for equal weights.
        is_shown: False leaves it out of tables and plots; the CSV file has all columns.
    """

    name: str
    title: str
    digits: int
    higher_is_better: bool = True
    weight: str = ""
    is_shown: bool = True


class Measure(Protocol):
    """Computes figures of one output."""

    columns: tuple[Column, ...]

    def __call__(self, item: Item, output: Audio) -> Mapping[str, float]:
        """Figures by column name; NaN where there is nothing to measure.

        Args:
            item: The pair.
            output: The system's output for `item.noisy`, in its shape, aligned with `item.clean`.
        """
