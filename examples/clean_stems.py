"""A host script: clean a list of stems, several at a time, each with a chain of its own.

    python examples/clean_stems.py vocals.wav guitar.wav -o cleaned --preset podcast

Every call of `render` makes its own chain; the model behind them is loaded once and shared.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from hushgate import load_preset, render

EXAMPLE = Path(__file__).with_name("noisy_speech.flac")


def main() -> None:
    """Read the command line, clean all stems, say how far each is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stems", nargs="*", default=[EXAMPLE], type=Path)
    parser.add_argument("-o", "--output", metavar="FOLDER", default=Path("cleaned"), type=Path)
    parser.add_argument("--preset", default="stems-vocal")
    parser.add_argument("--threads", default=os.cpu_count(), type=int)
    args = parser.parse_args()
    if len({stem.name for stem in args.stems}) < len(args.stems):
        parser.error("two stems have one name, and would become one file. Clean them into two folders.")

    args.output.mkdir(parents=True, exist_ok=True)
    preset = load_preset(args.preset)  # a mistake in it shows now, not in the middle of the work

    def clean(stem: Path) -> None:
        target = args.output / stem.name
        render(preset, stem, target, progress=partial(report, stem), overwrite=True)

    with ThreadPoolExecutor(args.threads) as pool:
        list(pool.map(clean, args.stems))


def report(stem: Path, num_done: int, num_samples: int | None) -> None:
    """Say how far a stem is; called after each block."""
    share = f"{num_done / num_samples:4.0%}" if num_samples else f"{num_done} samples"
    print(f"{stem.name}: {share}")


if __name__ == "__main__":
    main()
