"""Whatever a file, pipe, preset, model or journal holds, a command ends in order: see `Harness`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz.cases import make_case
from tests.fuzz.harness import Harness, run_apart

NUM_EVERYDAY = 1_000


def test_hostile_inputs_end_in_order(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    harness = Harness(tmp_path)
    first = request.config.option.seed * 1_000_000
    found = {seed: harness.faults(make_case(seed)) for seed in range(first, first + NUM_EVERYDAY)}
    assert {seed: faults for seed, faults in found.items() if faults} == {}


def test_cases_are_of_every_kind_and_the_same_for_a_seed() -> None:
    kinds = Counter(make_case(seed).kind for seed in range(200))
    assert kinds.keys() == {"file", "pipe", "preset", "model", "journal"}
    assert [make_case(seed) for seed in range(50)] == [make_case(seed) for seed in range(50)]


def test_many_hostile_inputs_end_in_order_in_processes_of_their_own(request: pytest.FixtureRequest) -> None:
    count = request.config.option.fuzz
    if not count:
        pytest.skip("--fuzz N runs N inputs")
    assert run_apart((request.config.option.seed + 1) * 1_000_000, count) == []
