"""Hear what is taken away: if there is voice in it, too much goes.

    python examples/listen_to_residual.py noisy.wav residual.wav

Cleaned sound and residual add up to the input, aligned to the sample; the script shows it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile

from hushgate import Denoiser

EXAMPLE = Path(__file__).with_name("noisy_speech.flac")


def main() -> None:
    """Read the command line, write the residual, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("input", nargs="?", default=EXAMPLE, type=Path)
    parser.add_argument("output", nargs="?", default=Path("residual.wav"), type=Path)
    args = parser.parse_args()
    if args.output.exists() and args.output.samefile(args.input):
        parser.error(f"{args.output} is the input. Name another output.")

    noisy, sample_rate = soundfile.read(args.input, dtype="float32")
    denoiser = Denoiser("voice")
    clean = denoiser(noisy, sample_rate)
    denoiser.output = "residual"
    residual = denoiser(noisy, sample_rate)
    soundfile.write(args.output, residual, sample_rate)

    for name, sound in (("noisy", noisy), ("clean", clean), ("residual", residual)):
        level = 10.0 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12)
        print(f"{name:9}{level:6.1f} dBFS")
    print(f"clean + residual differs from noisy by {np.abs(clean + residual - noisy).max():.1e} at most")


if __name__ == "__main__":
    main()
