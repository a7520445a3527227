"""The pool of job processes: no slot is lost or filled twice, and no job waits for a process in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

import pytest

from hushgate.serving.catalogue import Choice
from hushgate.serving.files import job_pool
from hushgate.serving.files.job_pool import JobPool
from hushgate.serving.files.job_process import Job
from hushgate.serving.request_fields import RequestError


class FakeProcess:
    """A process that does what the job's source says: "dies", "hangs", or anything else for an answer."""

    starts: ClassVar[bool] = True
    running: ClassVar[set[FakeProcess]] = set()
    most: ClassVar[int] = 0

    async def start(self, settings: dict[str, Any], *, is_verbose: bool) -> None:
        FakeProcess.running.add(self)
        FakeProcess.most = max(FakeProcess.most, len(FakeProcess.running))
        await asyncio.sleep(0.001)
        if not FakeProcess.starts:
            raise BlockingIOError(11, "Resource temporarily unavailable")

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0.001)
        if message["source"] == "hangs":
            await asyncio.sleep(60.0)
        if message["source"] == "dies":
            raise EOFError
        return {"status": 200}

    async def kill(self) -> None:
        FakeProcess.running.discard(self)
        await asyncio.sleep(0.001)

    close = kill


@pytest.fixture(autouse=True)
def _fake_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_pool, "_JobProcess", FakeProcess)
    monkeypatch.setattr(FakeProcess, "starts", True)
    monkeypatch.setattr(FakeProcess, "running", set())
    monkeypatch.setattr(FakeProcess, "most", 0)


def job(source: str) -> Job:
    return Job("folder", source, "", Choice(), None, 0.0, None, None, False, 60.0)


def with_pool(size: int, use: Callable[[JobPool], Coroutine[Any, Any, None]]) -> None:
    """Run `use` with a started pool; a test that would wait for ever fails after 5 s."""

    async def run() -> None:
        pool = JobPool({}, size)
        await pool.start()
        try:
            await asyncio.wait_for(use(pool), 5.0)
        finally:
            await pool.close()
        assert not FakeProcess.running

    asyncio.run(run())


def test_a_process_that_could_not_be_replaced_is_started_by_the_next_job() -> None:
    async def use(pool: JobPool) -> None:
        FakeProcess.starts = False
        with pytest.raises(RequestError, match="ended the process"):
            await pool.run(job("dies"), 1.0)
        FakeProcess.starts = True
        assert await pool.run(job("talk.wav"), 1.0) == {"status": 200}

    with_pool(1, use)


def test_while_no_process_starts_jobs_are_refused_and_none_waits() -> None:
    async def use(pool: JobPool) -> None:
        FakeProcess.starts = False
        # The second waits for the slot of the first, which dies.
        answers = await asyncio.gather(
            *(pool.run(job(source), 1.0) for source in ("dies", "talk.wav", "talk.wav")),
            return_exceptions=True,
        )
        assert [getattr(answer, "status", None) for answer in answers] == [422, 503, 503]
        assert "no process for recordings starts" in str(answers[1])

    with_pool(1, use)


def test_readiness_fails_while_no_process_starts_and_brings_one_back() -> None:
    async def use(pool: JobPool) -> None:
        await pool.check()
        FakeProcess.starts = False
        with pytest.raises(RequestError):
            await pool.run(job("dies"), 1.0)
        with pytest.raises(RequestError, match="no process for recordings starts") as refusal:
            await pool.check()
        assert refusal.value.status == 503
        FakeProcess.starts = True
        await pool.check()
        assert len(FakeProcess.running) == 1

    with_pool(1, use)


def test_never_more_processes_than_slots_whatever_becomes_of_the_jobs() -> None:
    async def use(pool: JobPool) -> None:
        tasks = []
        for number in range(60):
            FakeProcess.starts = number % 4 != 0
            source = ("dies", "talk.wav", "hangs")[number % 3]
            tasks.append(asyncio.ensure_future(pool.run(job(source), 0.004)))
            if number % 5 == 0:
                await asyncio.sleep(0.002)
                tasks[number // 2].cancel()
                await asyncio.sleep(0)
                tasks[number // 2].cancel()  # also while its process is replaced
        FakeProcess.starts = True
        await asyncio.gather(*tasks, return_exceptions=True)
        together = await asyncio.gather(*(pool.run(job("talk.wav"), 1.0) for _ in range(12)))
        assert together == [{"status": 200}] * 12
        assert FakeProcess.most <= 3

    with_pool(3, use)
