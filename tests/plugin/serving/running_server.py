"""`hushgate serve` in a process of its own, and clients of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Answer:
    """A response: status, headers in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The error message of a refusal."""
        return str(json.loads(self.body)["error"])


class Server:
    """A server on a free port of this machine.

    Args:
        folder: For its temporary files and its log.
        arguments: Further flags.
        environment: Further variables.
    """

    def __init__(self, folder: Path, *arguments: str | Path, **environment: str) -> None:
        self.spool = folder / "spool"
        self.spool.mkdir(exist_ok=True)
        self.log_path = folder / "server.log"
        command = [sys.executable, "-m", "hushgate", "serve", "--port", "0", "--folder", str(self.spool)]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **environment},
            )
        try:
            self.address = self._read_address()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        parts = urlsplit(self.address)
        self.host, self.port = str(parts.hostname), int(parts.port or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.send_signal(signal.SIGINT)
                self.process.wait(20)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def log(self) -> str:
        """What the server has printed to standard error."""
        return self.log_path.read_text(errors="replace")

    def get(self, path: str, **headers: str) -> Answer:
        """GET, with a header per keyword."""
        return self.request("GET", path, headers=headers)

    def post(
        self, body: Any, fields: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """POST to /denoise."""
        return self.request("POST", f"/denoise?{urlencode(fields or {})}", body, headers)

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Any request, on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_S)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {}, encode_chunked=False)
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read())

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = self.get("/metrics").body.decode().splitlines()
        return sum(
            float(line.rpartition(" ")[2]) for line in lines if line.split("{")[0].split(" ")[0] == name
        )

    @contextlib.contextmanager
    def stream(self, fields: dict[str, Any] | None = None, **options: Any) -> Iterator[Any]:
        """A WebSocket of websockets' own client; what it is told first is in `ready`."""
        from websockets.sync.client import connect

        url = f"ws://{self.host}:{self.port}/stream?{urlencode(fields or {})}"
        with connect(url, open_timeout=TIMEOUT_S, compression=None, max_size=None, **options) as socket:
            socket.ready = json.loads(socket.recv(timeout=TIMEOUT_S))
            yield socket

    def rss_mb(self) -> float:
        """Memory of the server's own process, MiB (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024.0

    def request_folders(self) -> list[Path]:
        """Folders of requests that are there."""
        return [path for run in self.spool.iterdir() for path in run.iterdir() if path.is_dir()]

    def _read_address(self) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT_S)
        line = self.process.stdout.readline().decode() if ready else ""
        if "serves at " not in line:
            self.process.kill()
            raise RuntimeError(f"the server does not start: {line}{self.log}")
        return line.split("serves at ")[1].split()[0]
