"""Bodies of requests and responses, with limits on size and patience."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Send

from hushgate.serving.request_fields import RequestError
from hushgate.serving.settings import MEBIBYTE, Limits

CHUNK_BYTES = 256 * 1024
T = TypeVar("T")


class Patience:
    """How long a client may be waited for: some seconds, and more for every byte that it moves.

    Args:
        limits: `slow_client_s` and `min_client_rate`.
    """

    def __init__(self, limits: Limits) -> None:
        self._left_s = limits.slow_client_s
        self._most_s = limits.slow_client_s
        self._rate = limits.min_client_rate

    async def wait(self, what: Awaitable[T]) -> T:
        """Await something that the client has to do.

        Raises:
            TimeoutError: The client is too slow.
        """
        started = time.monotonic()
        result = await asyncio.wait_for(what, max(0.001, self._left_s))
        self._left_s -= time.monotonic() - started
        return result

    def moved(self, num_bytes: int) -> None:
        """Count bytes that the client sent or took."""
        self._left_s = min(self._most_s, self._left_s + num_bytes / self._rate)


async def body_chunks(receive: Receive, headers: dict[bytes, bytes], limits: Limits) -> AsyncIterator[bytes]:
    """Yield the body of a request as it arrives.

    Raises:
        RequestError: It is larger than `max_body_mb`, or comes too slowly.
        ClientDisconnect: The client has gone in the middle.
    """
    most = round(limits.max_body_mb * MEBIBYTE)
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > most:
        raise overlong_body(limits)
    patience = Patience(limits)
    num_bytes = 0
    while True:
        try:
            message: Message = await patience.wait(receive())
        except TimeoutError:
            raise RequestError(
                f"the body must come at {limits.min_client_rate:g} bytes/s or more.", 408
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        num_bytes += len(chunk)
        if num_bytes > most:
            raise overlong_body(limits)
        patience.moved(len(chunk))
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


def overlong_body(limits: Limits) -> RequestError:
    """The error for a body beyond the limit."""
    return RequestError(f"the body must be at most {limits.max_body_mb:g} MiB.", 413)


async def save_body(chunks: AsyncIterator[bytes], path: Path) -> int:
    """Write a body to a new file; its size. The disk is waited for in another thread."""
    num_bytes = 0
    parts: list[bytes] = []
    num_held = 0
    with await asyncio.to_thread(path.open, "xb") as file:
        async for chunk in chunks:
            parts.append(chunk)
            num_held += len(chunk)
            if num_held >= CHUNK_BYTES:
                await asyncio.to_thread(file.write, b"".join(parts))
                num_bytes += num_held
                parts, num_held = [], 0
        await asyncio.to_thread(file.write, b"".join(parts))
    return num_bytes + num_held


async def send_chunks(
    send: Send, chunks: AsyncIterator[bytes], limits: Limits, abort: Callable[[], object]
) -> int:
    """Send the body of a response whose head has been sent; the number of bytes.

    Args:
        send: ASGI's.
        chunks: The body.
        limits: How slow the client may be.
        abort: Called to drop the connection if it is slower.

    Raises:
        ClientDisconnect: The client was too slow.
    """
    patience = Patience(limits)
    num_bytes = 0
    try:
        async for chunk in chunks:
            await patience.wait(send({"type": "http.response.body", "body": chunk, "more_body": True}))
            patience.moved(len(chunk))
            num_bytes += len(chunk)
        await patience.wait(send({"type": "http.response.body", "body": b"", "more_body": False}))
    except TimeoutError:
        abort()
        raise ClientDisconnect from None
    return num_bytes


async def file_chunks(path: Path) -> AsyncIterator[bytes]:
    """Yield the content of a file. The disk is waited for in another thread."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk


def file_size(path: Path) -> int:
    """Bytes of a file."""
    return os.stat(path).st_size
