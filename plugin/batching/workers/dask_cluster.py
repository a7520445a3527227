"""Run tasks on an existing Dask cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace

from hushgate.batching.workers.process_pool import Listener
from hushgate.batching.workers.task import Outcome, Task, failure, run_task

_CONNECT_TIMEOUT_S = 10
# Tasks that wait at the scheduler, per thread of the cluster: enough to keep it busy while files
# come and go, few enough to keep its memory small.
_TASKS_PER_THREAD = 3


def run_on_cluster(tasks: Sequence[Task], address: str, listener: Listener) -> Iterator[Outcome]:
    """Run tasks on the workers of a Dask scheduler, and yield outcomes as they come.

    Dask runs the tasks of a worker that died on another one; a file whose worker dies time and again
    is reported as failed. Model files that do not ship with hushgate travel with the tasks; shipped
    ones must be the same everywhere, which is checked. Paths that are no URLs must lead to the same
    files on every worker. Closing the iterator withdraws what has not begun.

    Args:
        tasks: What to do, all with the same settings.
        address: Of the scheduler, such as "tcp://10.0.0.1:8786".
        listener: Told when tasks are handed to the cluster; when they begin is not known.

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
                    # A worker may die after it has put its file in place: who repeats its task finds
                    # the file there. The plan has made sure that it is nobody else's.
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
    except Exception as error:  # Dask's own: run_task has turned all others into results
        text = f"the cluster gave it up ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        return Outcome(task.job, failure(task.job, task.settings, text))
