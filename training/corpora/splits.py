"""Splits into training, validation and test that keep speakers and sources together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from hushgate.training.recordings.manifest import SPLITS


def parse_shares(text: str) -> tuple[float, float, float]:
    """Read shares such as "60/20/20" (train, val, test).

    Raises:
        ValueError: Not three numbers of 0 or more, or all 0.

    >>> parse_shares("60/20/20")
    (0.6, 0.2, 0.2)
    """
    try:
        train, val, test = (float(part) for part in text.split("/"))
    except ValueError as error:
        raise ValueError(f"split must be official or shares such as 60/20/20 (got {text!r}).") from error
    total = train + val + test
    if not (min(train, val, test) >= 0.0 and 0.0 < total < float("inf")):
        raise ValueError(f"split must have shares of 0 or more, not all of them 0 (got {text!r}).")
    return train / total, val / total, test / total


def split_groups(sizes: Mapping[str, float], shares: Sequence[float], seed: int) -> dict[str, str]:
    """Deal groups (speakers, sources, files) into train, val and test.

    Args:
        sizes: Size of each group: seconds or files.
        shares: Of train, val and test, in sum 1.
        seed: Another one deals differently; the same one deals alike on every machine.

    Returns:
        The split of each group. Sizes come as near to the shares as whole groups allow, and a share above 0
        gets at least one group if there are enough of them.
    """
    order = sorted(sizes, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    total = sum(sizes.values()) or 1.0
    wanted = [split for split, share in zip(SPLITS, shares, strict=True) if share > 0.0]
    dealt: dict[str, str] = {}
    filled = dict.fromkeys(SPLITS, 0.0)
    goal = dict(zip(SPLITS, shares, strict=True))
    for place, name in enumerate(order):
        empty = [split for split in wanted if not filled[split]]
        if len(order) - place <= len(empty):
            split = empty[0]
        else:
            # The split farthest below its share of the total.
            split = max(wanted, key=lambda s: goal[s] - filled[s] / total)
        dealt[name] = split
        filled[split] += max(sizes[name], 1e-9)
    return dealt
