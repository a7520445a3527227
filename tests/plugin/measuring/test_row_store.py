"""Row store: whole runs, evenly thinned out."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.measuring.row_store import RowStore


def offered(store: RowStore, count: int, step: int) -> list[list[float]]:
    rows = np.arange(count, dtype=np.float32)[:, None]
    for start in range(0, count, step):
        store.add(start, rows[start : start + step])
    return [run[:, 0].tolist() for run in store.runs()]


@pytest.mark.parametrize("step", [1, 3, 100])
def test_keeps_everything_in_one_run_until_it_is_full(step: int) -> None:
    assert offered(RowStore(1, run=4, capacity=4), 15, step) == [list(range(15))]


@pytest.mark.parametrize("step", [1, 3, 100])
def test_then_keeps_every_second_run_whole(step: int) -> None:
    runs = offered(RowStore(1, run=4, capacity=4), 24, step)
    assert runs == [[0, 1, 2, 3], [8, 9, 10, 11], [16, 17, 18, 19]]


def test_wants_only_what_it_would_keep() -> None:
    store = RowStore(1, run=1, capacity=4, stride=3)
    assert store.wanted(1, 7).tolist() == [2, 5]
