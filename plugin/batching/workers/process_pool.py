"""Tasks in worker processes, or in this process."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Protocol

from hushgate.batching.planning.plan import Job
from hushgate.batching.workers.task import Outcome, Task, failure, run_task
from hushgate.batching.workers.worker_process import HELD_SIGNALS, READY, serve

_log = logging.getLogger("hushgate.batching")
# A worker that does not end in this time, because a store hangs, say, is killed.
_STOP_TIMEOUT_S = 0.6
_EXIT_TIMEOUT_S = 5.0
# A file whose process died is tried again: the system may have killed it for memory that another file took.
_MAX_ATTEMPTS = 2
_MAX_FAILED_STARTS = 3
# Exit code of a worker that was started by a script without its guard; not one of Python's own.
_UNGUARDED = 117


class Listener(Protocol):
    """Gets the progress of a batch."""

    def started(self, job: Job) -> None:
        """Called when the work on a file begins."""

    def progressed(self, job: Job, fraction: float) -> None:
        """Called with the share of a file that is done, 0.0 to 1.0."""


def leave_unguarded_script() -> None:
    """End a worker that runs the user's script, because the script calls `batch` as it is imported.

    Raises:
        SystemExit: This is such a worker; its parent says so.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(_UNGUARDED)


def run_here(tasks: Sequence[Task], listener: Listener) -> Iterator[Outcome]:
    """Run tasks one after the other in this process."""
    for task in tasks:
        listener.started(task.job)
        yield run_task(task, lambda fraction, job=task.job: listener.progressed(job, fraction))  # type: ignore[misc]


def run_in_processes(tasks: Sequence[Task], num_workers: int, listener: Listener) -> Iterator[Outcome]:
    """Run tasks in worker processes, each with one task at a time, and yield outcomes as they come.

    Workers are spawned, not forked. They ignore Ctrl-C, which this process handles, and end when this
    process ends, for whatever reason. A worker that dies is replaced; its task is tried once more, and
    then reported as failed. Closing the iterator stops the workers, which remove their temporary files.

    Raises:
        RuntimeError: Workers do not start.
    """
    waiting = deque(tasks)
    attempts: Counter[int] = Counter()
    workers: list[_Worker] = []
    num_failed_starts = 0
    try:
        while waiting or any(worker.task for worker in workers):
            idle = [worker for worker in workers if worker.task is None]
            while waiting and (idle or len(workers) < num_workers):
                worker = idle.pop() if idle else _Worker()
                if worker not in workers:
                    workers.append(worker)
                task = waiting.popleft()
                attempts[task.job.index] += 1
                worker.give(task)
                if worker.is_ready:
                    listener.started(task.job)
            for connection in wait([worker.connection for worker in workers]):
                worker = next(worker for worker in workers if worker.connection is connection)
                message = worker.receive()
                if isinstance(message, logging.LogRecord):
                    logging.getLogger(message.name).handle(message)
                elif message is None:
                    workers.remove(worker)
                    died_early = not worker.is_ready
                    num_failed_starts += died_early
                    if died_early and worker.exit_code == _UNGUARDED:
                        raise RuntimeError(
                            'batch must be called under `if __name__ == "__main__":` in a script, because '
                            "worker processes import it. Add that line, or use jobs=0 to stay in one process."
                        )
                    if num_failed_starts >= _MAX_FAILED_STARTS:
                        raise RuntimeError(
                            f"worker processes do not start ({worker.exit_reason()}). In a script, call "
                            'batch under `if __name__ == "__main__":`, or use jobs=0 to stay in one process.'
                        )
                    lost = worker.task
                    _log.warning(
                        "a worker process died (%s) over %s",
                        worker.exit_reason(),
                        "no file" if lost is None else lost.job.name,
                    )
                    if lost is None:
                        continue
                    attempts[lost.job.index] -= died_early  # not this file's fault
                    if attempts[lost.job.index] < _MAX_ATTEMPTS:
                        _log.warning("%s is tried again", lost.job.name)
                        # The worker may have renamed its output before it died.
                        waiting.appendleft(replace(lost, overwrite=True))
                    else:
                        text = f"the process that cleaned it died ({worker.exit_reason()}), twice"
                        yield Outcome(lost.job, failure(lost.job, lost.settings, text))
                elif isinstance(message, Outcome):
                    worker.task = None
                    yield message
                elif worker.task is not None and message == READY:
                    num_failed_starts = 0
                    listener.started(worker.task.job)
                elif worker.task is not None:
                    listener.progressed(worker.task.job, message)
    finally:
        _stop(workers)


class _Worker:
    """A worker process and the pipe to it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other_end = context.Pipe()
        arguments = (other_end, _log.getEffectiveLevel())
        self._process = context.Process(target=serve, args=arguments, daemon=True)
        # The worker starts with these signals blocked, and unblocks them when it handles them. A start that
        # is interrupted half-way would leave a worker that prints a traceback.
        with _signals_held():
            self._process.start()
        other_end.close()  # so that reading ends when the worker does
        self.task: Task | None = None
        self.is_ready = False

    def give(self, task: Task) -> None:
        """Send it a task. A dead worker is noticed by `receive`."""
        self.task = task
        with contextlib.suppress(OSError):
            self.connection.send(task)

    def receive(self) -> Outcome | float | logging.LogRecord | None:
        """The next message: an outcome, a share that is done, `READY`, a log record; None after its death."""
        try:
            message: Outcome | float | logging.LogRecord = self.connection.recv()
        except (EOFError, OSError):
            return None
        if not isinstance(message, logging.LogRecord):
            self.is_ready = True
        return message

    @property
    def exit_code(self) -> int | None:
        """Exit code of the dead process."""
        self._process.join(_EXIT_TIMEOUT_S)
        return self._process.exitcode

    def exit_reason(self) -> str:
        """Signal name or exit code of the dead process."""
        code = self.exit_code
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    def terminate(self) -> None:
        """Ask it to remove its temporary files and end."""
        self.connection.close()
        if self._process.is_alive():
            self._process.terminate()

    def join(self, timeout_s: float) -> None:
        """Wait until it has ended; kill it after `timeout_s`."""
        self._process.join(max(0.0, timeout_s))
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _stop(workers: Sequence[_Worker]) -> None:
    with _signals_held():  # a second Ctrl-C would leave workers behind
        for worker in workers:
            worker.terminate()
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        for worker in workers:
            worker.join(deadline - time.monotonic())


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Block Ctrl-C, SIGTERM and SIGHUP in this thread, and in processes that it starts meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
