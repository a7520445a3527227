"""What happens to every request: token, origin, errors as JSON, metrics and the access log."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hushgate.errors import HushgateError, describe_error
from hushgate.printable import printable
from hushgate.serving.catalogue import UnknownNameError
from hushgate.serving.request_fields import RequestError
from hushgate.serving.server_state import ServerState

ACCESS_LOG = "hushgate.serving.access"
OPEN_PATHS = ("/health", "/ready")
SUBPROTOCOL = "hushgate"
_TOKEN_PROTOCOL = "hushgate.bearer."

_access = logging.getLogger(ACCESS_LOG)
_logger = logging.getLogger(__name__)


class Gatekeeper:
    """ASGI middleware before all endpoints.

    Args:
        app: The endpoints.
        state: Of the server.
        paths: Paths that exist; others share one label in the metrics.
    """

    def __init__(self, app: ASGIApp, state: ServerState, paths: tuple[str, ...]) -> None:
        self._app = app
        self._state = state
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        try:
            self._admit(scope)
            await self._app(scope, exchange.receive(receive), exchange.send)
        except (RequestError, UnknownNameError) as error:
            await exchange.refuse(error if isinstance(error, RequestError) else RequestError(str(error)))
        except ClientDisconnect:
            exchange.status = exchange.status or 499
        except (HushgateError, ValueError, TypeError) as error:
            await exchange.refuse(RequestError(describe_error(error)))
        except asyncio.CancelledError:
            exchange.status = exchange.status or 499
            raise
        except Exception:
            _logger.exception("a request failed")
            await exchange.refuse(RequestError("the server made a mistake; its log says more.", 500))
        finally:
            path = scope["path"] if scope["path"] in self._paths else "other"
            self._state.metrics.requests.labels(path, str(exchange.status)).inc()
            exchange.log()

    def _admit(self, scope: Scope) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is not None and not self._is_known_origin(origin, headers.get(b"host", b"")):
            raise RequestError("pages of this origin may not use the server. Its settings must name it.", 403)
        if self._state.settings.token is None or scope["path"] in OPEN_PATHS:
            self._choose_subprotocol(scope)
            return
        given = _given_token(scope, headers)
        if not hmac.compare_digest(given.encode(), self._state.settings.token.encode()):
            raise RequestError("the request needs the server's token: Authorization: Bearer TOKEN.", 401)
        self._choose_subprotocol(scope)

    def _is_known_origin(self, origin: bytes, host: bytes) -> bool:
        text = origin.decode("latin-1")
        if text in self._state.settings.origins:
            return True
        # A page from elsewhere whose name was made to point here: its origin and the host agree, too.
        name = urlsplit(text).hostname or ""
        if self._state.settings.is_local and name not in ("localhost", "127.0.0.1", "::1"):
            return False
        return urlsplit(text).netloc.encode("latin-1") == host

    def _choose_subprotocol(self, scope: Scope) -> None:
        if scope["type"] == "websocket" and SUBPROTOCOL in scope["subprotocols"]:
            scope["state"]["subprotocol"] = SUBPROTOCOL


def _given_token(scope: Scope, headers: dict[bytes, bytes]) -> str:
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    # Pages cannot set headers of a WebSocket.
    for name in scope.get("subprotocols", ()):
        if name.startswith(_TOKEN_PROTOCOL):
            text = name.removeprefix(_TOKEN_PROTOCOL)
            try:
                return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            except ValueError:
                return ""
    return ""


class _Exchange:
    """One request and its answer, counted for the log."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._started = time.monotonic()
        self.status = 0
        self._num_received = 0
        self._num_sent = 0
        self._is_answered = False

    def receive(self, receive: Receive) -> Callable[[], Awaitable[Message]]:
        async def counted() -> Message:
            message = await receive()
            self._num_received += len(message.get("body", b"") or message.get("bytes", b"") or b"")
            return message

        return counted

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self.status, self._is_answered = message["status"], True
        elif kind == "websocket.accept":
            self.status, self._is_answered = 101, True
        self._num_sent += len(message.get("body", b"") or message.get("bytes", b"") or b"")
        await self._send(message)

    async def refuse(self, error: RequestError) -> None:
        """Answer with an error, if nothing has been answered yet; otherwise break the answer off."""
        if self._is_answered:
            self._scope["state"]["abort"]()
            _logger.warning("an answer was broken off: %s", printable(error))
            return
        body = json.dumps({"error": str(error)}).encode() + b"\n"
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if error.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if error.retry_after_s is not None:
            headers.append((b"retry-after", str(error.retry_after_s).encode()))
        if error.methods:
            headers.append((b"allow", ", ".join(error.methods).encode()))
        prefix = "http" if self._scope["type"] == "http" else "websocket.http"
        await self.send({"type": f"{prefix}.response.start", "status": error.status, "headers": headers})
        await self.send({"type": f"{prefix}.response.body", "body": body, "more_body": False})

    def log(self) -> None:
        """One line: who asked for what, what came of it, the bytes each way. No query, no contents."""
        client = self._scope.get("client") or ("-", 0)
        _access.info(
            "%s %s %s %d in=%d out=%d %.3fs",
            client[0],
            printable(self._scope.get("method", "WEBSOCKET")),
            printable(self._scope["path"][:200]),
            self.status,
            self._num_received,
            self._num_sent,
            time.monotonic() - self._started,
        )
