"""Parallel branches: a clean branch, squashed hard, under the sound as it is.

    python examples/parallel_dry_wet.py noisy.wav thick.wav

The denoiser is late by its latency, the dry branch is not; `Mix` lets it wait, so nothing combs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pedalboard import Compressor, Gain

from hushgate import Chain, Denoiser, Mix, render

EXAMPLE = Path(__file__).with_name("noisy_speech.flac")


def main() -> None:
    """Read the command line and render."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("input", nargs="?", default=EXAMPLE, type=Path)
    parser.add_argument("output", nargs="?", default=Path("thick.wav"), type=Path)
    args = parser.parse_args()

    squashed = Chain([Denoiser("voice"), Compressor(threshold_db=-35.0, ratio=8.0), Gain(gain_db=3.0)])
    as_it_is = Gain(gain_db=-6.0)
    render(Chain([Mix([squashed, as_it_is])]), args.input, args.output, overwrite=True)
    print(f"{args.output}: written")


if __name__ == "__main__":
    main()
