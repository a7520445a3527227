"""Memory and latency of a chain over a day of sound, block by block.

python benchmarks/endurance.py                              # 24 hours at 48 kHz, faster than real time
python benchmarks/endurance.py --hours 0.5 --json endurance.json

Once an hour of sound it reads the memory of the process, counts the samples in and out, and looks
for a second of the input in the output: it must lie where the reported latency says, and the model
must still do what it did in the first hour.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pedalboard
from numpy.typing import NDArray
from support.machine import machine_line, memory_mb, test_signal
from support.tables import markdown_table

from hushgate import Chain, Denoiser

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Checkpoint:
    """The state of the stream after so much sound.

    Attributes:
        hours: Sound that has gone in.
        memory_mb: Resident memory of the process.
        held_samples: In, minus out; the latency by count.
        lag_samples: Position of the input in the output, by correlation; the measured latency.
        removed_db: How much quieter the output was than the input since the last checkpoint.
        times_real_time: Speed since the last checkpoint.
    """

    hours: float
    memory_mb: float
    held_samples: int
    lag_samples: int
    removed_db: float
    times_real_time: float


class Source:
    """Sound without end: one stretch of it over and over, so that every hour has the same sound."""

    def __init__(self, sample_rate: int, num_channels: int, period_s: float) -> None:
        self._period = test_signal(sample_rate, num_channels, period_s)
        self._position = 0

    def read(self, num_samples: int) -> Sound:
        """The next samples, float32 (channels, samples)."""
        indices = np.arange(self._position, self._position + num_samples) % self._period.shape[1]
        self._position += num_samples
        return self._period[:, indices]


class Watch:
    """Streams a source through an effect and looks at it from time to time."""

    def __init__(self, effect: Chain, source: Source, sample_rate: int, block_size: int) -> None:
        self._effect = effect
        self._source = source
        self._sample_rate = sample_rate
        self._block_size = block_size
        self._num_in = self._num_out = 0
        effect.reset()

    def run(self, seconds: float) -> Checkpoint:
        """Stream so much sound, then look."""
        num_blocks = round(seconds * self._sample_rate / self._block_size)
        num_kept = min(num_blocks, -(-2 * self._sample_rate // self._block_size))
        inputs, outputs = [], []
        energy_in = energy_out = 0.0
        started = time.perf_counter()
        for number in range(num_blocks):
            block = self._source.read(self._block_size)
            ready = self._effect(block, self._sample_rate, self._block_size, reset=False)
            self._num_in += block.shape[1]
            self._num_out += ready.shape[1]
            energy_in += float(np.vdot(block, block))
            energy_out += float(np.vdot(ready, ready))
            if number >= num_blocks - num_kept:
                inputs.append(block)
                outputs.append(ready)
        elapsed_s = time.perf_counter() - started
        return Checkpoint(
            hours=self._num_in / self._sample_rate / 3600.0,
            memory_mb=memory_mb(),
            held_samples=self._num_in - self._num_out,
            lag_samples=_lag(np.concatenate(inputs, axis=1)[0], np.concatenate(outputs, axis=1)[0]),
            removed_db=10.0 * float(np.log10(energy_in / max(energy_out, 1e-30))),
            times_real_time=num_blocks * self._block_size / self._sample_rate / elapsed_s,
        )


def _lag(sound: Sound, output: Sound) -> int:
    """By how many samples `output` lags behind `sound`, by correlation. Both end at the same moment."""
    length = 1 << (len(sound) + len(output)).bit_length()
    product = np.fft.rfft(output, length) * np.conj(np.fft.rfft(sound, length))
    # Whitened, so that the correlation peak is one sample wide.
    peak = int(np.argmax(np.fft.irfft(product / (np.abs(product) + 1e-9), length)[: len(sound)]))
    return peak + len(sound) - len(output)


def main(argv: Sequence[str] | None = None) -> int:
    """Stream, print a table and a verdict; exit status 1 where memory grew or the latency moved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="voice")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--checkpoints", type=int, default=24)
    parser.add_argument("--sample-rate", type=int, default=48_000)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--block-size", type=int, default=4_800)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the checkpoints here too")
    args = parser.parse_args(argv)
    machine = machine_line()

    chain = Chain([pedalboard.HighpassFilter(80.0), Denoiser(args.model), pedalboard.Compressor(-20.0, 2.0)])
    source = Source(args.sample_rate, args.channels, period_s=61.0)
    watch = Watch(chain, source, args.sample_rate, args.block_size)
    watch.run(120.0)  # allocations before this point are not growth
    checkpoints: list[Checkpoint] = []
    for _ in range(args.checkpoints):
        checkpoints.append(watch.run(3600.0 * args.hours / args.checkpoints))
        print(f"{checkpoints[-1].hours:6.2f} h  {checkpoints[-1].memory_mb:7.1f} MB", flush=True)
        if args.json:
            args.json.write_text(json.dumps([asdict(c) for c in checkpoints], indent=2))

    form = f"{args.sample_rate / 1000:g} kHz, {args.channels} channels, blocks of {args.block_size}"
    print(f"\nHigh-pass, {args.model}, compressor; {form}; {machine}.\n")
    rows = [
        [
            f"{c.hours:.2f}",
            f"{c.memory_mb:.1f}",
            str(c.held_samples),
            str(c.lag_samples),
            f"{c.removed_db:.3f}",
            f"{c.times_real_time:.0f}",
        ]
        for c in checkpoints
    ]
    head = ["hours", "memory, MB", "held, samples", "lag, samples", "removed, dB", "x real time"]
    print(markdown_table(head, rows))

    latency, first, last = chain.latency_samples, checkpoints[0], checkpoints[-1]
    growth_mb = last.memory_mb - first.memory_mb
    steady = all(c.held_samples == c.lag_samples == latency for c in checkpoints)
    print(f"\nlatency {latency} samples: {'the same throughout' if steady else 'IT MOVED'}")
    print(f"memory {growth_mb:+.1f} MB from the first checkpoint to the last")
    return 0 if steady and growth_mb < 5.0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
