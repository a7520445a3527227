"""Where tags come from: a file by its name, or what a file object holds."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def tag_source(source: str | os.PathLike[str] | BinaryIO | None) -> Iterator[Path | None]:
    """A file to read tags from; None where there is none (a pipe).

    A file object that can seek is copied into a temporary file, which goes at the end; its position stays.

    Args:
        source: A path, a binary file object, or None.
    """
    if source is None or isinstance(source, str | os.PathLike):
        path = None if source is None else Path(source)
        yield path if path is not None and path.is_file() else None
        return
    if not source.seekable():
        yield None
        return
    position = source.tell()
    with tempfile.TemporaryDirectory(prefix="hushgate-") as folder:
        copy = Path(folder) / "input"
        with copy.open("wb") as file:
            source.seek(0)
            shutil.copyfileobj(source, file)
        source.seek(position)
        yield copy
