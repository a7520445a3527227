"""A lock that a forked child process does not find held."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from types import TracebackType


class ForkSafeLock:
    """A reentrant lock for `with`, free again in every child that `os.fork` makes.

    A fork copies locks but not the threads that hold them: in a child made while another thread runs an
    effect or loads a model, a plain lock would never be released. The guarded object may have been in the
    middle of a change, so reset an effect in the child before its first use there.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A thread that forks inside the block leaves it in the child, too, where the lock is a new one.
        with contextlib.suppress(RuntimeError):
            self._lock.release()

    def _renew(self) -> None:
        self._lock = threading.RLock()


_locks: weakref.WeakSet[ForkSafeLock] = weakref.WeakSet()


def _renew_all() -> None:
    for lock in list(_locks):
        lock._renew()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew_all)
