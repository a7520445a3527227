"""Simulated room responses as files, listed in a manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from hushgate.training.mixtures.rooms import RoomRange, simulate_room
from hushgate.training.recordings.atomic_files import remove_parts, write_audio
from hushgate.training.recordings.manifest import MANIFEST_NAME, SPLITS, ManifestRow, update_manifest

KIND = "room"
Progress = Callable[[Iterable[ManifestRow], int], Iterable[ManifestRow]]


def write_rooms(
    rooms: RoomRange,
    output: Path,
    count: int,
    *,
    seed: int = 0,
    sample_rate: int = 16_000,
    split: str = "train",
    progress: Progress = lambda rows, _: rows,
) -> Path:
    """Simulate rooms into `output`/room and add them to its manifest; the same seed gives the same files.

    Args:
        rooms: What may be drawn.
        output: Folder for the manifest.
        count: How many.
        seed, split: Start of the random choices; the splits share none.
        sample_rate: Hz.
        progress: Passes rows on and shows how many are left.

    Returns:
        The manifest.

    Raises:
        ModuleNotFoundError: pyroomacoustics is not installed (extra `rooms`).
        ValueError: An argument is out of range.
        OSError: Something cannot be written; the manifest is then as it was.
    """
    if count < 1:
        raise ValueError(f"num must be 1 or more (got {count}).")
    if sample_rate < 1000:
        raise ValueError(f"sample_rate must be 1000 Hz or more (got {sample_rate}).")
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)} (got {split!r}).")

    def written() -> Iterator[ManifestRow]:
        for index in range(count):
            rng = np.random.default_rng((seed, SPLITS.index(split), index))
            response, rt60_s = simulate_room(rooms, sample_rate, rng)
            path = f"{KIND}/{split}-{seed}-{index:05d}.flac"
            write_audio(output / path, response * np.float32(0.99), sample_rate, "PCM_24")
            seconds = round(len(response) / sample_rate, 3)
            source = f"hushgate data rooms, seed {seed}"
            yield ManifestRow(path, KIND, split, f"rt60 {rt60_s:.2f} s", sample_rate, seconds, "CC0", source)

    if output.is_dir():
        remove_parts(output)
    manifest = output / MANIFEST_NAME
    update_manifest(manifest, list(progress(written(), count)))
    return manifest
