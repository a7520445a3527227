"""The server as a whole: who may use it, what it tells, how it ends."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.plugin.serving.running_server import TIMEOUT_S, Answer, Server
from tests.plugin.serving.test_file_endpoint import encode, sound

TOKEN = "a-secret"


def test_names_are_those_that_ship_or_were_configured(server: Server) -> None:
    names = [entry["name"] for entry in json.loads(server.get("/models").body)]
    assert {"identity", "stateful", "half"} <= set(names)
    presets = json.loads(server.get("/presets").body)
    assert all(set(entry) == {"name", "description"} for entry in presets)


def test_the_description_names_every_path(server: Server) -> None:
    document = json.loads(server.get("/openapi.json").body)
    assert document["openapi"].startswith("3.1")
    for path in document["paths"]:
        if path not in ("/denoise", "/stream"):
            assert server.get(path).status == 200, path
    page = server.get("/").body.decode()
    assert "<h2>POST /denoise</h2>" in page
    assert "http" not in page.replace("https://", "").replace("http-equiv", "") or "src=" not in page


def test_the_description_is_valid_openapi(server: Server) -> None:
    validator = pytest.importorskip(
        "openapi_spec_validator", reason="openapi-spec-validator is not installed"
    )
    validator.validate(json.loads(server.get("/openapi.json").body))


def test_paths_and_methods_that_do_not_exist_are_refused_as_json(server: Server) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    missing = server.get("/nothing")
    assert (missing.status, missing.headers["content-type"]) == (404, "application/json")
    assert missing.error == "there is no path '/nothing' for HTTP requests. The page at / lists all."
    assert "'/stream' for HTTP requests" in server.get("/stream").error
    refused = server.get("/denoise")
    assert (refused.status, refused.headers["allow"]) == (405, "POST")
    assert refused.error == "/denoise takes POST (got 'GET')."
    refused = server.request("DELETE", "/presets")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
    assert refused.error == "/presets takes GET and HEAD (got 'DELETE')."
    with pytest.raises(InvalidStatus) as status, connect(f"ws://{server.host}:{server.port}/denoise"):
        pass
    assert (status.value.response.status_code, b"for WebSockets" in status.value.response.body) == (404, True)


def test_metrics_count_requests_and_sound(server: Server, rng: np.random.Generator) -> None:
    before = server.metric("hushgate_audio_seconds_total")
    assert server.post(encode(sound(rng)), {"model": "identity"}).status == 200
    assert server.metric("hushgate_audio_seconds_total") == pytest.approx(before + 1.0)
    text = server.get("/metrics").body.decode()
    assert 'hushgate_requests_total{path="/denoise",status="200"}' in text
    server.get("/no-such-page")
    assert 'path="other",status="404"' in server.get("/metrics").body.decode()


def test_the_access_log_has_neither_query_nor_contents_nor_control_characters(
    server: Server, rng: np.random.Generator
) -> None:
    server.post(encode(sound(rng)), {"model": "identity", "name": "private-name.wav"})
    server.get("/%1b%5b2J")
    line = next(line for line in server.log.splitlines() if "POST /denoise 200" in line)
    assert "in=192" in line
    assert "private-name" not in server.log
    assert "\x1b" not in server.log


def test_a_token_is_asked_of_all_but_the_checks(tmp_path: Path) -> None:
    from websockets.exceptions import InvalidStatus

    with Server(tmp_path, "--max-jobs=1", HUSHGATE_TOKEN=TOKEN) as server:
        assert server.get("/health").status == server.get("/ready").status == 200
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            refused = server.request("GET", "/presets", headers=headers)
            assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert server.post(b"x").status == 401
        assert server.get("/presets", Authorization=f"Bearer {TOKEN}").status == 200
        with pytest.raises(InvalidStatus), server.stream():
            pass
        with server.stream(additional_headers={"Authorization": f"Bearer {TOKEN}"}):
            pass
        encoded = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
        with server.stream(subprotocols=["hushgate", f"hushgate.bearer.{encoded}"]) as stream:
            assert stream.subprotocol == "hushgate"
        assert TOKEN not in server.log
        assert encoded not in server.log


def test_pages_of_other_origins_are_refused_unless_they_are_named(tmp_path: Path) -> None:
    from websockets.exceptions import InvalidStatus

    with Server(tmp_path, "--max-jobs=1", "--origin=https://app.example") as server:
        for origin in ("https://evil.example", "null", f"http://evil.example:{server.port}"):
            host = origin.removeprefix("http://") if origin.startswith("http://") else "127.0.0.1"
            answer = server.request("POST", "/denoise", b"", {"Origin": origin, "Host": host})
            assert answer.status == 403, origin
            with pytest.raises(InvalidStatus), server.stream(origin=origin):
                pass
        own = {"Origin": f"http://127.0.0.1:{server.port}", "Host": f"127.0.0.1:{server.port}"}
        assert server.request("GET", "/presets", headers=own).status == 200
        allowed = server.get("/presets", Origin="https://app.example")
        assert allowed.headers["access-control-allow-origin"] == "https://app.example"
        with server.stream(origin="https://app.example"):
            pass


def test_sigterm_finishes_what_runs_and_takes_nothing_new(tmp_path: Path, rng: np.random.Generator) -> None:
    body = encode(sound(rng, seconds=20.0))
    with Server(tmp_path, "--max-jobs=1", "--shutdown-s=60") as server:
        answers: list[Answer] = []
        worker = threading.Thread(target=lambda: answers.append(server.post(body)))
        with server.stream() as stream:
            worker.start()
            _wait(lambda: server.metric("hushgate_jobs") == 1)
            server.process.send_signal(signal.SIGTERM)
            _wait(lambda: server.get("/ready").status == 503)
            assert server.get("/health").status == 200
            refused = server.post(body)
            assert (refused.status, "shutting down" in refused.error) == (503, True)
            worker.join()
            stream.send(bytes(960))
            assert len(stream.recv(timeout=TIMEOUT_S)) == 960
            stream.send('{"type": "end"}')
            assert isinstance(stream.recv(timeout=TIMEOUT_S), bytes)
        assert server.process.wait(30) == 0
        assert answers[0].status == 200
        assert list(server.spool.iterdir()) == []


def test_streams_are_told_when_the_time_is_up(tmp_path: Path) -> None:
    from websockets.exceptions import ConnectionClosed

    with Server(tmp_path, "--max-jobs=1", "--shutdown-s=0.2") as server, server.stream() as stream:
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(timeout=TIMEOUT_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert server.process.wait(30) == 0


def test_after_kill_9_the_next_start_removes_what_was_left(tmp_path: Path) -> None:
    with Server(tmp_path, "--max-jobs=1") as first:
        with socket.create_connection((first.host, first.port)) as connection:
            connection.sendall(
                b"POST /denoise HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n" + bytes(9)
            )
            _wait(lambda: bool(first.request_folders()))
            children = _children(first.process.pid)
            assert children
            first.process.kill()
            first.process.wait()
        _wait(lambda: not _running(children))
    left = list(first.spool.iterdir())
    assert left
    with Server(tmp_path, "--max-jobs=1") as second:
        now = list(second.spool.iterdir())
        assert len(now) == 1
        assert now != left


def test_after_kill_9_no_process_goes_on_with_a_recording(tmp_path: Path) -> None:
    body = bytes(2 * 16_000 * 1800)  # half an hour
    with Server(tmp_path, "--max-jobs=1") as server:
        with socket.create_connection((server.host, server.port)) as connection:
            head = f"POST /denoise?raw=16000,1,s16le HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}"
            connection.sendall(f"{head}\r\n\r\n".encode() + body)
            _wait(lambda: server.metric("hushgate_jobs") == 1.0)
            children = _children(server.process.pid)
            assert children
            server.process.kill()
            server.process.wait()
        _wait(
            lambda: not any(Path(f"/proc/{child}/cmdline").read_bytes() for child in _alive(children)), 10.0
        )


def test_two_servers_share_a_folder(tmp_path: Path) -> None:
    with Server(tmp_path, "--max-jobs=1") as first, Server(tmp_path, "--max-jobs=1"):
        assert len(list(first.spool.iterdir())) == 2


def test_a_port_in_use_is_an_error_that_names_it(server: Server, run_cli: object) -> None:
    from tests.helpers.command_line import run_cli as run

    done = run("serve", "--port", str(server.port))
    assert done.returncode == 2
    assert f"127.0.0.1:{server.port}" in done.stderr.decode()


def test_an_open_address_without_a_token_is_warned_of(tmp_path: Path) -> None:
    with Server(tmp_path, "--max-jobs=1", "--host=0.0.0.0") as server:
        assert "there is no token" in server.log


def _wait(condition: object, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _running(pids: list[int]) -> bool:
    """Whether one of the processes is there and has not ended."""
    return any(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in _alive(pids))


def _alive(pids: list[int]) -> list[int]:
    def is_alive(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    return [pid for pid in pids if is_alive(pid)]
