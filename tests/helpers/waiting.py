"""Waiting for other processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def wait_until(is_so: Callable[[], bool], failure: str = "it did not come about") -> None:
    """Wait until something is so, a minute at most."""
    deadline = time.monotonic() + 60.0
    while not is_so():
        assert time.monotonic() < deadline, f"{failure} within a minute"
        time.sleep(0.02)


def wait_for_file(folder: Path, larger_than: int = 0) -> None:
    """Wait until a file in `folder` has more than `larger_than` bytes, a minute at most."""
    wait_until(
        lambda: any(path.stat().st_size > larger_than for path in folder.iterdir()),
        f"no file in {folder} grew beyond {larger_than} bytes",
    )
