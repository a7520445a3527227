"""Render guitar, instruments, music and percussion with FluidSynth, as training audio.

Writes FLAC files and a `manifest.csv` (path, kind, split, label, sample_rate, seconds, license,
source). Item n of a kind, split and seed always sounds the same, however many are rendered.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.training.arrange import music, percussion
from hushgate.training.compose import guitar, instrument
from hushgate.training.score import Score, find_soundfont, render_score

Composer = Callable[[np.random.Generator, float], tuple[Score, str]]

COMPOSERS: dict[str, tuple[Composer, float, float]] = {
    "guitar": (guitar, 5.0, 10.0),
    "instrument": (instrument, 6.0, 11.0),
    "music": (music, 10.0, 22.0),
    "percussion": (percussion, 6.0, 12.0),
}
"""For each kind: its composer, and the shortest and longest length before the tail, s."""
SPLITS = ("train", "val")
PEAK_DB = -6.0
MANIFEST_NAME = "manifest.csv"
_LICENSE = "MIT"


@dataclass(frozen=True)
class ManifestRow:
    """One line of a manifest; `path` is relative to the manifest's folder."""

    path: str
    kind: str
    split: str
    label: str
    sample_rate: int
    seconds: float
    license: str
    source: str


def render_item(
    kind: str, index: int, *, seed: int, sample_rate: int, num_channels: int = 1, split: str = "train"
) -> tuple[NDArray[np.float32], str]:
    """Audio and label of one item.

    Args:
        kind: "guitar", "instrument", "music" or "percussion".
        index: Number of the item, 0 or more.
        seed, split: Start of the random choices; the splits share none.
        sample_rate: Hz.
        num_channels: 1 or 2.

    Returns:
        float32 (num_channels, samples) with its peak at -6 dBFS, and the label.

    Raises:
        ValueError: An argument is not one of those above.
        ImportError, FileNotFoundError: FluidSynth or its soundfont is not installed.
    """
    if kind not in COMPOSERS:
        raise ValueError(f"kind must be one of {', '.join(COMPOSERS)} (got {kind!r}).")
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)} (got {split!r}).")
    compose, shortest, longest = COMPOSERS[kind]
    stream = (seed, SPLITS.index(split), sum(kind.encode()), index)
    rng = np.random.default_rng(stream)
    while True:
        score, label = compose(rng, rng.uniform(shortest, longest))
        audio = render_score(score, sample_rate, num_channels)
        peak = float(np.abs(audio).max(initial=0.0))
        # Some keys of some drum kits and effects hold no sample: draw again.
        if peak > 1e-5:
            return audio * np.float32(10.0 ** (PEAK_DB / 20.0) / peak), label


def _write_item(
    index: int,
    *,
    kind: str,
    split: str,
    seed: int,
    sample_rate: int,
    num_channels: int,
    folder: Path,
    suffix: str,
) -> ManifestRow:
    audio, label = render_item(
        kind, index, seed=seed, sample_rate=sample_rate, num_channels=num_channels, split=split
    )
    path = Path(kind) / f"{split}-{seed}-{index:05d}.{suffix}"
    (folder / kind).mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / path, audio.T, sample_rate)
    seconds = round(audio.shape[1] / sample_rate, 3)
    source = f"FluidSynth, {find_soundfont().stem}, seed {seed}"
    return ManifestRow(path.as_posix(), kind, split, label, sample_rate, seconds, _LICENSE, source)


def _until(rows: Iterator[ManifestRow], seconds: float) -> Iterator[ManifestRow]:
    total = 0.0
    while total < seconds:
        row = next(rows)
        total += row.seconds
        yield row


def render_minutes(
    kind: str,
    minutes: float,
    folder: Path,
    *,
    seed: int = 0,
    sample_rate: int = 44_100,
    num_channels: int = 1,
    split: str = "train",
    suffix: str = "flac",
) -> list[ManifestRow]:
    """Render items into `folder/KIND` until they last `minutes`, and add them to its manifest.

    Rows of the manifest with the same path are replaced, others are kept. Arguments as in
    `render_item`; `suffix` is "flac" (16 bit) or "ogg" (Vorbis).

    Returns:
        The rows of the new items.
    """
    if not minutes > 0.0:
        raise ValueError(f"minutes must be above 0 (got {minutes}).")
    write = partial(
        _write_item,
        kind=kind, split=split, seed=seed, sample_rate=sample_rate,
        num_channels=num_channels, folder=folder, suffix=suffix,
    )  # fmt: skip
    rows = list(_until(map(write, count()), 60.0 * minutes))
    update_manifest(folder / MANIFEST_NAME, rows)
    return rows


def update_manifest(path: Path, rows: Sequence[ManifestRow]) -> None:
    """Add rows to a manifest, in place of those with the same path; the file is swapped at once."""
    names = [column.name for column in fields(ManifestRow)]
    kept: list[list[object]] = []
    if path.exists():
        new = {row.path for row in rows}
        with path.open(newline="", encoding="utf-8") as file:
            lines = [line for line in csv.DictReader(file) if line["path"] not in new]
        kept = [[line[name] for name in names] for line in lines]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".csv")
    with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(kept)
        writer.writerows(astuple(row) for row in rows)
    Path(temporary).replace(path)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--kind", required=True, choices=sorted(COMPOSERS))
    parser.add_argument("--minutes", type=float, required=True, help="how much to render, minutes")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files and manifest.csv")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sample-rate", type=int, default=44_100, help="Hz (default 44100)")
    parser.add_argument("--channels", type=int, choices=(1, 2), default=1)
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--format", choices=("flac", "ogg"), default="flac")


def run(args: argparse.Namespace) -> int:
    """Render what the flags ask for."""
    rows = render_minutes(
        args.kind,
        args.minutes,
        args.out,
        seed=args.seed,
        sample_rate=args.sample_rate,
        num_channels=args.channels,
        split=args.split,
        suffix=args.format,
    )
    total = sum(row.seconds for row in rows) / 60.0
    print(f"{len(rows)} {args.kind} files, {total:.1f} minutes, in {args.out / MANIFEST_NAME}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m hushgate.training.render`."""
    parser = argparse.ArgumentParser(prog="python -m hushgate.training.render", description=__doc__)
    add_arguments(parser)
    try:
        return run(parser.parse_args(arguments))
    except (ImportError, OSError, ValueError) as error:
        print(f"render: error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
