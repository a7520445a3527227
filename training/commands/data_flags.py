"""What the parts of `hushgate data` share: where mixtures come from, and progress."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from hushgate.training.config.flags import add_config_flags

Item = TypeVar("Item")


def with_progress(items: Iterable[Item], total: int, what: str, quiet: bool) -> Iterator[Item]:
    """Pass items on, with a bar on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress

    # Without a thread of its own, which would not go well with forked processes.
    with Progress(console=Console(stderr=True), auto_refresh=False, transient=True) as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            yield item
            progress.advance(task)
            progress.refresh()


def add_source(parser: argparse.ArgumentParser, *, optional: bool) -> None:
    """Declare what mixtures are made from, of which split and seed."""
    parser.add_argument(
        "config",
        nargs="?" if optional else None,
        metavar="CONFIG",
        help="prepared folder, TOML file, or the name of a shipped configuration",
    )
    add_config_flags(parser, config="the configuration")
    parser.add_argument("--split", choices=("train", "val", "test"), default="train")
    parser.add_argument("--seed", type=int, default=0, help="starts every choice (default 0)")
