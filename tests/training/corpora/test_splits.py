"""Dealing speakers and sources into splits."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.training.corpora.splits import parse_shares, split_groups


def test_sizes_come_near_the_shares(rng: np.random.Generator) -> None:
    sizes = {f"speaker{number}": float(size) for number, size in enumerate(rng.uniform(10.0, 60.0, 200))}
    dealt = split_groups(sizes, (0.6, 0.2, 0.2), 1)
    for split, share in (("train", 0.6), ("val", 0.2), ("test", 0.2)):
        size = sum(sizes[name] for name, where in dealt.items() if where == split)
        assert size / sum(sizes.values()) == pytest.approx(share, abs=0.02)


def test_only_the_seed_and_the_names_matter() -> None:
    sizes = {f"speaker{number}": 1.0 for number in range(30)}
    backwards = dict(reversed(sizes.items()))
    assert split_groups(sizes, (0.6, 0.2, 0.2), 1) == split_groups(backwards, (0.6, 0.2, 0.2), 1)
    assert split_groups(sizes, (0.6, 0.2, 0.2), 1) != split_groups(sizes, (0.6, 0.2, 0.2), 2)


@pytest.mark.parametrize("count", [3, 4, 5])
@pytest.mark.parametrize("seed", range(5))
def test_every_share_gets_a_group_if_there_are_enough(count: int, seed: int) -> None:
    dealt = split_groups({str(number): 1.0 + number for number in range(count)}, (0.9, 0.05, 0.05), seed)
    assert set(dealt.values()) == {"train", "val", "test"}


def test_one_group_trains_and_a_share_of_nothing_stays_empty() -> None:
    assert split_groups({"only": 5.0}, (0.6, 0.2, 0.2), 0) == {"only": "train"}
    dealt = split_groups({str(number): 1.0 for number in range(20)}, (0.8, 0.2, 0.0), 0)
    assert set(dealt.values()) == {"train", "val"}


@pytest.mark.parametrize("text", ["60/20", "a/b/c", "60/20/-20", "0/0/0", "nan/1/1", ""])
def test_wrong_shares_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="split must"):
        parse_shares(text)
