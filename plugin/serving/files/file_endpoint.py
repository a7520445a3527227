"""POST /denoise: a recording comes in, and goes out cleaned."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from hushgate.printable import printable
from hushgate.serving.files.http_transfer import (
    CHUNK_BYTES,
    body_chunks,
    file_chunks,
    file_size,
    save_body,
    send_chunks,
)
from hushgate.serving.files.job_process import SOCKET, Job
from hushgate.serving.request_fields import FileRequest, RequestError, read_file_request
from hushgate.serving.server_state import ServerState

_MEDIA_TYPES = {
    ".aiff": "audio/aiff",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".mkv": "video/x-matroska",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".webm": "audio/webm",
}
_MAX_WARNING_HEADER = 2000


class FileEndpoint:
    """ASGI application for one path.

    Args:
        state: Of the server.
    """

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request = read_file_request(
            scope["query_string"], headers.get(b"content-type", b"").decode("latin-1")
        )
        state = self._state
        # A wrong preset or setting is refused before the body is read.
        state.catalogue.check(request.choice)
        with state.upload(), state.spool.request_folder() as folder:
            chunks = body_chunks(receive, headers, state.limits)
            if request.is_streamed:
                await self._stream(request, folder, chunks, scope, receive, send)
            else:
                await self._convert(request, folder, chunks, scope, receive, send)

    async def _convert(
        self,
        request: FileRequest,
        folder: Path,
        chunks: AsyncIterator[bytes],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Save the body, clean it, and send the result."""
        state = self._state
        source = f"input{request.suffix}"
        state.metrics.received_bytes.inc(await save_body(chunks, folder / source))
        answer = await _unless_gone(self._run(_job(request, folder, source, state)), receive)
        target = folder / answer["target"]
        size = file_size(target)
        fields = [
            (b"content-type", _MEDIA_TYPES.get(target.suffix, "application/octet-stream").encode()),
            (b"content-length", str(size).encode()),
            (b"content-disposition", f'attachment; filename="denoised{target.suffix}"'.encode()),
            (b"hushgate-duration-s", f"{answer['duration_s']:.6f}".encode()),
            (b"hushgate-latency-samples", str(answer["latency_samples"]).encode()),
        ]
        if answer["warnings"]:
            fields.append((b"hushgate-warnings", _header_text(answer["warnings"])))
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        abort = scope["state"]["abort"]
        state.metrics.sent_bytes.inc(await send_chunks(send, file_chunks(target), state.limits, abort))

    async def _stream(
        self,
        request: FileRequest,
        folder: Path,
        chunks: AsyncIterator[bytes],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Send WAV while the body still arrives."""
        if not hasattr(asyncio, "start_unix_server"):
            raise RequestError("stream=true needs a server on Linux or macOS. Leave it out.", 501)
        state = self._state
        connected: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.get_running_loop().create_future()
        )

        def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not connected.done():
                connected.set_result((reader, writer))

        async with await asyncio.start_unix_server(on_connection, folder / SOCKET, limit=CHUNK_BYTES):
            running = asyncio.ensure_future(self._run(_job(request, folder, "", state)))
            feeding: asyncio.Future[None] | None = None
            try:
                waited: set[asyncio.Future[Any]] = {running, connected}
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if not connected.done():
                    await running  # it failed before it connected: this raises the reason
                    raise RequestError("the recording could not be cleaned.", 500)
                reader, writer = connected.result()
                feeding = asyncio.ensure_future(_feed(chunks, writer, state))
                first = await _first_chunk(reader, running, feeding)
                fields = [(b"content-type", b"audio/wav")]
                await send({"type": "http.response.start", "status": 200, "headers": fields})
                results = _results(first, reader, running, feeding)
                abort = scope["state"]["abort"]
                state.metrics.sent_bytes.inc(await send_chunks(send, results, state.limits, abort))
            finally:
                for task in (running, feeding):
                    if task is not None and not task.done():
                        task.cancel()
                    if task is not None:
                        with contextlib.suppress(Exception, asyncio.CancelledError):
                            await task

    async def _run(self, job: Job) -> dict[str, Any]:
        """The answer of a job process; RequestError for a recording that cannot be cleaned."""
        state = self._state
        started: float | None = None

        def on_start() -> None:
            nonlocal started
            started = time.monotonic()
            state.metrics.jobs.inc()

        try:
            answer = await state.jobs.run(job, state.limits.max_job_s, on_start)
        finally:
            if started is not None:
                state.metrics.jobs.dec()
                state.metrics.job_seconds.observe(time.monotonic() - started)
        if answer["status"] != 200:
            raise RequestError(answer["error"], answer["status"])
        state.metrics.audio_seconds.labels("file").inc(answer["duration_s"])
        return answer


def _job(request: FileRequest, folder: Path, source: str, state: ServerState) -> Job:
    return Job(
        folder=str(folder),
        source=source,
        target_suffix=request.target_suffix,
        choice=request.choice,
        subtype=request.subtype,
        start_s=request.start_s,
        end_s=request.end_s,
        raw=request.raw,
        allow_truncated=request.allow_truncated,
        max_duration_s=state.limits.max_duration_s,
    )


async def _unless_gone(work: Any, receive: Receive) -> dict[str, Any]:
    """Await a job whose request has been read, and give it up when the client goes.

    Raises:
        ClientDisconnect: The client has gone.
    """
    running = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            result: dict[str, Any] = running.result()
            return result
        raise ClientDisconnect
    finally:
        gone.cancel()
        if not running.done():
            running.cancel()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await running


async def _feed(chunks: AsyncIterator[bytes], writer: asyncio.StreamWriter, state: ServerState) -> None:
    """Pass a body on to the job process, which says itself why it reads no more of one."""
    with contextlib.suppress(ConnectionError):
        async for chunk in chunks:
            state.metrics.received_bytes.inc(len(chunk))
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


async def _first_chunk(
    reader: asyncio.StreamReader, running: asyncio.Future[Any], feeding: asyncio.Future[None]
) -> bytes:
    """The beginning of the result; what went wrong is known by then in most cases."""
    reading = asyncio.ensure_future(reader.read(CHUNK_BYTES))
    try:
        while not reading.done():
            others = {task for task in (running, feeding) if not task.done()}
            await asyncio.wait({reading, *others}, return_when=asyncio.FIRST_COMPLETED)
            for task in (feeding, running):
                if task.done():
                    task.result()  # raises what went wrong
        with contextlib.suppress(ConnectionError):  # the job left some of the body unread
            if first := reading.result():
                return first
        await running
        raise RequestError("the recording holds no sound.", 422)
    finally:
        reading.cancel()


async def _results(
    first: bytes, reader: asyncio.StreamReader, running: asyncio.Future[Any], feeding: asyncio.Future[None]
) -> AsyncIterator[bytes]:
    """Yield the rest of the result. An error at the end leaves the response without one, as it must."""
    yield first
    while chunk := await reader.read(CHUNK_BYTES):
        yield chunk
        if feeding.done():
            feeding.result()
    await running


def _header_text(warnings: list[str]) -> bytes:
    return printable(" ".join(warnings)).encode("ascii", "backslashreplace")[:_MAX_WARNING_HEADER]
