"""Recordings held in memory, cut and joined to any length."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import signal

Audio = NDArray[np.float32]

_COLUMNS = ("path", "kind", "split", "label")
_AUDIO_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff"}


@dataclass(frozen=True)
class Clip:
    """One recording: where it is, what it is (`kind`), who or what it shows (`label`), and its split."""

    path: Path
    name: str
    kind: str
    split: str
    label: str


def list_clips(location: Path) -> list[Clip]:
    """List the recordings of a manifest (CSV with path, kind, split, label) or of any folder.

    In a plain folder the first level of subfolders gives the kind; every tenth file is `val`, by its place in
    the sorted list, and the label is the file's folder.

    Raises:
        FileNotFoundError: `location` does not exist.
        ValueError: It holds no audio, or the manifest lacks a column.
    """
    if location.is_dir():
        if (location / "manifest.csv").is_file():
            return list_clips(location / "manifest.csv")
        files = sorted(f for f in location.rglob("*") if f.suffix.lower() in _AUDIO_SUFFIXES)
        if not files:
            raise ValueError(f"data folder must hold audio files or manifest.csv (got {location}).")
        names = [f.relative_to(location) for f in files]
        return [
            Clip(f, n.as_posix(), n.parts[0], "val" if i % 10 == 9 else "train", n.parent.as_posix())
            for i, (f, n) in enumerate(zip(files, names, strict=True))
        ]
    with open(location, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [c for c in _COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{location} must have the columns {', '.join(_COLUMNS)} (lacks {missing[0]}).")
        folder = location.parent
        return [Clip(folder / r["path"], r["path"], r["kind"], r["split"], r["label"]) for r in reader]


def read_clip(path: Path, sample_rate: int) -> Audio:
    """Read a file as mono float32 at `sample_rate` Hz (polyphase resampling)."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(axis=1)
    if rate != sample_rate:
        ratio = Fraction(sample_rate, rate)
        mono = signal.resample_poly(mono, ratio.numerator, ratio.denominator)
    return np.asarray(mono, dtype=np.float32)


class ClipPool:
    """Recordings of one kind, kept in memory as 16-bit samples to be cut at random.

    Args:
        clips: What to load, at least one.
        sample_rate: Hz; files at other rates are resampled once, on loading.
    """

    def __init__(self, clips: Sequence[Clip], sample_rate: int) -> None:
        if not clips:
            raise ValueError("clips must hold at least one recording (got none).")
        self.sample_rate = sample_rate
        starts, labels, parts = [0], [], []
        for clip in clips:
            audio = read_clip(clip.path, sample_rate)
            peak = float(np.max(np.abs(audio), initial=1e-9))
            parts.append(np.round(audio * (32767.0 / peak)).astype(np.int16))
            starts.append(starts[-1] + len(audio))
            labels.append(clip.label)
        self._samples = np.concatenate(parts)
        self._starts = np.array(starts)
        self._label_of = labels
        self._members: dict[str, list[int]] = {}
        for index, label in enumerate(labels):
            self._members.setdefault(label, []).append(index)

    @property
    def seconds(self) -> float:
        """Length of everything in the pool, s."""
        return len(self._samples) / self.sample_rate

    def _clip(self, index: int) -> NDArray[np.int16]:
        return self._samples[self._starts[index] : self._starts[index + 1]]

    def draw(self, num_samples: int, rng: Generator, pause_s: tuple[float, float]) -> Audio:
        """Fill `num_samples` with a random cut of one recording, or several joined by pauses.

        A recording longer than needed is cut at a random place; shorter ones are followed, after a pause from
        `pause_s`, by others with the same label (the same speaker). Peaks are full scale.
        """
        out = np.zeros(num_samples, dtype=np.float32)
        # Every second of audio is drawn equally often, not every file.
        index = int(np.searchsorted(self._starts, rng.integers(0, len(self._samples)), side="right")) - 1
        label = self._label_of[index]
        at = 0
        while at < num_samples:
            clip = self._clip(index)
            if at == 0 and len(clip) > num_samples:
                start = int(rng.integers(0, len(clip) - num_samples + 1))
                clip = clip[start : start + num_samples]
            elif at == 0 and rng.random() < 0.5:
                # Begin in silence half of the time: onsets are what a denoiser most easily eats.
                at = int(rng.uniform(0.0, pause_s[1]) * self.sample_rate)
            taken = clip[: num_samples - at]
            if len(taken):
                out[at : at + len(taken)] = taken * np.float32(1.0 / 32767.0)
            at += len(clip) + int(rng.uniform(*pause_s) * self.sample_rate) + 1
            members = self._members[label]
            index = members[int(rng.integers(0, len(members)))]
        return out
