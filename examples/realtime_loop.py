"""The loop of a real-time host: equal blocks in, equal blocks out, settings that move meanwhile.

    python examples/realtime_loop.py noisy.wav cleaned.wav

A live host hears everything late by the chain's latency and sends silence for it at first. Here
the blocks come from a file; `hushgate live` is the same with a sound card.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import soundfile
from pedalboard import HighpassFilter

from hushgate import Chain, Denoiser

EXAMPLE = Path(__file__).with_name("noisy_speech.flac")
BLOCK_SIZE = 480


def main() -> None:
    """Read the command line, run the loop, say how long blocks took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("input", nargs="?", default=EXAMPLE, type=Path)
    parser.add_argument("output", nargs="?", default=Path("cleaned.wav"), type=Path)
    args = parser.parse_args()
    if args.output.exists() and args.output.samefile(args.input):
        parser.error(f"{args.output} is the input. Name another output.")

    denoiser = Denoiser("voice", mix=0.0)
    chain = Chain([HighpassFilter(cutoff_frequency_hz=80.0), denoiser])
    chain.reset()  # a stream starts with a reset

    times_ms = []
    with soundfile.SoundFile(args.input) as source, open_sink(args.output, source) as sink:
        waiting = np.zeros((source.channels, chain.latency_samples_at(source.samplerate)), np.float32)
        while num_samples := len(block := source.read(BLOCK_SIZE, dtype="float32", always_2d=True)):
            started = time.perf_counter()
            ready = chain(np.ascontiguousarray(block.T), source.samplerate, BLOCK_SIZE, reset=False)
            times_ms.append(1000.0 * (time.perf_counter() - started))

            # What is ready is at most a block: fill up with silence until the latency has passed.
            waiting = np.concatenate([waiting, ready], axis=1)
            sink.write(waiting[:, :num_samples].T)
            waiting = waiting[:, num_samples:]

            # Somebody turns the knob slowly: from the noisy sound to the clean one in two seconds.
            denoiser.mix = min(1.0, sink.tell() / (2.0 * source.samplerate))
            if len(times_ms) % 100 == 0:
                print(
                    f"gain reduction {denoiser.gain_reduction_db:5.1f} dB, presence {denoiser.presence:.2f}"
                )

    block_ms = 1000.0 * BLOCK_SIZE / source.samplerate
    worst = np.percentile(times_ms, 99)
    print(f"blocks of {block_ms:.1f} ms took {np.mean(times_ms):.2f} ms, 99 of 100 under {worst:.2f} ms")


def open_sink(path: Path, source: soundfile.SoundFile) -> soundfile.SoundFile:
    """A file to write, with the bits of the source if its format has them."""
    subtype = source.subtype if soundfile.check_format(path.suffix[1:], source.subtype) else None
    return soundfile.SoundFile(path, "w", source.samplerate, source.channels, subtype)


if __name__ == "__main__":
    main()
