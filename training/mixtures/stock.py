"""Store of voices and noises for mixtures: making them takes longer than mixing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hushgate.training.recordings.atomic_files import write_bytes

_FULL_SCALE = 32767.0


@dataclass(frozen=True)
class Part:
    """One part of a mixture, a voice or a noise.

    Attributes:
        heard: Sound for the mixture, float32 (samples,).
        kept: Sound for the target, float32 (samples,): without late echoes; zeros for noise.
        top_hz: Highest frequency that its recordings hold, Hz.
        names: Names of its recordings and generators.
        changes: Its processing, in order.
    """

    heard: NDArray[np.float32]
    kept: NDArray[np.float32]
    top_hz: float
    names: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)


class Stock:
    """Numbered parts in a folder, each made on first use.

    Every process makes the same part number n, so processes may share the folder.

    Args:
        folder: Folder of the parts; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, kind: str, number: int, make: Callable[[], Part]) -> Part:
        """Return a part, as `make` makes it, in 16 bit below its own peak.

        Args:
            kind: "target", "noise" or the like; no path separator.
            number: 0 or more.
            make: Called where the part is missing.
        """
        path = self.folder / f"{kind}-{number:06d}.npz"
        if not path.is_file():
            self._write(path, make())
        with np.load(path) as content:
            notes = json.loads(str(content["facts"]))
            audio = content["audio"] * np.float32(notes["peak"] / _FULL_SCALE)
        kept = audio[-1] if notes["has_kept"] else np.zeros_like(audio[0])
        return Part(audio[0], kept, notes["top_hz"], notes["names"], notes["changes"])

    def _write(self, path: Path, part: Part) -> None:
        has_kept = bool(part.kept.any())
        is_same = has_kept and np.array_equal(part.heard, part.kept)
        rows = [part.heard] if is_same or not has_kept else [part.heard, part.kept]
        audio = np.stack(rows)
        peak = max(float(np.max(np.abs(audio))), 1e-9)
        notes = {
            "peak": peak,
            "has_kept": has_kept,
            "top_hz": part.top_hz,
            "names": part.names,
            "changes": part.changes,
        }
        samples = np.round(audio * (_FULL_SCALE / peak)).astype(np.int16)
        buffer = io.BytesIO()
        np.savez(buffer, audio=samples, facts=json.dumps(notes))
        write_bytes(path, buffer.getvalue())
