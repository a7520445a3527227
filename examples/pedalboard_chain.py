"""A pedalboard chain with a denoiser in it, over one file.

python examples/pedalboard_chain.py noisy.wav finished.wav
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pedalboard import Compressor, HighpassFilter, Limiter

from hushgate import Chain, Denoiser, render

EXAMPLE = Path(__file__).with_name("noisy_speech.flac")


def main() -> None:
    """Read the command line, render, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("input", nargs="?", default=EXAMPLE, type=Path)
    parser.add_argument("output", nargs="?", default=Path("finished.wav"), type=Path)
    args = parser.parse_args()

    chain = Chain(
        [
            HighpassFilter(cutoff_frequency_hz=80.0),
            Denoiser("voice", attenuation_limit_db=30.0),
            Compressor(threshold_db=-22.0, ratio=3.0, attack_ms=5.0, release_ms=120.0),
            Limiter(threshold_db=-1.5),
        ]
    )
    num_samples = render(chain, args.input, args.output, overwrite=True)
    print(f"{args.output}: {num_samples} samples, {chain.latency_samples} samples of latency taken out")


if __name__ == "__main__":
    main()
