"""Main function of a worker process.

This module imports nothing heavy, because signals and thread limits are set before numpy is loaded.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from multiprocessing.connection import Connection

from hushgate.batching.workers.parent_watch import end_with_parent
from hushgate.errors import interruptions_unwrapped
from hushgate.termination import ENDING_SIGNALS, signals_unwind

READY = -1.0
"""First message of a worker. No share that is done is negative."""

# Blocked while a worker starts.
HELD_SIGNALS = [getattr(signal, name) for name in ENDING_SIGNALS if hasattr(signal, name)]
_PROGRESS_INTERVAL_S = 0.1
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def serve(connection: Connection, log_level: int) -> None:
    """Run the tasks that come in until the pipe is closed; send progress and outcomes.

    Ctrl-C is ignored, because the parent handles it. SIGTERM and SIGHUP end the worker as an exception would,
    so that temporary files are removed. The worker ends when its parent does.

    Args:
        connection: Gives tasks, takes `READY`, shares from 0.0 to 1.0, outcomes, and log records.
        log_level: Level of the records of hushgate's loggers to send.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    with signals_unwind(("SIGTERM", "SIGHUP"), is_last=True):
        if hasattr(signal, "pthread_sigmask"):  # the parent blocked them for the start
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)
        _serve(connection, log_level)


def _serve(connection: Connection, log_level: int) -> None:
    logger = logging.getLogger("hushgate")
    logger.setLevel(log_level)
    logger.addHandler(_PipeHandler(connection))
    for name in _THREAD_LIMITS:  # one thread per worker; workers run side by side
        os.environ.setdefault(name, "1")
    with (
        interruptions_unwrapped(),
        contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError),  # the parent is gone
    ):
        from hushgate.batching.workers.task import run_task

        connection.send(READY)
        progress = _Progress(connection)
        while True:
            connection.send(run_task(connection.recv(), progress.report))


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
