"""Main function of a worker process.

This module imports nothing heavy, because signals and thread limits are set before numpy is loaded.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from typing import NoReturn

from hushgate.batching.workers.parent_watch import end_with_parent
from hushgate.errors import interruptions_unwrapped

READY = -1.0
"""First message of a worker. No share that is done is negative."""

_PROGRESS_INTERVAL_S = 0.1
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def serve(connection: Connection, log_level: int) -> None:
    """Run the tasks that come in until the pipe is closed; send progress and outcomes.

    Ctrl-C is ignored, because the parent handles it. SIGTERM ends the worker as an exception would, so
    that temporary files are removed. The worker ends when its parent does.

    Args:
        connection: Gives tasks, takes `READY`, shares from 0.0 to 1.0, outcomes, and log records.
        log_level: Level of the records of hushgate's loggers to send.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # the parent blocked it for the start
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGTERM, _leave)
    end_with_parent()
    logger = logging.getLogger("hushgate")
    logger.setLevel(log_level)
    logger.addHandler(_PipeHandler(connection))
    for name in _THREAD_LIMITS:  # one thread per worker; workers run side by side
        os.environ.setdefault(name, "1")
    from hushgate.batching.workers.task import run_task

    connection.send(READY)
    progress = _Progress(connection)
    with (
        interruptions_unwrapped(),
        contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError),
    ):
        while True:
            connection.send(run_task(connection.recv(), progress.report))
    _ignore_termination()


class _Progress:
    """Sends progress, at most ten times per second."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last = 0.0

    def report(self, fraction: float) -> None:
        """Send the share of the file that is done."""
        now = time.monotonic()
        if now - self._last >= _PROGRESS_INTERVAL_S:
            self._last = now
            self._connection.send(fraction)


class _PipeHandler(logging.Handler):
    """Sends log records to the parent, which has the handlers that the user set up."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        # Arguments and tracebacks need not survive pickling; the text does.
        record.msg, record.args, record.exc_info = self.format(record), None, None
        with contextlib.suppress(OSError):
            self._connection.send(record)


def _leave(signum: int, frame: object) -> NoReturn:
    _ignore_termination()
    sys.exit(128 + signum)  # unwinds the stack, so that temporary files are removed


def _ignore_termination() -> None:
    """Ignore SIGTERM: the process is ending, and an exception in the interpreter's shutdown is printed."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
