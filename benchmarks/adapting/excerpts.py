"""Recordings and excerpts of them for the benchmarks of `hushgate adapt`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hushgate.training.recordings.manifest import MANIFEST_NAME, read_manifest

RATE = 16_000
SECONDS, LEVEL_DB = 4.0, -26.0

Audio = NDArray[np.float32]


def listed(data: Path, prefix: str, split: str | None = "val") -> list[Path]:
    """Recordings whose paths in the manifest begin with `prefix`, of one split or of all."""
    rows = [row for row in read_manifest(data / MANIFEST_NAME) if row["path"].startswith(prefix)]
    return [data / row["path"] for row in rows if split in (row["split"], None)]


def excerpt(rng: np.random.Generator, sound: Audio, level_db: float = LEVEL_DB) -> Audio:
    """Four seconds from a random place, repeated where the sound is shorter, at an RMS level in dBFS."""
    size = round(SECONDS * RATE)
    sound = np.resize(sound, max(size, len(sound)))
    first = int(rng.integers(len(sound) - size + 1))
    part = sound[first : first + size]
    return np.asarray(part / (np.sqrt(np.mean(part**2)) + 1e-6) * 10.0 ** (level_db / 20.0), np.float32)
