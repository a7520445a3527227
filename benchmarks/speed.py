"""Time and memory of hushgate and other denoisers, one thread each, side by side in one run.

python benchmarks/speed.py                       # every shipped model, every installed peer
python benchmarks/speed.py --model path/to/model.onnx --json speed.json
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from systems import HUSHGATE, PEERS, RNNoise, make_system, short_name, usable_systems
from tables import markdown_table

Audio = NDArray[np.float32]

FORMATS = ((48_000, 1), (16_000, 1), (44_100, 2))
"""Sample rate (Hz) and channels of the whole files."""
LIVE_RATE, LIVE_BLOCK = 48_000, 480
_WARM_UP_BLOCKS = 50
_HELP_PROBE = (
    "import sys, hushgate.cli\n"
    "try: hushgate.cli.main(['--help'])\n"
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
    """What one system took: milliseconds of every live block by clock and processor, whole files by format.

    `live_added_mb` is the memory that loading it and running live added to the process.
    """

    system: str
    load_s: float
    live_wall_ms: list[float]
    live_cpu_ms: list[float]
    live_added_mb: float
    whole_seconds: float
    whole: dict[str, Timing]


def test_signal(sample_rate: int, num_channels: int, seconds: float) -> Audio:
    """Bursts of harmonics over steady noise: no silence, nothing that repeats exactly."""
    rng = np.random.default_rng(0)
    time_s = np.arange(round(seconds * sample_rate)) / sample_rate
    voice = sum(np.sin(2 * np.pi * 140.0 * k * time_s + k) / k for k in range(1, 20))
    envelope = np.maximum(0.0, np.sin(2 * np.pi * 1.3 * time_s)) * 0.1
    noise = rng.standard_normal((num_channels, len(time_s))) * 0.02
    return np.ascontiguousarray(envelope * voice + noise, np.float32)


def _whole_file(name: str) -> Callable[[Audio, int], object]:
    """The way a user would clean a whole file: for hushgate the effect's own call."""
    if not name.startswith(HUSHGATE):
        return make_system(name)
    from hushgate import Denoiser

    return Denoiser(name.removeprefix(HUSHGATE)).process


def _live(name: str) -> Callable[[Audio], object] | None:
    """A call that takes 10 ms at 48 kHz, or None where the system has no such thing."""
    if name.startswith(HUSHGATE):
        from hushgate.engine import Denoiser

        denoiser = Denoiser(name.removeprefix(HUSHGATE))
        denoiser.prepare(LIVE_RATE, LIVE_BLOCK, 1)
        return denoiser.process
    if name == "RNNoise":
        rnnoise = RNNoise()
        rnnoise.start(1)
        return lambda block: rnnoise.frame(block * np.float32(32_768.0))
    return None


def _time_whole(process: Callable[[Audio, int], object], audio: Audio, rate: int, repeats: int) -> Timing:
    """The best of several runs, the first of them (allocation, warm-up) left out."""
    timings = []
    for _ in range(repeats + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        process(audio, rate)
        timings.append((time.perf_counter() - wall, time.process_time() - cpu))
    best_wall, best_cpu = (min(values) for values in zip(*timings[1:], strict=True))
    return Timing(best_wall, best_cpu)


def _memory_mb() -> float:
    """Memory that the process holds now; NaN where the system does not say (Linux does)."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return math.nan
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def measure(name: str, seconds: float, live_seconds: float, repeats: int) -> SystemSpeed:
    """Time one system; meant to run in a process of its own, so that memory and threads are its own."""
    before_mb = _memory_mb()
    began = time.perf_counter()
    live = _live(name)
    load_s = time.perf_counter() - began
    wall_ms, cpu_ms = [], []
    if live is not None:
        audio = test_signal(LIVE_RATE, 1, live_seconds)
        for start in range(0, audio.shape[1] - LIVE_BLOCK + 1, LIVE_BLOCK):
            block = np.ascontiguousarray(audio[:, start : start + LIVE_BLOCK])
            wall, cpu = time.perf_counter(), time.thread_time()
            live(block)
            wall_ms.append(1e3 * (time.perf_counter() - wall))
            cpu_ms.append(1e3 * (time.thread_time() - cpu))
    added_mb = _memory_mb() - before_mb
    process = _whole_file(name)
    whole = {
        f"{rate / 1000:g} kHz x {channels}": _time_whole(
            process, test_signal(rate, channels, seconds), rate, repeats
        )
        for rate, channels in FORMATS
    }
    kept = slice(_WARM_UP_BLOCKS, None)
    return SystemSpeed(name, load_s, wall_ms[kept], cpu_ms[kept], added_mb, seconds, whole)


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
    """Block times of 10 ms blocks at 48 kHz, by the clock; processor time in brackets."""
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
    header = ["live, 480 samples at 48 kHz", "share of a core (CPU)", "median ms", "99 % ms", "longest ms"]
    return markdown_table([*header, "99 % / block", "adds MB", "load ms"], rows)


def start_up_lines(repeats: int) -> list[str]:
    """How long `hushgate --help` takes in a fresh process, and what it imports."""
    command = [sys.executable, "-c", "import sys; from hushgate.cli import main; sys.exit(main(['--help']))"]
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


def _machine() -> str:
    name = platform.processor() or platform.machine()
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        models = [line for line in cpu_info.read_text().splitlines() if line.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    load = f"load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return f"{name}, {os.cpu_count()} cores, {load}, Python {platform.python_version()}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", action="append", help="name or path; default: every shipped one; repeatable"
    )
    parser.add_argument("--peer", action="append", choices=list(PEERS)[1:], help="default: all; repeatable")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the whole files (default 60)")
    parser.add_argument(
        "--live-seconds", type=float, default=30.0, help="length of the live run (default 30)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of which the best counts (default 3)")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    args = parser.parse_args(arguments)
    # Read by the workers' libraries when they load.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    from hushgate.engine import available_models

    try:
        peers = args.peer or list(PEERS)[1:]
        systems, skipped = usable_systems(peers, args.model or list(available_models()))
    except (OSError, ValueError) as error:
        print(f"speed.py: error: {error}", file=sys.stderr)
        return 2
    for reason in skipped:
        print(reason, file=sys.stderr)
    # The first system is the one that others are compared with.
    systems.sort(key=lambda name: not name.startswith(HUSHGATE))
    if not systems:
        print("speed.py: error: no system is left to measure.", file=sys.stderr)
        return 2
    machine = _machine()
    results = []
    for name in systems:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            job = pool.submit(measure, name, args.seconds, args.live_seconds, args.repeats)
            results.append(job.result())
    print(f"{machine}.\n")
    print(whole_table(results), "\n")
    print(live_table(results), "\n")
    for line in start_up_lines(7):
        print(line)
    if args.json:
        content = {"machine": machine, "results": [asdict(result) for result in results]}
        args.json.write_text(json.dumps(content), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
