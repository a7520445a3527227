"""Throughput and memory of `hushgate batch`, by number of jobs and against other denoisers.

python benchmarks/batch.py                          # the shipped voice model
python benchmarks/batch.py --model my.onnx --jobs 1 2 4 --json batch.json
python benchmarks/batch.py --only memory --hours 2
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from support.denoisers import make_system, ordinary_peers, usable_systems
from support.machine import ONE_THREAD, machine_line
from support.tables import markdown_table

SAMPLE_RATE = 48_000
_PARTS = ("jobs", "peers", "memory")
_POLL_S = 0.05
_BLOCK_SECONDS = 60
_NOISE_LEVEL, _TONE_LEVEL = 0.02, 0.2


def write_recording(path: Path, seconds: float, num_channels: int, seed: int) -> None:
    """A tone that comes and goes, in noise. (What sounds in it does not change the speed.)"""
    rng = np.random.default_rng(seed)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, num_channels, "PCM_24") as file:
        for start in range(0, round(seconds * SAMPLE_RATE), _BLOCK_SECONDS * SAMPLE_RATE):
            stop = min(round(seconds * SAMPLE_RATE), start + _BLOCK_SECONDS * SAMPLE_RATE)
            time_s = np.arange(start, stop) / SAMPLE_RATE
            tone = _TONE_LEVEL * np.sin(2 * np.pi * 220 * time_s) * (np.sin(np.pi * time_s) > 0)
            noise = rng.standard_normal((stop - start, num_channels)) * _NOISE_LEVEL
            file.write((tone[:, np.newaxis] + noise).astype(np.float32))


def run_batch(folder: Path, model: str, jobs: int, work: Path) -> tuple[float, float]:
    """Clean a folder with the command line, start-up included.

    Returns:
        Seconds, and MB of memory that its largest process took at its peak.
    """
    with tempfile.TemporaryDirectory(dir=work) as out:
        command = [sys.executable, "-m", "hushgate", "batch", str(folder), "-o", f"{out}/out"]
        command += ["--model", model, "--jobs", str(jobs), "--quiet"]
        started = time.perf_counter()
        process = subprocess.Popen(command)
        watch = _MemoryWatch(process.pid)
        if process.wait() != 0:
            sys.exit(f"{' '.join(command)} ended with status {process.returncode}")
        return time.perf_counter() - started, watch.stop()


class _MemoryWatch:
    """Follows the peak of the resident memory of a process and its children, one by one (Linux)."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_mb = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> float:
        """MB of the largest process at its peak; 0 where the system does not tell."""
        self._ended.set()
        self._thread.join()
        return self._peak_mb

    def _watch(self) -> None:
        while not self._ended.wait(_POLL_S):
            for pid in (self._pid, *_children(self._pid)):
                self._peak_mb = max(self._peak_mb, _peak_mb(pid))


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _peak_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def run_peer(name: str, folder: Path, work: Path) -> float:
    """Clean a folder with another denoiser in a fresh process: read a file, denoise, write.

    Returns:
        Seconds, start-up included.
    """
    with tempfile.TemporaryDirectory(dir=work) as out:
        environment = {**os.environ, **ONE_THREAD}
        command = [sys.executable, __file__, "--peer", name, str(folder), out]
        started = time.perf_counter()
        subprocess.run(command, check=True, env=environment)
        return time.perf_counter() - started


def clean_with_peer(name: str, folder: Path, out: Path) -> None:
    """Program that `run_peer` starts."""
    process = make_system(name)
    for path in sorted(folder.iterdir()):
        sound, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
        cleaned = process(np.ascontiguousarray(sound.T), sample_rate)
        soundfile.write(out / path.name, cleaned.T, sample_rate, subtype=soundfile.info(path).subtype)


def measure(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Everything that was asked for, as plain values."""
    results: dict[str, Any] = {
        "machine": machine_line(),
        "folder": f"{args.files} files of {args.seconds:g} s, {SAMPLE_RATE} Hz, {args.channels} channels",
    }
    folder = work / "in"
    folder.mkdir()
    if set(args.only) & {"jobs", "peers"}:
        for number in range(args.files):
            write_recording(folder / f"{number:03}.wav", args.seconds, args.channels, number)
    if "jobs" in args.only:
        runs: dict[int, list[float]] = {jobs: [] for jobs in args.jobs}
        for _ in range(args.repeats):  # in turn, so that a busy minute slows all of them
            for jobs in args.jobs:
                runs[jobs].append(run_batch(folder, args.model, jobs, work)[0])
        results["jobs_s"] = {jobs: statistics.median(times) for jobs, times in runs.items()}
    if "peers" in args.only:
        names, skipped = usable_systems(ordinary_peers(), [])
        print("\n".join(skipped))
        results["peers_s"] = {f"hushgate {args.model}": run_batch(folder, args.model, 1, work)[0]}
        results["peers_s"] |= {name: run_peer(name, folder, work) for name in names}
    if "memory" in args.only:
        long = work / "long"
        long.mkdir()
        write_recording(long / "long.wav", args.hours * 3600.0, args.memory_channels, 0)
        elapsed_s, peak_mb = run_batch(long, args.model, 1, work)
        results["memory"] = {"hours": args.hours, "elapsed_s": elapsed_s, "peak_mb": peak_mb}
    return results


def report(results: dict[str, Any], total_s: float) -> str:
    """The results as text."""
    lines = [results["machine"], results["folder"], ""]
    if times := results.get("jobs_s"):
        first = next(iter(times.values()))
        rows = [
            [str(jobs), f"{seconds:.1f}", f"{total_s / seconds:.0f}", f"{first / seconds:.2f}"]
            for jobs, seconds in times.items()
        ]
        lines += [markdown_table(["jobs", "seconds", "times real time", "speed-up"], rows), ""]
    if times := results.get("peers_s"):
        rows = [
            [name, f"{seconds:.1f}", f"{total_s / seconds:.0f}"]
            for name, seconds in sorted(times.items(), key=lambda item: item[1])
        ]
        lines += [markdown_table(["system, one process", "seconds", "times real time"], rows), ""]
    if memory := results.get("memory"):
        lines.append(
            f"{memory['hours']:g} h in {memory['elapsed_s']:.0f} s; "
            f"the largest process took {memory['peak_mb']:.0f} MB at its peak."
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] == ["--peer"]:
        name, folder, out = arguments[1:]
        clean_with_peer(name, Path(folder), Path(out))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="voice", help="shipped name or path (default: voice)")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2], help="numbers of processes to compare")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=list(_PARTS), help="what to measure")
    parser.add_argument("--files", type=int, default=8, help="files in the folder")
    parser.add_argument("--seconds", type=float, default=120.0, help="length of each")
    parser.add_argument("--channels", type=int, default=2, help="channels of each")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each number of jobs, median taken")
    parser.add_argument("--hours", type=float, default=2.0, help="length of the file for the memory")
    parser.add_argument("--memory-channels", type=int, default=1, help="its channels")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file too")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="hushgate-bench-") as folder:
        results = measure(args, Path(folder))
    print(report(results, args.files * args.seconds))
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
