"""Rows of figures from a recording of any length, thinned out evenly so that memory stays constant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class RowStore:
    """Keep runs of neighbouring rows; when it is full, drop every second run and accept half as many.

    Args:
        width: Values per row.
        run: Rows in a run that stay together.
        capacity: Most runs to keep, even.
        stride: One run of this many is kept from the start.
    """

    def __init__(self, width: int, *, run: int, capacity: int, stride: int = 1) -> None:
        self._rows = np.zeros((capacity, run, width), np.float32)
        self._filled = np.zeros(capacity, np.int64)
        self._run = run
        self._stride = stride

    def wanted(self, first: int, count: int) -> NDArray[np.int64]:
        """Which of `count` rows from number `first` on would be kept, counted from 0 at `first`."""
        return np.flatnonzero((np.arange(first, first + count) // self._run) % self._stride == 0)

    def add(self, first: int, rows: NDArray[np.float32]) -> None:
        """Offer neighbouring rows, (rows, width), whose first has the number `first`; numbers only rise."""
        done = 0
        while done < len(rows):
            run, place = divmod(first + done, self._run)
            count = min(self._run - place, len(rows) - done)
            slot = self._slot(run)
            if slot is not None:
                self._rows[slot, place : place + count] = rows[done : done + count]
                self._filled[slot] = place + count
            done += count

    def runs(self) -> list[NDArray[np.float32]]:
        """The rows that were kept: float32 (rows, width) for each run without gaps, in order."""
        found = [rows[:filled] for rows, filled in zip(self._rows, self._filled, strict=True) if filled]
        return [np.concatenate(found)] if self._stride == 1 and found else found

    def _slot(self, run: int) -> int | None:
        """Place of a run; None if it is not kept."""
        if run % self._stride == 0 and run // self._stride >= len(self._rows):
            half = len(self._rows) // 2
            self._rows[:half] = self._rows[::2].copy()
            self._filled[:half] = self._filled[::2].copy()
            self._filled[half:] = 0
            self._stride *= 2
        return run // self._stride if run % self._stride == 0 else None
