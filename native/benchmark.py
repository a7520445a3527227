"""Processor time of both engines, one thread, in one run.

python native/benchmark.py         # every shipped model, live blocks and whole files, mono and stereo
python native/benchmark.py --peers # and RNNoise and WebRTC's noise suppression in blocks (extra "bench")
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

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


def peer_rows(seconds: float, repeats: int) -> list[list[str]]:
    """Rows of the streaming peers, each in frames of its own at its own rate, 10 ms."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
    from support.streaming_peers import RNNoise, WebRTC

    rows = []
    for name, peer in (("RNNoise", RNNoise()), ("WebRTC", WebRTC(level=2))):
        for num_channels in (1, 2):
            noise = np.random.default_rng(0).standard_normal(
                (num_channels, round(seconds * peer.sample_rate))
            )
            audio = (0.05 * noise).astype(np.float32)
            times = []
            for _ in range(repeats):
                peer.start(num_channels)
                started = time.thread_time()
                for at in range(0, audio.shape[1] - peer.frame_size + 1, peer.frame_size):
                    peer.frame(np.ascontiguousarray(audio[:, at : at + peer.frame_size]))
                times.append(time.thread_time() - started)
            rows.append([f"{name}, {peer.sample_rate // 1000} kHz", str(num_channels), str(peer.frame_size)])
            rows[-1] += ["", f"{seconds / min(times):.0f}", ""]
    return rows


def main() -> None:
    """Print a table of times real time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of the sound, s")
    parser.add_argument("--repeats", type=int, default=4, help="runs, of which the fastest counts")
    parser.add_argument("--peers", action="store_true", help="also time RNNoise and WebRTC")
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
    if args.peers:
        rows += peer_rows(args.seconds, args.repeats)
    head = ["model", "channels", "block", "onnx x real time", "native x real time", "gain"]
    for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
