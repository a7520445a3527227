"""Recordings laid out in a folder with a manifest, from which mixtures are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hushgate.training.adapting.recordings import Recording
from hushgate.training.recordings.atomic_files import write_audio
from hushgate.training.recordings.manifest import MANIFEST_NAME, ManifestRow, write_manifest

OWN_NOISE, OWN_TARGET, CLEAN = "own-noise", "own-target", "clean"
TRAIN, CHECK = "train", "val"
"""Splits: what is adapted to, and what is held back."""


@dataclass(frozen=True)
class Labelled:
    """Recordings of one kind and split, all of them with one label (a speaker) or each with its own."""

    kind: str
    split: str
    recordings: tuple[Recording, ...]
    label: str = ""


def write_material(folder: Path, material: Iterable[Labelled], sample_rate: int) -> None:
    """Write recordings and their manifest into an empty folder.

    Raises:
        OSError: Something cannot be written.
    """
    rows: list[ManifestRow] = []
    for group in material:
        for index, one in enumerate(group.recordings):
            if not len(one.audio):
                continue
            name = f"{group.kind}-{group.split}-{len(rows)}.wav"
            peak = float(np.max(np.abs(one.audio), initial=1e-9))
            write_audio(folder / name, one.audio / peak, sample_rate, "PCM_16")
            label = group.label or f"{one.path}-{index}"
            seconds = len(one.audio) / sample_rate
            rows.append(ManifestRow(name, group.kind, group.split, label, sample_rate, seconds, "", ""))
    write_manifest(folder / MANIFEST_NAME, [vars(row) for row in rows])
