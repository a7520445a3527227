"""The server from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from hushgate.serving.app import make_app
from hushgate.serving.connections import Connections, WebSocketConnection
from hushgate.serving.files.job_pool import JobPool
from hushgate.serving.files.spool import Spool
from hushgate.serving.server_state import ServerState
from hushgate.serving.settings import Limits, ServeSettings
from hushgate.serving.streams.stream_endpoint import MAX_FRAME_BYTES

_logger = logging.getLogger(__name__)

# Threads of streams and the event loop take turns this often, seconds; Python's own 5 ms is half a frame.
_SWITCH_INTERVAL_S = 0.0005
_SPARE_FILES = 200
_POLL_S = 0.05


def serve(
    settings: ServeSettings,
    *,
    on_ready: Callable[[str], object] | None = None,
    is_verbose: bool = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what runs and return.

    Args:
        settings: See there.
        on_ready: Called with the address, such as "http://127.0.0.1:8000", when the server takes requests.
        is_verbose: Let job processes print to standard error.

    Raises:
        OSError: The address cannot be used, or a file cannot be read.
        PresetError, ModelError, ValueError: A configured preset or model cannot be used.
        RuntimeError: Job processes do not start.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        with Spool(settings.folder) as spool, _listen(settings) as listener:
            asyncio.run(_serve(settings, spool, listener, on_ready, is_verbose))
    finally:
        sys.setswitchinterval(before)


async def _serve(
    settings: ServeSettings,
    spool: Spool,
    listener: socket.socket,
    on_ready: Callable[[str], object] | None,
    is_verbose: bool,
) -> None:
    jobs = JobPool(settings.for_jobs(), settings.limits.max_jobs, is_verbose=is_verbose)
    ending = asyncio.Event()
    hurry = asyncio.Event()
    with _signals(ending, hurry):
        try:
            starting = asyncio.ensure_future(jobs.start())
            state = await asyncio.to_thread(ServerState, settings, spool, jobs)
            await starting
            server = _Server(_uvicorn_config(settings, state))
            running = asyncio.ensure_future(server.serve([listener]))
            while not server.started and not running.done():
                await asyncio.sleep(_POLL_S)
            if on_ready is not None and server.started:
                on_ready(_address(settings, listener))
            ended = asyncio.ensure_future(ending.wait())
            await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            await _drain(state, hurry)
            server.should_exit = True
            await running
            state.threads.shutdown(wait=False, cancel_futures=True)
        finally:
            starting.cancel()
            await jobs.close()


async def _drain(state: ServerState, hurry: asyncio.Event) -> None:
    """Refuse new work and wait for what runs, `shutdown_s` at most or until a second signal."""
    state.is_draining = True
    loop = asyncio.get_running_loop()
    deadline = loop.time() + state.limits.shutdown_s
    if state.is_busy:
        _logger.info(
            "finishing what runs: recordings %d, streams %d", state.num_uploads, state.budget.num_streams
        )
    while state.is_busy and loop.time() < deadline and not hurry.is_set():
        await asyncio.sleep(_POLL_S)
    state.ending.set()
    for _ in range(20):  # streams say goodbye
        if not state.budget.num_streams:
            break
        await asyncio.sleep(_POLL_S)


class _Server(uvicorn.Server):
    """uvicorn's server without its signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are handled by `_serve`."""
        yield


def _uvicorn_config(settings: ServeSettings, state: ServerState) -> uvicorn.Config:
    connections = Connections(_fitting_limits(settings))
    protocol: Any = connections.make_http
    return uvicorn.Config(
        make_app(state),
        http=protocol,
        ws=WebSocketConnection,
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,
        # Answers to pings wait behind frames where a stream is slowed down; silence is noticed by the frames.
        ws_ping_interval=None,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        loop="asyncio",
    )


def _fitting_limits(settings: ServeSettings) -> Limits:
    """Limits with no more connections than the system has file descriptors for."""
    limits = settings.limits
    try:
        import resource
    except ImportError:  # Windows
        return limits
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.max_connections + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    if soft != resource.RLIM_INFINITY and soft < wanted:
        return dataclasses.replace(limits, max_connections=max(1, soft - _SPARE_FILES))
    return limits


@contextlib.contextmanager
def _listen(settings: ServeSettings) -> Iterator[socket.socket]:
    """A socket that listens. The error of an address that cannot be used names it."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"{settings.host}:{settings.port}") from error
    with listener:
        yield listener


def _address(settings: ServeSettings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"


@contextlib.contextmanager
def _signals(ending: asyncio.Event, hurry: asyncio.Event) -> Iterator[None]:
    """Set `ending` at the first SIGTERM or Ctrl-C, and `hurry` at the second."""
    loop = asyncio.get_running_loop()

    def end(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe((hurry if ending.is_set() else ending).set)

    before: dict[signal.Signals, Any] = {}
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(ValueError):  # not the main thread
            before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
