"""Processor time of both engines, one thread, in one run.

python native/benchmark.py         # every shipped model, live blocks and whole files, mono and stereo
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from hushgate.engine import BlockDenoiser, available_models

RATE = 48_000
BLOCKS = (64, 480, 32_768)


def seconds_of_processor(
    denoiser: BlockDenoiser, audio: NDArray[np.float32], block: int, repeats: int
) -> float:
    """Least processor time of several runs over a sound in blocks, s."""
    times = []
    for _ in range(repeats):
        started = time.thread_time()
        for at in range(0, audio.shape[1], block):
            denoiser.process(audio[:, at : at + block])
        times.append(time.thread_time() - started)
    return min(times)


def main() -> None:
    """Print a table of times real time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of the sound, s")
    parser.add_argument("--repeats", type=int, default=4, help="runs, of which the fastest counts")
    args = parser.parse_args()
    rows = []
    for name in available_models():
        for num_channels in (1, 2):
            noise = np.random.default_rng(0).standard_normal((num_channels, round(args.seconds * RATE)))
            audio = (0.05 * noise).astype(np.float32)
            for block in BLOCKS:
                times = []
                for denoiser in (BlockDenoiser(name, engine="onnx"), BlockDenoiser(name, engine="native")):
                    denoiser.prepare(RATE, block, num_channels)
                    times.append(seconds_of_processor(denoiser, audio, block, args.repeats))
                onnx, native = times
                speeds = [f"{args.seconds / seconds:.0f}" for seconds in times]
                rows.append([name, str(num_channels), str(block), *speeds, f"{onnx / native:.1f}"])
    head = ["model", "channels", "block", "onnx x real time", "native x real time", "gain"]
    for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
