"""Measurement of every system on every item."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from hushgate.training.evaluate.alignment import align
from hushgate.training.evaluate.measures import make_measures
from hushgate.training.evaluate.measures.base import Audio, Item
from hushgate.training.evaluate.sound_pairs import ItemSet
from hushgate.training.evaluate.systems import System, make_process

MAX_DELAY_MS = 150.0


@dataclass(frozen=True)
class Score:
    """Figures of one system on one item, by column name, and the item's groups."""

    system: str
    item: str
    groups: Mapping[str, str]
    values: Mapping[str, float]


class Examiner:
    """Runs systems over items and measures the output.

    Args:
        items: The pairs.
        systems: Checkpoints among them exported already (`systems.prepare`).
        measures: Names, as in `measures.MEASURES`.
        max_delay_ms: Outputs of other programs are shifted by up to this much, ms; 0 leaves them alone. What
            runs through the engine comes back aligned.

    Raises:
        FileNotFoundError, ValueError: A system cannot be loaded.
        RuntimeError: A measure needs a package that is not installed.
    """

    def __init__(
        self,
        items: ItemSet,
        systems: Sequence[System],
        measures: Sequence[str],
        max_delay_ms: float = MAX_DELAY_MS,
    ) -> None:
        self._items = items
        self._max_delay_ms = max_delay_ms
        self._measures = make_measures(measures)
        self._systems = [(system, make_process(system)) for system in systems]

    def examine(self, index: int) -> list[Score]:
        """Scores of every system on item number `index`.

        Raises:
            RuntimeError: A system failed; says which, on which item.
        """
        item = self._items[index]
        scores = []
        for system, process in self._systems:
            try:
                output = process(item.noisy, item.sample_rate)
            except Exception as error:
                raise RuntimeError(f"{system.name} failed on {item.name}: {error}") from error
            values: dict[str, float] = {}
            for measure in self._measures:
                values |= measure(item, self._fitted(system, item, output))
            scores.append(Score(system.name, item.name, item.groups, values))
        return scores

    def _fitted(self, system: System, item: Item, output: Audio) -> Audio:
        if not system.is_program:
            return output
        return align(item.clean, output, round(self._max_delay_ms * item.sample_rate / 1000.0))


_examiner: Examiner | None = None


def examine_all(
    items: ItemSet,
    systems: Sequence[System],
    measures: Sequence[str],
    *,
    max_delay_ms: float = MAX_DELAY_MS,
    jobs: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> list[Score]:
    """Scores of all systems on all items, item by item; the same with any number of jobs.

    Args:
        items, systems, measures, max_delay_ms: As in `Examiner`.
        jobs: Processes; 1 works in this one.
        advance: Called after each item.
    """
    scores: list[Score] = []
    for part in _parts(items, systems, measures, max_delay_ms, jobs):
        scores += part
        advance()
    return scores


def _parts(
    items: ItemSet, systems: Sequence[System], measures: Sequence[str], max_delay_ms: float, jobs: int
) -> Iterator[list[Score]]:
    if jobs == 1:
        examiner = Examiner(items, systems, measures, max_delay_ms)
        yield from map(examiner.examine, range(len(items)))
        return
    # Report a missing package once, here, and not from every worker.
    make_measures(measures)
    # One thread per worker, which libraries read when they are loaded: more would compete for the same cores.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    with ProcessPoolExecutor(
        jobs,
        multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(items, systems, measures, max_delay_ms),
    ) as pool:
        yield from pool.map(_work, range(len(items)))


def _start_worker(
    items: ItemSet, systems: Sequence[System], measures: Sequence[str], max_delay_ms: float
) -> None:
    global _examiner
    _examiner = Examiner(items, systems, measures, max_delay_ms)


def _work(index: int) -> list[Score]:
    assert _examiner is not None
    return _examiner.examine(index)
