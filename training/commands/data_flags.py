"""Arguments and progress bar that parts of `hushgate data` share."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import TypeVar

from hushgate.commands.progress_bar import progress_bar
from hushgate.training.config.flags import add_config_flags

Item = TypeVar("Item")


def with_progress(items: Iterable[Item], total: int, what: str, quiet: bool) -> Iterator[Item]:
    """Yield items while a bar on a terminal counts them."""
    with progress_bar(what, total, quiet=quiet) as advance:
        for item in items:
            yield item
            advance(1)


def add_source(parser: argparse.ArgumentParser, *, optional: bool) -> None:
    """Declare the configuration, split and seed of mixtures."""
    parser.add_argument(
        "config",
        nargs="?" if optional else None,
        metavar="CONFIG",
        help="prepared folder, TOML file, or the name of a shipped configuration",
    )
    add_config_flags(parser, config="the configuration")
    parser.add_argument("--split", choices=("train", "val", "test"), default="train")
    parser.add_argument("--seed", type=int, default=0, help="starts every choice (default 0)")
