"""Time and memory of hushgate and other denoisers, one thread each, in one run.

python benchmarks/speed.py                       # every shipped model, every installed peer
python benchmarks/speed.py --model path/to/model.onnx --json speed.json
python benchmarks/speed.py --write docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.command import add_system_arguments, chosen_systems, command_line, write_run
from support.denoisers import HUSHGATE, make_system, needs_noise, ordinary_peers, short_name
from support.machine import ONE_THREAD, machine_line, memory_mb, test_signal
from support.streaming_peers import StreamingPeer
from support.tables import markdown_table

Audio = NDArray[np.float32]

FORMATS = ((48_000, 1), (16_000, 1), (44_100, 2))
"""Sample rate (Hz) and channels of the whole files."""
LIVE_RATE, LIVE_BLOCK = 48_000, 480
_WARM_UP_BLOCKS = 50
_HELP_PROBE = (
    "import sys, hushgate.commands.main\n"
    "try: hushgate.commands.main.main(['--help'])\n"
    "except SystemExit: pass\n"
    "names = ('torch', 'hushgate.training', 'pedalboard', 'onnxruntime', 'soundfile', 'numpy', 'rich')\n"
    "print(len(sys.modules), *(n for n in names if n in sys.modules), sep='|', file=sys.stderr)\n"
)


@dataclass(frozen=True)
class Timing:
    """Seconds by the clock and seconds that the processor worked for this process."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class SystemSpeed:
    """Times of one system: every live block in ms, by clock and processor, and whole files by format.

    `load_s` is the time that opening it for live use takes, `live_added_mb` the memory that opening it
    and running it live adds to the process.
    """

    system: str
    load_s: float
    live_wall_ms: list[float]
    live_cpu_ms: list[float]
    live_added_mb: float
    whole_seconds: float
    whole: dict[str, Timing]


def _whole_file(name: str) -> Callable[[Audio, int], object]:
    """The way a user would clean a whole file: for hushgate the effect's own call."""
    if name.startswith(HUSHGATE):
        from hushgate import Denoiser

        return Denoiser(name.removeprefix(HUSHGATE)).process
    system = make_system(name)
    # The noise it is given does not change its time.
    return (lambda audio, rate: system(audio, rate, audio)) if needs_noise(name) else system


def _live(name: str) -> tuple[Callable[[Audio], object], int] | None:
    """A call that takes 10 ms of sound and the rate it wants it at, or None where there is no such thing."""
    if name.startswith(HUSHGATE):
        from hushgate.engine import BlockDenoiser

        denoiser = BlockDenoiser(name.removeprefix(HUSHGATE))
        denoiser.prepare(LIVE_RATE, LIVE_BLOCK, 1)
        return denoiser.process, LIVE_RATE
    system = make_system(name)
    return (_in_frames(system), system.sample_rate) if isinstance(system, StreamingPeer) else None


def _in_frames(peer: StreamingPeer) -> Callable[[Audio], None]:
    """Feed blocks of any size to a peer that takes whole frames."""
    peer.start(1)
    waiting = np.zeros((1, 0), np.float32)

    def process(block: Audio) -> None:
        nonlocal waiting
        waiting = np.concatenate([waiting, block], axis=1)
        while waiting.shape[1] >= peer.frame_size:
            peer.frame(np.ascontiguousarray(waiting[:, : peer.frame_size]))
            waiting = waiting[:, peer.frame_size :]

    return process


class Bench:
    """One system in the process that measures it, so that memory and threads are its own."""

    def __init__(self, name: str, seconds: float, live_seconds: float) -> None:
        self._name, self._seconds = name, seconds
        self._sounds = {
            f"{rate / 1000:g} kHz x {channels}": (test_signal(rate, channels, seconds), rate)
            for rate, channels in FORMATS
        }
        before_mb = memory_mb()
        began = time.perf_counter()
        live = _live(name)
        self._load_s = time.perf_counter() - began
        self._whole: Callable[[Audio, int], object] | None = None
        self._process: Callable[[Audio], object] = lambda block: None
        self._blocks: list[Audio] = []
        if live is not None:
            self._process, rate = live
            sound, size = test_signal(rate, 1, live_seconds), rate // 100
            starts = range(0, sound.shape[1] - size + 1, size)
            self._blocks = [np.ascontiguousarray(sound[:, start : start + size]) for start in starts]
            for block in self._blocks[:_WARM_UP_BLOCKS]:
                self._process(block)
        self._added_mb = memory_mb() - before_mb

    def round(self) -> SystemSpeed:
        """Time everything once."""
        wall_ms, cpu_ms = [], []
        for block in self._blocks:
            wall, cpu = time.perf_counter(), time.thread_time()
            self._process(block)
            wall_ms.append(1e3 * (time.perf_counter() - wall))
            cpu_ms.append(1e3 * (time.thread_time() - cpu))
        self._whole = self._whole or _whole_file(self._name)
        whole = {}
        for form, (sound, rate) in self._sounds.items():
            wall, cpu = time.perf_counter(), time.process_time()
            self._whole(sound, rate)
            whole[form] = Timing(time.perf_counter() - wall, time.process_time() - cpu)
        return SystemSpeed(self._name, self._load_s, wall_ms, cpu_ms, self._added_mb, self._seconds, whole)


def best_of(rounds: Sequence[SystemSpeed]) -> SystemSpeed:
    """The best round of the live blocks, by processor time, and the best time of each format."""
    live = min(rounds, key=lambda result: sum(result.live_cpu_ms))
    whole = {
        form: Timing(
            min(result.whole[form].wall_s for result in rounds),
            min(result.whole[form].cpu_s for result in rounds),
        )
        for form in rounds[0].whole
    }
    return replace(live, whole=whole)


_bench: Bench | None = None


def _start_bench(name: str, seconds: float, live_seconds: float) -> None:
    global _bench
    _bench = Bench(name, seconds, live_seconds)


def _run_round() -> SystemSpeed:
    if _bench is None:
        raise RuntimeError("_start_bench must run first.")
    return _bench.round()


def measure_all(
    systems: Sequence[str], seconds: float, live_seconds: float, repeats: int
) -> list[SystemSpeed]:
    """Every system in a process of its own, all in turn in every round, so that a busy minute hits all."""
    with ExitStack() as stack:
        pools = [
            stack.enter_context(ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))) for _ in systems
        ]
        for name, pool in zip(systems, pools, strict=True):
            ready: Future[None] = pool.submit(_start_bench, name, seconds, live_seconds)
            ready.result()
        rounds = [[pool.submit(_run_round).result() for pool in pools] for _ in range(repeats)]
    return [best_of(results) for results in zip(*rounds, strict=True)]


def whole_table(results: Sequence[SystemSpeed]) -> str:
    """Times real time of whole files, and the time taken against the first system's."""
    formats = list(results[0].whole)
    header = ["whole file, one thread", *(f"{name}: times real time (CPU)" for name in formats)]
    first = results[0]
    header += [f"time against {short_name(first.system)}, {formats[0]}"]
    rows = []
    for result in results:
        cells = [
            f"{result.whole_seconds / result.whole[name].wall_s:.0f} "
            f"({result.whole_seconds / result.whole[name].cpu_s:.0f})"
            for name in formats
        ]
        ratio = result.whole[formats[0]].cpu_s / first.whole[formats[0]].cpu_s
        rows.append([short_name(result.system), *cells, f"{ratio:.2f}"])
    return markdown_table(header, rows)


def live_table(results: Sequence[SystemSpeed]) -> str:
    """Block times of 10 ms blocks, one channel, at the rate each takes; processor time in brackets."""
    duration_ms = 1e3 * LIVE_BLOCK / LIVE_RATE
    rows = []
    for result in results:
        if not result.live_wall_ms:
            continue
        wall, cpu = np.array(result.live_wall_ms), np.array(result.live_cpu_ms)
        figures = [
            f"{100.0 * wall.mean() / duration_ms:.1f} % ({100.0 * cpu.mean() / duration_ms:.1f} %)",
            *(f"{np.percentile(wall, p):.2f} ({np.percentile(cpu, p):.2f})" for p in (50, 99, 100)),
            f"{np.percentile(wall, 99) / duration_ms:.2f}",
        ]
        added = f"{result.live_added_mb:.0f}"
        rows.append([short_name(result.system), *figures, added, f"{1e3 * result.load_s:.0f}"])
    header = ["live, 10 ms blocks", "share of a core (CPU)", "median ms", "99 % ms", "longest ms"]
    return markdown_table([*header, "99 % / block", "adds MB", "load ms"], rows)


def start_up_lines(repeats: int) -> list[str]:
    """Time of `hushgate --help` in a fresh process, and its imports."""
    command = [
        sys.executable,
        "-c",
        "import sys; from hushgate.commands.main import main; sys.exit(main(['--help']))",
    ]
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    probe = subprocess.run([sys.executable, "-c", _HELP_PROBE], check=True, capture_output=True, text=True)
    num_modules, *heavy = probe.stderr.strip().splitlines()[-1].split("|")
    return [
        f"`hushgate --help`: {1e3 * statistics.median(times):.0f} ms median of {repeats} "
        f"({1e3 * min(times):.0f} to {1e3 * max(times):.0f}), {num_modules} modules, "
        f"of the large ones: {', '.join(heavy) or 'none'}."
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    peers = [*ordinary_peers(), "NoiseGate"]
    add_system_arguments(parser, peers)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the whole files (default 20)")
    parser.add_argument(
        "--live-seconds", type=float, default=20.0, help="length of the live run (default 20)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="rounds, of which the best counts (default 3)")
    parser.add_argument("--json", type=Path, help="write all figures to this file, for plots.py")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="put the tables into this document")
    args = parser.parse_args(arguments)
    # The workers' libraries read these when they load.
    os.environ.update(ONE_THREAD)
    from hushgate.engine import available_models

    try:
        systems, skipped = chosen_systems(args, peers, list(available_models()))
    except (OSError, ValueError) as error:
        print(f"speed.py: error: {error}", file=sys.stderr)
        return 2
    for reason in skipped:
        print(reason, file=sys.stderr)
    # Others are compared with the first system.
    systems.sort(key=lambda name: not name.startswith(HUSHGATE))
    if not systems:
        print("speed.py: error: no system is left to measure.", file=sys.stderr)
        return 2
    machine = machine_line()
    results = measure_all(systems, args.seconds, args.live_seconds, args.repeats)
    parts = [f"{machine}.", whole_table(results), live_table(results), *start_up_lines(7)]
    print("\n\n".join(parts))
    if args.json:
        content = {"machine": machine, "results": [asdict(result) for result in results]}
        args.json.write_text(json.dumps(content), encoding="utf-8")
    if args.write:
        write_run(args.write, "speed", command_line("speed.py", arguments), parts, systems, skipped)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
