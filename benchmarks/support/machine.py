"""The machine that benchmarks run on, and the sound that its speed and memory are measured with."""

from __future__ import annotations

import math
import os
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Environment in which libraries that load later use one thread."""


def machine_line() -> str:
    """Processor, cores, load and Python."""
    name = platform.processor() or platform.machine()
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        models = [line for line in cpu_info.read_text().splitlines() if line.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    load = f"load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return f"{name}, {os.cpu_count()} cores, {load}, Python {platform.python_version()}"


def memory_mb() -> float:
    """Memory that the process holds now; NaN where the system does not say (Linux does)."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return math.nan
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def test_signal(sample_rate: int, num_channels: int, seconds: float) -> NDArray[np.float32]:
    """Bursts of harmonics over steady noise: no silence, nothing that repeats exactly."""
    rng = np.random.default_rng(0)
    time_s = np.arange(round(seconds * sample_rate)) / sample_rate
    voice = sum(np.sin(2 * np.pi * 140.0 * k * time_s + k) / k for k in range(1, 20))
    envelope = np.maximum(0.0, np.sin(2 * np.pi * 1.3 * time_s)) * 0.1
    noise = rng.standard_normal((num_channels, len(time_s))) * 0.02
    return np.ascontiguousarray(envelope * voice + noise, np.float32)
