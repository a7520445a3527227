"""File names for libsndfile."""

from __future__ import annotations

import os
from pathlib import Path


def native_path(path: Path) -> str | bytes:
    """A path as soundfile wants it, which does not encode names that are not valid text."""
    return os.fsencode(path) if os.name == "posix" else str(path)
