"""Clients that mean harm, or fail: ended within their limits while others are served."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.plugin.serving.running_server import TIMEOUT_S, Server
from tests.plugin.serving.test_file_endpoint import encode, sound

LIMITS = (
    "--max-jobs=1",
    "--max-body-mb=8",
    "--max-connections=50",
    "--header-s=1",
    "--slow-client-s=1",
    "--min-client-rate=100000",
    "--max-job-s=20",
    "--max-stream-idle-s=1",
    "--max-output-mb=8",
)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    flags = [f"--add-model=identity={models / 'identity.onnx'}"]
    with Server(tmp_path_factory.mktemp("strict"), *LIMITS, *flags) as running:
        yield running


@pytest.fixture(autouse=True)
def _still_serves(strict: Server, rng: np.random.Generator) -> Iterator[None]:
    """After each attack another client is served, and no files are left."""
    yield
    answer = strict.post(encode(sound(rng, seconds=0.2)), {"model": "identity"})
    assert answer.status == 200, answer.body
    wait_until(lambda: strict.request_folders() == [] and strict.metric("hushgate_uploads") == 0)


def open_socket(server: Server) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=30)


def read_to_end(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while more := connection.recv(65_536):
            received += more
    return received


def test_a_body_of_two_gigabytes_without_its_length_costs_neither_memory_nor_disk(strict: Server) -> None:
    before = strict.rss_mb()
    block = b"%x\r\n%b\r\n" % (2**20, bytes(2**20))
    num_sent = 0
    with open_socket(strict) as connection:
        connection.sendall(b"POST /denoise HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(2048):
                connection.sendall(block)
                num_sent += 1
    # It is told after 8 MiB and may go on for two seconds, in which nothing is kept.
    assert num_sent < 2048
    assert strict.rss_mb() - before < 30.0
    assert b"413" in strict.log.encode()


def test_one_byte_a_second_is_ended(strict: Server) -> None:
    with open_socket(strict) as connection:
        connection.sendall(b"POST /denoise HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        started = time.monotonic()
        received = b""
        connection.settimeout(0.25)
        while b"\r\n\r\n" not in received:
            connection.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                received += connection.recv(65_536)
            assert time.monotonic() - started < 20.0
        assert received.startswith(b"HTTP/1.1 408")


def test_a_head_that_does_not_end_is_dropped(strict: Server) -> None:
    with open_socket(strict) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        for _ in range(40):
            try:
                connection.sendall(b"X: y\r\n")
            except ConnectionError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("the connection stayed open")


def test_a_head_without_bounds_is_refused(strict: Server) -> None:
    with open_socket(strict) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"GET /health HTTP/1.1\r\nX: " + b"a" * 2_000_000)
        assert read_to_end(connection)[:12] in (b"HTTP/1.1 400", b"")


def test_the_second_request_of_a_connection_has_a_time_limit_too(strict: Server) -> None:
    with open_socket(strict) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = connection.recv(65_536)
        while not answer.endswith(b"ok\n"):
            answer += connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /hea")
        started = time.monotonic()
        assert read_to_end(connection) == b""
        assert time.monotonic() - started < 10.0


def test_a_client_that_leaves_in_the_middle_leaves_nothing(strict: Server, rng: np.random.Generator) -> None:
    body = encode(sound(rng, seconds=5.0))
    for part in (body[:100_000], body):
        with open_socket(strict) as connection:
            head = f"POST /denoise?preset=voice HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + part)
            time.sleep(0.2)
            # Not a polite end but a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: strict.metric("hushgate_uploads") == 0)


def test_a_client_that_leaves_in_a_streamed_recording_leaves_nothing(
    strict: Server, rng: np.random.Generator
) -> None:
    body = encode(sound(rng, seconds=5.0))
    with open_socket(strict) as connection:
        head = f"POST /denoise?stream=true HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[: len(body) // 2])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: strict.metric("hushgate_uploads") == 0)


def test_a_client_that_does_not_take_its_answer_is_dropped(strict: Server, rng: np.random.Generator) -> None:
    body = encode(sound(rng, seconds=30.0))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((strict.host, strict.port))
        head = f"POST /denoise?model=identity HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        wait_until(lambda: strict.metric("hushgate_uploads") == 1)
        wait_until(lambda: strict.metric("hushgate_uploads") == 0)


def test_thousands_of_connections_opened_and_left(strict: Server) -> None:
    count = min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 300)
    before = strict.rss_mb()
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            opened.enter_context(open_socket(strict))
        assert strict.get("/health").status == 200
        assert strict.rss_mb() - before < 50.0


def test_nonsense_instead_of_http_is_refused(strict: Server) -> None:
    for data in (b"\x16\x03\x01\x02\x00\x01\x00" + os.urandom(500), b"\0" * 1000, b"GET\r\n\r\n"):
        with open_socket(strict) as connection:
            connection.sendall(data)
            assert read_to_end(connection)[:12] in (b"HTTP/1.1 400", b"")


def test_a_result_beyond_its_limit_is_refused(strict: Server) -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 48_000, 1, format="FLAC", subtype="PCM_16") as writer:
        for _ in range(60):
            writer.write(np.zeros(48_000, np.int16))
    answer = strict.post(
        file.getvalue(), {"model": "identity", "name": "a.flac", "format": "wav", "subtype": "DOUBLE"}
    )
    assert (answer.status, "at most 8 MiB" in answer.error) == (413, True), answer.body


def test_idle_streams_are_closed(strict: Server) -> None:
    from websockets.exceptions import ConnectionClosed

    with strict.stream({"model": "identity"}) as stream:
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(timeout=TIMEOUT_S)
        assert closed.value.rcvd is not None
        assert "no frame came" in closed.value.rcvd.reason


def test_too_large_a_frame_ends_the_stream(strict: Server) -> None:
    from websockets.exceptions import ConnectionClosed

    with strict.stream({"model": "identity"}) as stream:
        with contextlib.suppress(ConnectionClosed):
            stream.send(bytes(2**21))
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(timeout=TIMEOUT_S)
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


def test_a_stream_that_comes_too_fast_is_slowed_down(strict: Server) -> None:
    with strict.stream({"model": "identity"}) as stream:
        started = time.monotonic()
        for _ in range(50):  # five seconds of sound
            stream.send(bytes(9_600))
            stream.recv(timeout=TIMEOUT_S)
        # Two seconds are free, three come at 1.25 times real time, and the last frame waits for nobody.
        assert time.monotonic() - started > 2.0


def test_streams_that_stop_reading_do_not_fill_the_memory(strict: Server) -> None:
    before = strict.rss_mb()

    def flood(stream: object) -> None:
        with contextlib.suppress(Exception):
            for _ in range(500):
                stream.send(bytes(96_000))  # type: ignore[attr-defined]

    with strict.stream({"model": "identity"}) as stream:
        thread = threading.Thread(target=flood, args=(stream,), daemon=True)
        thread.start()
        time.sleep(2.0)
        assert strict.rss_mb() - before < 30.0
        stream.socket.shutdown(socket.SHUT_RDWR)


def wait_until(condition: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)
