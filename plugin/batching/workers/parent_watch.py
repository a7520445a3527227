"""Exit of a child process when its parent dies."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import wait

from hushgate.termination import end_after


def end_with_parent() -> None:
    """End this process as soon as its parent is gone, however the parent ended.

    An orphan could overwrite the files of a restarted batch. Call it once, in a process that
    `multiprocessing` started.
    """
    if (parent := multiprocessing.parent_process()) is not None:
        end_after(lambda: wait([parent.sentinel]))
