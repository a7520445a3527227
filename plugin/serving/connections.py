"""Connections: their number, and time limits before a request and while one ends.

uvicorn waits without end for the first request of a connection, and for the rest of a body whose request has
been refused.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from hushgate.serving.settings import Limits

# How long a client that was refused may go on sending before the connection is dropped: it should have
# time to read the answer.
_LINGER_S = 2.0
_MAX_PENDING_BYTES = 4 * 2**20


class Connections:
    """All connections of a server, and those of them that have not sent a request yet.

    Args:
        limits: `max_connections` and `header_s`.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._waiting: OrderedDict[HttpConnection, None] = OrderedDict()
        self.num_dropped = 0

    def make_http(self, **arguments: Any) -> HttpConnection:
        """A protocol for a new connection, as uvicorn asks for one."""
        return HttpConnection(self, **arguments)

    def enter(self, connection: HttpConnection) -> None:
        """Count a new connection; where there are too many, the one that has waited longest is dropped."""
        self._waiting[connection] = None
        if len(connection.connections) <= self.limits.max_connections:
            return
        oldest = next(iter(self._waiting))
        self.leave(oldest)
        self.num_dropped += 1
        oldest.drop()

    def wait(self, connection: HttpConnection) -> None:
        """Count a connection as waiting for a request."""
        self._waiting.setdefault(connection)

    def leave(self, connection: HttpConnection) -> None:
        """A connection has a request, or has gone."""
        self._waiting.pop(connection, None)


class HttpConnection(H11Protocol):
    """uvicorn's HTTP/1.1 with a time limit for the head of each request."""

    def __init__(self, shared: Connections, **arguments: Any) -> None:
        arguments["app_state"] = {**arguments["app_state"], "abort": self.drop}
        super().__init__(**arguments)
        self._shared = shared
        self._head_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self._is_upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._shared.enter(self)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._stop_timers()
        self._shared.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._shared.leave(self)
            self._stop_head_timer()
        elif self._linger_timer is None and not self._is_upgraded:
            self._await_head()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """The client wants a WebSocket; another protocol takes over."""
        self._is_upgraded = True
        self._stop_timers()
        self._shared.leave(self)
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """A response has been sent."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY and not self.transport.is_closing():
            self._linger_timer = self.loop.call_later(_LINGER_S, self.drop)

    def drop(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def _await_head(self) -> None:
        if self._head_timer is None and not self.transport.is_closing():
            self._shared.wait(self)
            self._head_timer = self.loop.call_later(self._shared.limits.header_s, self.drop)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_timers(self) -> None:
        self._stop_head_timer()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None


class WebSocketConnection(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket that does not store answers without end for a client that does not read."""

    def __init__(self, **arguments: Any) -> None:
        arguments["app_state"] = {**arguments["app_state"], "abort": self.drop}
        super().__init__(**arguments)

    def handle_ping(self) -> None:
        """The client asks for a sign of life."""
        super().handle_ping()
        if self.transport.get_write_buffer_size() > _MAX_PENDING_BYTES:
            self.drop()

    def drop(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.abort()
