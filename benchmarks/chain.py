"""Overhead of a chain beyond its effects, and throughput of chains in threads.

python benchmarks/chain.py
python benchmarks/chain.py --model path/to/model.onnx --seconds 60

Overhead is measured in processor time, parts and chain in turn, so that other work on the machine
hardly disturbs it. Scaling is measured by the clock and needs an idle machine: the script says so
where it is not.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pedalboard
from numpy.typing import NDArray
from support.machine import machine_line, test_signal
from support.tables import markdown_table

from hushgate import Chain, Denoiser

SAMPLE_RATE, NUM_CHANNELS = 48_000, 2
BUFFER_SIZE = 8192  # pedalboard's default
THREADS = (1, 2, 4)
_OVERHEAD_SECONDS = 10.0

Sound = NDArray[np.float32]
Times = NDArray[np.float64]
Effects = list[pedalboard.Plugin | Denoiser]


def make_effects(model: str) -> Effects:
    """High-pass, denoiser, compressor, limiter."""
    return [
        pedalboard.HighpassFilter(80.0),
        Denoiser(model),
        pedalboard.Compressor(threshold_db=-22.0, ratio=3.0, attack_ms=5.0, release_ms=120.0),
        pedalboard.Limiter(threshold_db=-1.5),
    ]


def run_whole(effect: pedalboard.Plugin | Denoiser | Chain, sound: Sound) -> Sound:
    """As a script cleans a recording."""
    return effect(sound, SAMPLE_RATE, BUFFER_SIZE)


def timed(effect: pedalboard.Plugin | Denoiser | Chain, blocks: Sequence[Sound]) -> tuple[Times, list[Sound]]:
    """Stream blocks through an effect; the processor time of each, and what came out of each."""
    effect.reset()
    seconds, outputs = [], []
    for block in blocks:
        started = time.thread_time()
        outputs.append(effect(block, SAMPLE_RATE, BUFFER_SIZE, reset=False))
        seconds.append(time.thread_time() - started)
    return np.array(seconds), outputs


def timed_whole(
    effect: pedalboard.Plugin | Denoiser | Chain, sounds: Sequence[Sound]
) -> tuple[Times, list[Sound]]:
    """The same for separate recordings."""
    started = time.thread_time()
    outputs = [run_whole(effect, sound) for sound in sounds]
    return np.array([time.thread_time() - started]), outputs


def overhead_rows(model: str, seconds: float, repeats: int) -> list[list[str]]:
    """The chain against its parts, in turn.

    Of each block, and each whole recording, the best of all repeats counts: other work on the machine
    only ever makes them slower, and far more so than a chain does.
    """
    sound = test_signal(SAMPLE_RATE, NUM_CHANNELS, seconds)
    blocks = [sound[:, start : start + BUFFER_SIZE] for start in range(0, sound.shape[1], BUFFER_SIZE)]
    parts, chain = make_effects(model), Chain(make_effects(model))
    rows = []
    for name, measure, sounds in (("whole", timed_whole, [sound]), ("in blocks", timed, blocks)):
        best_parts: list[Times] = []
        best_chain: list[Times] = []
        for _ in range(repeats):
            best_chain.append(measure(chain, sounds)[0])
            passed, taken = list(sounds), []
            for effect in parts:
                times, passed = measure(effect, passed)
                taken.append(times)
            best_parts.append(np.array(taken))
        alone = float(np.min(best_parts, axis=0).sum())
        together = float(np.min(best_chain, axis=0).sum())
        rows.append([name, f"{alone:.3f}", f"{together:.3f}", f"{100.0 * (together / alone - 1.0):+.1f} %"])
    return rows


def time_files(model: str, num_files: int, num_threads: int, sound: Sound) -> float:
    """Seconds by the clock for `num_files` recordings, each with a chain of its own."""
    chains = [Chain(make_effects(model)) for _ in range(num_files)]
    for chain in chains:
        run_whole(chain, sound[:, :BUFFER_SIZE])
    with ThreadPoolExecutor(num_threads) as pool:
        list(pool.map(lambda _: None, range(num_threads)))
        started = time.perf_counter()
        list(pool.map(lambda chain: run_whole(chain, sound), chains))
        return time.perf_counter() - started


def scaling_rows(model: str, seconds: float, repeats: int) -> list[list[str]]:
    """Four recordings by 1, 2 and 4 threads; then two recordings by one thread and by two."""
    sound = test_signal(SAMPLE_RATE, NUM_CHANNELS, seconds)
    rows = []
    for num_files, all_threads in ((4, THREADS), (2, (1, 2))):
        alone = 0.0
        for num_threads in all_threads:
            taken = min(time_files(model, num_files, num_threads, sound) for _ in range(repeats))
            alone = alone or taken
            rate = num_files * seconds / taken
            rows.append(
                [str(num_files), str(num_threads), f"{taken:.2f}", f"{rate:.0f}", f"{taken / alone:.2f}"]
            )
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="voice")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of one recording")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args(argv)

    load = os.getloadavg()[0]
    print(machine_line())
    print(f"\nHigh-pass, denoiser, compressor, limiter; {SAMPLE_RATE / 1000:g} kHz, {NUM_CHANNELS} channels,")
    print(f"{_OVERHEAD_SECONDS:g} s, buffer {BUFFER_SIZE}; processor seconds, best of {5 * args.repeats}.\n")
    rows = overhead_rows(args.model, _OVERHEAD_SECONDS, 5 * args.repeats)
    print(markdown_table(["how", "sum of parts", "chain", "overhead"], rows))

    print(f"\nThe same chain in threads, {args.seconds:g} s; seconds by the clock, best of {args.repeats}.\n")
    if load > 0.5:
        print(f"The machine is busy (load {load:.1f}): these figures say little.\n")
    rows = scaling_rows(args.model, args.seconds, args.repeats)
    print(markdown_table(["files", "threads", "s", "x real time", "of one thread"], rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
