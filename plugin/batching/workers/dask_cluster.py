"""Tasks on an existing Dask cluster."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace

from hushgate.batching.workers.process_pool import Listener
from hushgate.batching.workers.task import Outcome, Task, failure, run_task

_log = logging.getLogger("hushgate.batching")
_CONNECT_TIMEOUT_S = 10
# Tasks at the scheduler per thread of the cluster: enough to keep all threads busy, few enough to keep the
# scheduler's memory small.
_TASKS_PER_THREAD = 3


def run_on_cluster(tasks: Sequence[Task], address: str, listener: Listener) -> Iterator[Outcome]:
    """Run tasks on the workers of a Dask scheduler, and yield outcomes as they come.

    Dask runs the tasks of a worker that died on another one; a file whose worker dies repeatedly
    is reported as failed. Model files that do not ship with hushgate are sent with the tasks; shipped
    ones must be the same everywhere, which is checked. Local paths must lead to the same
    files on every worker. Closing the iterator cancels the tasks that have not begun.

    Args:
        tasks: Tasks, all with the same settings.
        address: Of the scheduler, such as "tcp://10.0.0.1:8786".
        listener: Called when a task is sent to the cluster, because its start is not known.

    Raises:
        ModuleNotFoundError: distributed is not installed.
        OSError: The scheduler does not answer.
    """
    from distributed import Client

    if not tasks:
        return
    settings = tasks[0].settings
    packed = replace(settings, recipe=settings.recipe.packed())
    waiting = deque(tasks)
    running: dict[Future[Outcome], Task] = {}
    with Client(address, timeout=_CONNECT_TIMEOUT_S, set_as_default=False) as client:
        # Results differ from call to call (files are written), so Dask must never reuse one.
        executor = client.get_executor(pure=False)
        try:
            while waiting or running:
                room = max(1, sum(client.nthreads().values())) * _TASKS_PER_THREAD
                while waiting and len(running) < room:
                    task = waiting.popleft()
                    # A worker may die after it has renamed its output; the worker that repeats the task
                    # must be allowed to replace it. The plan has checked that no other task writes it.
                    sent = replace(task, settings=packed, overwrite=True)
                    running[executor.submit(run_task, sent)] = task
                    listener.started(task.job)
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield _outcome(future, running.pop(future))
        finally:
            for future in running:
                future.cancel()
            executor.shutdown(wait=False)


def _outcome(future: Future[Outcome], task: Task) -> Outcome:
    try:
        return future.result()
    except Exception as error:  # an error of Dask: run_task turns all others into results
        _log.warning("the cluster gave up on %s: %s", task.job.name, error)
        text = f"the cluster gave it up ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        return Outcome(task.job, failure(task.job, task.settings, text))
