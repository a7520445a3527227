"""Locks that a forked child process does not find held."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol


class _HasLock(Protocol):
    _lock: threading.RLock


def give_lock(owner: _HasLock) -> None:
    """Set `owner._lock` to a reentrant lock, and to a new one in every child that `os.fork` makes.

    A fork copies locks but not the threads that hold them: in a child made while another thread runs an
    effect or loads a model, a plain lock would never be released. The guarded object may have been in the
    middle of a change, so reset an effect in the child before its first use there.

    Args:
        owner: Object with the attribute `_lock`; it is referred to weakly.
    """
    owner._lock = threading.RLock()
    _owners.add(owner)


_owners: weakref.WeakSet[_HasLock] = weakref.WeakSet()


def _renew_locks() -> None:
    for owner in list(_owners):
        owner._lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew_locks)
