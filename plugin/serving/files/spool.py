"""Temporary files of the server: one folder per run, one folder per request in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

_PREFIX = "hushgate-serve-"
_LOCK = "lock"


class Spool:
    """The folder for temporary files of a run. Use it in a `with` statement.

    Entering removes the folders of runs that were killed: those whose lock nobody holds.

    Args:
        parent: Where the folder is made; None for the system's place for temporary files.

    Attributes:
        folder: Only this user can read it.
    """

    def __init__(self, parent: Path | None) -> None:
        self._parent = Path(tempfile.gettempdir()) if parent is None else parent
        self._lock: IO[bytes] | None = None
        self.folder = self._parent

    def __enter__(self) -> Self:
        self._remove_leftovers()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._parent))
        self._lock = (self.folder / _LOCK).open("wb")
        _try_lock(self._lock)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def request_folder(self) -> Iterator[Path]:
        """A new folder that is removed at the end."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _remove_leftovers(self) -> None:
        for folder in self._parent.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError), (folder / _LOCK).open("rb+") as lock:
                if not _try_lock(lock):
                    continue
                shutil.rmtree(folder, ignore_errors=True)


def _try_lock(file: IO[bytes]) -> bool:
    """Lock a file for this process; False if another process holds it. The system gives it up at a crash."""
    try:
        import fcntl
    except ImportError:  # Windows refuses to open a file that another process locks
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return os.fstat(file.fileno()).st_nlink > 0
