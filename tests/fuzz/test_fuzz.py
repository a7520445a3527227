"""Whatever a file, pipe, preset, model or journal holds, a command ends in order: see `Harness`."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.fuzz.cases import make_case
from tests.fuzz.harness import run_apart

NUM_EVERYDAY = 1_000


def test_hostile_inputs_end_in_order(request: pytest.FixtureRequest) -> None:
    # In another process: its memory is measured, and it may crash.
    count = request.config.option.fuzz or NUM_EVERYDAY
    assert run_apart(request.config.option.seed * 1_000_000, count) == []


def test_cases_are_of_every_kind_and_the_same_for_a_seed() -> None:
    kinds = Counter(make_case(seed).kind for seed in range(200))
    assert kinds.keys() == {"file", "pipe", "preset", "model", "journal"}
    assert [make_case(seed) for seed in range(50)] == [make_case(seed) for seed in range(50)]
