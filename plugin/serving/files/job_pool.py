"""The processes that clean recordings: started beforehand, replaced when one dies or takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

from hushgate.serving.files.job_process import Job
from hushgate.serving.request_fields import RequestError

_logger = logging.getLogger(__name__)

_MAX_LINE = 2**20
_START_S = 60.0
_END_S = 5.0
_RETRY_S = 5


class JobPool:
    """Job processes, each with one recording at a time.

    Args:
        settings: Plain values for the processes: `ServeSettings.for_jobs()`.
        size: Number of processes.
        is_verbose: Let the processes print to standard error.
    """

    def __init__(self, settings: dict[str, Any], size: int, *, is_verbose: bool = False) -> None:
        self._settings = settings
        self._is_verbose = is_verbose
        self._size = size
        # A slot is a process, or the right to start one where there is none.
        self._slots = asyncio.Semaphore(size)
        self._idle: list[_JobProcess] = []
        self._all: set[_JobProcess] = set()
        self._is_closed = False

    async def start(self) -> None:
        """Start the processes.

        Raises:
            RuntimeError: They do not start.
        """
        processes = await asyncio.gather(*(self._new_process() for _ in range(self._size)))
        self._idle.extend(processes)

    async def close(self) -> None:
        """End all processes; those that do not end by themselves are killed."""
        self._is_closed = True
        await asyncio.gather(*(process.close() for process in self._all))

    async def check(self) -> None:
        """Return if a process runs; if none does, start one.

        Raises:
            RequestError: None starts.
        """
        if not self._all:
            self._put_back(await self._take())

    async def run(
        self, job: Job, max_s: float, on_start: Callable[[], object] | None = None
    ) -> dict[str, Any]:
        """Wait for a process and run one job in it.

        Args:
            job: The recording.
            max_s: Seconds that it may take.
            on_start: Called when a process takes it.

        Returns:
            The answer of `job_process`.

        Raises:
            RequestError: It took too long, the process died of it, or no process starts.
        """
        process = await self._take()
        is_done = False
        try:
            if on_start is not None:
                on_start()
            answer = await asyncio.wait_for(process.ask(dataclasses.asdict(job)), max_s)
            is_done = True
        except TimeoutError:
            raise RequestError(
                f"the recording took longer than {max_s:g} s to clean. Send a shorter one, or part of it.",
                504,
            ) from None
        except EOFError:
            raise RequestError(
                "the recording ended the process that read it: it is damaged, or needs too much memory.", 422
            ) from None
        finally:
            # Also where the client has gone and this task is cancelled: half a job cannot go on.
            if is_done:
                self._put_back(process)
            else:
                self._all.discard(process)
                await asyncio.shield(self._replace(process))
        return answer

    async def _take(self) -> _JobProcess:
        """Wait for a slot; its process, or a new one where the last could not be replaced."""
        await self._slots.acquire()
        try:
            return self._idle.pop() if self._idle else await self._new_process()
        except (OSError, RuntimeError) as error:
            self._slots.release()
            _logger.error("a job process cannot be started: %s", error)
            raise RequestError(
                "no process for recordings starts on the server. Try again later.", 503, _RETRY_S
            ) from None
        except BaseException:
            self._slots.release()
            raise

    def _put_back(self, process: _JobProcess) -> None:
        self._idle.append(process)
        self._slots.release()

    async def _replace(self, process: _JobProcess) -> None:
        """Start a process in place of one that is killed; if it does not start, the slot stays empty."""
        try:
            await process.kill()
            if not self._is_closed:
                self._idle.append(await self._new_process())
        except (OSError, RuntimeError) as error:
            _logger.error("a job process cannot be started: %s", error)
        finally:
            self._slots.release()

    async def _new_process(self) -> _JobProcess:
        process = _JobProcess()
        self._all.add(process)
        try:
            await process.start(self._settings, is_verbose=self._is_verbose)
        except BaseException:
            self._all.discard(process)
            await process.kill()
            raise
        return process


class _JobProcess:
    """One process and the pipes to it."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, settings: dict[str, Any], *, is_verbose: bool) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hushgate.serving.files.job_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=None if is_verbose else asyncio.subprocess.DEVNULL,
            limit=_MAX_LINE,
            start_new_session=True,  # Ctrl-C is for the server, which lets jobs finish
        )
        try:
            answer = await asyncio.wait_for(self.ask(settings), _START_S)
        except (EOFError, TimeoutError):
            answer = {}
        if not answer.get("ready"):
            raise RuntimeError("a process for recordings does not start. Set is_verbose=True to see why.")

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send one message and wait for its answer; EOFError if the process ends instead."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            await self._process.stdin.drain()
            line = await self._process.stdout.readline()
        except (ConnectionError, ValueError) as error:
            raise EOFError from error
        if not line.endswith(b"\n"):
            raise EOFError
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def close(self) -> None:
        """Let the process end, at most five seconds."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _END_S)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the process at once."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
