"""The life of a worker process.

Imports nothing heavy by itself: signals and thread limits are set before numpy is loaded.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection, wait
from typing import NoReturn

READY = -1.0
"""The first message of a worker, in the place of a share that is done."""

_PROGRESS_INTERVAL_S = 0.1
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def serve(connection: Connection) -> None:
    """Run the tasks that come in until the line ends; answer with progress and outcomes.

    Ctrl-C is ignored, because the parent decides what it means; SIGTERM ends the worker as an error
    would, so that temporary files go; when the parent is gone, so is the worker.

    Args:
        connection: Gives tasks, takes `READY`, shares from 0.0 to 1.0, and outcomes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # held back by the parent until now
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in _THREAD_LIMITS:  # files run side by side, each in one thread
        os.environ.setdefault(name, "1")
    from hushgate.batching.workers.task import run_task

    connection.send(READY)
    progress = _Progress(connection)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            connection.send(run_task(connection.recv(), progress.report))


class _Progress:
    """Passes progress on, not too often."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last = 0.0

    def report(self, fraction: float) -> None:
        """A file's share that is done."""
        now = time.monotonic()
        if now - self._last >= _PROGRESS_INTERVAL_S:
            self._last = now
            self._connection.send(fraction)


def _leave(signum: int, frame: object) -> NoReturn:
    sys.exit(128 + signum)  # unwinds, so that temporary files go


def _end_with_parent() -> None:
    """End at once when the parent is gone: what it was told to do may be done by another by now."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
