"""Temporary files and folders of a batch: names that belong to one run."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TypeGuard

from hushgate.audio_files.part_files import PART_SUFFIX

# Prefix of all batches' temporary files; the number of the run follows.
PART_PREFIX = ".hushgate-batch-"


def part_prefix(run: str) -> str:
    """How the temporary files of a run begin.

    >>> part_prefix("00c0ffee")
    '.hushgate-batch-00c0ffee-'
    """
    return f"{PART_PREFIX}{run}-"


def scratch_prefix(run: str) -> str:
    """How the names of a run's folders for copies of remote files begin, in the system's temporary folder."""
    return f"hushgate-{run}-"


def remove_scratch(runs: Collection[str]) -> None:
    """Remove the folders of runs whose processes could not."""
    folder = Path(tempfile.gettempdir())
    for run in runs:
        for path in folder.glob(f"{scratch_prefix(run)}*"):
            shutil.rmtree(path, ignore_errors=True)


def new_run() -> str:
    """A number for a run that no other run has: eight hexadecimal digits."""
    return secrets.token_hex(4)


def is_run(value: object) -> TypeGuard[str]:
    """True for what `new_run` gives."""
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{8}", value) is not None


def is_part_of(name: str, runs: Collection[str]) -> bool:
    """True for the name of a temporary file of one of these runs."""
    number, _, _ = name.removeprefix(PART_PREFIX).partition("-")
    return name.startswith(PART_PREFIX) and name.endswith(PART_SUFFIX) and number in runs
