"""Load on `hushgate serve`: streams held in real time, uploads in parallel, long streams, left connections.

python benchmarks/serve.py                          # streams by 4 up to refusal, then twice as many; uploads
python benchmarks/serve.py --soak-s 3600            # one stream in real time for an hour; memory each minute
python benchmarks/serve.py --connections 10000      # opened and left, while others are served

Needs the extra `serve`, and Linux for memory and processor time. Server and clients share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from support import EXAMPLE, ROOT
from support.machine import machine_line
from support.tables import markdown_table

sys.path.insert(0, str(ROOT))

from tests.plugin.serving.running_server import Server

RATE = 48_000
FRAME_S = 0.01


@dataclass
class StreamLoad:
    """What clients saw of their streams: time from sending a frame to its answer, seconds."""

    num_wanted: int
    num_refused: int = 0
    refusal: str = ""
    round_trips_s: list[float] = field(default_factory=list)
    server_cores: float = 0.0

    def row(self) -> list[str]:
        """Cells of the table."""
        trips = np.array(self.round_trips_s) * 1000.0
        held = self.num_wanted - self.num_refused
        return [
            str(self.num_wanted),
            str(held),
            *(f"{np.percentile(trips, share):.1f}" for share in (50, 99, 99.9)),
            f"{trips.max():.0f}",
            f"{100.0 * np.mean(trips > 20.0):.2f} %",
            f"{self.server_cores:.2f}",
            f"{100.0 * self.server_cores / max(held, 1):.1f} %",
        ]


HEAD = [
    "streams wanted",
    "held",
    "median, ms",
    "99 %",
    "99.9 %",
    "largest",
    "above 20 ms",
    "cores",
    "per stream",
]


async def run_streams(server: Server, count: int, seconds: float, preset: str) -> StreamLoad:
    """Open `count` streams over a second and run those that are not refused in real time."""
    load = StreamLoad(count)
    started_cpu = cpu_s(server.process.pid)
    started = time.monotonic()
    await asyncio.gather(*(_client(server, load, number / count, seconds, preset) for number in range(count)))
    load.server_cores = (cpu_s(server.process.pid) - started_cpu) / (time.monotonic() - started)
    return load


async def _client(
    server: Server, load: StreamLoad, delay_s: float, seconds: float, preset: str, speed: float = 1.0
) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    await asyncio.sleep(delay_s)
    noise = np.random.default_rng(0).integers(-2000, 2000, round(RATE * FRAME_S)).astype("<i2").tobytes()
    url = f"ws://{server.host}:{server.port}/stream?preset={preset}"
    try:
        async with connect(url, compression=None, open_timeout=60, ping_interval=None) as stream:
            await stream.recv()
            sent: list[float] = []

            async def take() -> None:
                for number in range(round(seconds / FRAME_S)):
                    await stream.recv()
                    load.round_trips_s.append(time.perf_counter() - sent[number])

            taking = asyncio.ensure_future(take())
            begin = time.perf_counter()
            for number in range(round(seconds / FRAME_S)):
                wait_s = begin + number * FRAME_S / speed - time.perf_counter()
                if wait_s > 0.0:
                    await asyncio.sleep(wait_s)
                sent.append(time.perf_counter())
                await stream.send(noise)
            await taking
    except InvalidStatus as refused:
        load.num_refused += 1
        load.refusal = json.loads(refused.response.body)["error"]


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, seconds."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def show_streams(folder: Path, preset: str, seconds: float, max_load: float) -> None:
    """Print the table of streams."""
    rows = []
    with Server(folder, f"--max-stream-load={max_load}") as server:
        most = 0
        for count in range(4, 65, 4):
            load = asyncio.run(run_streams(server, count, seconds, preset))
            rows.append(load.row())
            if load.num_refused:
                most = count - load.num_refused
                break
        load = asyncio.run(run_streams(server, 2 * most, seconds, preset))
        rows.append(load.row())
        print(markdown_table(HEAD, rows))
        print(f"\nrefused with: {load.refusal}")
        print(f"memory of the server: {server.rss_mb():.0f} MiB\n")


def show_uploads(folder: Path, preset: str) -> None:
    """Print throughput and memory for 1, 4 and 16 uploads at once."""
    body = EXAMPLE.read_bytes()
    duration_s = 0.0
    rows = []
    with Server(folder, "--max-uploads=16") as server:
        for count in (1, 4, 16):
            statuses: list[int] = []

            def send(statuses: list[int] = statuses) -> None:
                nonlocal duration_s
                answer = server.post(body, {"preset": preset, "name": "take.flac"})
                statuses.append(answer.status)
                duration_s = float(answer.headers.get("hushgate-duration-s", 0.0))

            started = time.perf_counter()
            threads = [threading.Thread(target=send) for _ in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            elapsed_s = time.perf_counter() - started
            done = statuses.count(200)
            speed = done * duration_s / elapsed_s
            rows.append([str(count), str(done), f"{elapsed_s:.1f}", f"{speed:.0f}", f"{server.rss_mb():.0f}"])
    print(markdown_table(["uploads at once", "done", "seconds", "times real time", "server, MiB"], rows))


def soak(folder: Path, preset: str, seconds: float, speed: float) -> None:
    """Run one stream and print the server's memory each minute."""
    with Server(folder, f"--max-stream-speed={speed}") as server:
        load = StreamLoad(1)

        async def watched() -> None:
            running = asyncio.ensure_future(_client(server, load, 0.0, seconds, preset, speed))
            started = time.monotonic()
            while not running.done():
                await asyncio.wait({running}, timeout=60.0)
                trips = np.array(load.round_trips_s[-6000:]) * 1000.0
                print(
                    f"{(time.monotonic() - started) / 60.0:5.1f} min  {server.rss_mb():7.1f} MiB  "
                    f"99 % of a minute {np.percentile(trips, 99):.1f} ms  frames {len(load.round_trips_s)}",
                    flush=True,
                )
            running.result()

        asyncio.run(watched())


def show_left_connections(folder: Path, count: int) -> None:
    """Open connections and leave them; say how others are served meanwhile."""
    with Server(folder) as server, contextlib.ExitStack() as opened:
        before = server.rss_mb()
        started = time.perf_counter()
        waits_s = []
        for number in range(count):
            connection = socket.create_connection((server.host, server.port), timeout=60)
            opened.enter_context(contextlib.closing(connection))
            if number % 500 == 499:
                asked = time.perf_counter()
                assert server.get("/presets").status == 200
                waits_s.append(time.perf_counter() - asked)
        print(
            f"{count} connections in {time.perf_counter() - started:.1f} s; others answered in "
            f"{1000.0 * max(waits_s):.0f} ms at most; server {before:.0f} -> {server.rss_mb():.0f} MiB, "
            f"files open {len(list(Path(f'/proc/{server.process.pid}/fd').iterdir()))}"
        )


def main(argv: list[str] | None = None) -> int:
    """Run the chosen measurements."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--preset", default="voice")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each stream")
    parser.add_argument("--max-stream-load", type=float, default=0.7, help="cores for streams")
    parser.add_argument("--soak-s", type=float, help="one stream of this length instead")
    parser.add_argument("--speed", type=float, default=1.0, help="of --soak-s, times real time")
    parser.add_argument("--connections", type=int, help="connections to open and leave instead")
    args: Any = parser.parse_args(argv)
    print(f"{machine_line()}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.soak_s:
            soak(folder, args.preset, args.soak_s, args.speed)
        elif args.connections:
            show_left_connections(folder, args.connections)
        else:
            show_streams(folder, args.preset, args.seconds, args.max_stream_load)
            show_uploads(folder, args.preset)
    return 0


if __name__ == "__main__":
    sys.exit(main())
