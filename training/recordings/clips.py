"""Pools of recordings, cut, joined or looped to any length."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hushgate.training.recordings.atomic_files import list_audio
from hushgate.training.recordings.decoded_cache import load_samples, read_clip
from hushgate.training.recordings.manifest import MANIFEST_NAME, read_manifest
from hushgate.training.recordings.seamless_loop import close_loop

Audio = NDArray[np.float32]

_COLUMNS = ("path", "kind", "split", "label")


@dataclass(frozen=True)
class Clip:
    """One recording: where it is, what it is (`kind`), its speaker or class (`label`), and its split.

    `noisy` is the same take with noise, of the same length, where there is one.
    """

    path: Path
    name: str
    kind: str
    split: str
    label: str
    noisy: Path | None = None


class UsedClip(NamedTuple):
    """A piece of a recording in what was drawn, in samples at the pool's rate.

    Attributes:
        clip: The recording. Its name alone does not tell: folders may share names.
        start: Where the piece begins in the recording.
        at: Where it begins in what was drawn.
        length: Its length.
        is_whole: True for the whole recording.
        peak: Peak of the recording in what was drawn, before any gain.
    """

    clip: Clip
    start: int
    at: int
    length: int
    is_whole: bool
    peak: float = 1.0


def list_clips(location: Path) -> list[Clip]:
    """List the recordings of a manifest (CSV with path, kind, split, label, maybe noisy) or of any folder.

    In a plain folder the first level of subfolders gives the kind; every tenth file is `val`, by its place in
    the sorted list, and the label is the file's folder.

    Raises:
        FileNotFoundError: `location` does not exist.
        ValueError: It holds no audio, or the manifest lacks a column.
    """
    if location.is_dir():
        if (location / MANIFEST_NAME).is_file():
            return list_clips(location / MANIFEST_NAME)
        files = list_audio(location)
        if not files:
            raise ValueError(f"data folder must hold audio files or manifest.csv (got {location}).")
        names = [f.relative_to(location) for f in files]
        return [
            Clip(f, n.as_posix(), n.parts[0], "val" if i % 10 == 9 else "train", n.parent.as_posix())
            for i, (f, n) in enumerate(zip(files, names, strict=True))
        ]
    if not location.is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(location))
    folder = location.parent
    return [
        Clip(
            folder / row["path"], row["path"], row["kind"], row["split"], row["label"],
            folder / row["noisy"] if row.get("noisy") else None,
        )
        for row in read_manifest(location, _COLUMNS)
    ]  # fmt: skip


class ClipPool:
    """Recordings of one kind, kept as 16-bit samples to be cut at random.

    Args:
        clips: What to load, at least one.
        sample_rate: Hz; files at other rates are resampled once, on loading.
        cache: Folder to keep what was decoded in, instead of memory (see `decoded_cache.load_samples`).
    """

    def __init__(self, clips: Sequence[Clip], sample_rate: int, cache: Path | None = None) -> None:
        if not clips:
            raise ValueError("clips must hold at least one recording (got none).")
        self.sample_rate = sample_rate
        self.clips = tuple(clips)
        self._samples, self._starts = load_samples([clip.path for clip in clips], sample_rate, cache)
        self._members: dict[str, list[int]] = {}
        for index, clip in enumerate(clips):
            self._members.setdefault(clip.label, []).append(index)

    def _recording(self, index: int) -> NDArray[np.int16]:
        return self._samples[self._starts[index] : self._starts[index + 1]]

    def draw(
        self,
        num_samples: int,
        rng: Generator,
        pause_s: tuple[float, float],
        fill: str = "join",
        used: list[UsedClip] | None = None,
    ) -> Audio:
        """Fill `num_samples` with a random cut of one recording, or with what `fill` makes of a short one.

        Args:
            num_samples: Length of the result, samples.
            rng: Source of every choice.
            pause_s: Shortest and longest silence between joined recordings, s.
            fill: "join" lets others with the same label (the same speaker) follow after a pause, "loop" lets
                itself follow, crossfaded, "pad" puts silence round it.
            used: Takes what was used of the recordings.

        Returns:
            float32 (num_samples,); the peaks of whole recordings are full scale.
        """
        # Draw seconds, not files, with equal probability.
        index = int(np.searchsorted(self._starts, rng.integers(0, len(self._samples)), side="right")) - 1
        if fill != "join":
            whole = self._recording(index) * np.float32(1.0 / 32767.0)
            audio, start, at = _fit(whole, num_samples, rng, fill, self.sample_rate)
            if used is not None:
                length = min(len(whole), num_samples) if fill == "pad" else num_samples
                is_whole = len(whole) <= length and (fill == "pad" or start == 0)
                used.append(UsedClip(self.clips[index], start, at, length, is_whole))
            return audio
        out = np.zeros(num_samples, dtype=np.float32)
        members = self._members[self.clips[index].label]
        at = 0
        while at < num_samples:
            clip, piece = self.clips[index], self._recording(index)
            start, whole_length = 0, len(piece)
            if at == 0 and len(piece) > num_samples:
                start = int(rng.integers(0, len(piece) - num_samples + 1))
                piece = piece[start : start + num_samples]
            elif at == 0 and rng.random() < 0.5:
                # Start with silence half of the time: denoisers damage onsets most.
                at = int(rng.uniform(0.0, pause_s[1]) * self.sample_rate)
            # A pause at the beginning may be longer than all of it.
            taken = piece[: max(0, num_samples - at)]
            if used is not None:
                used.append(UsedClip(clip, start, at, len(taken), len(taken) == whole_length))
            if len(taken):
                out[at : at + len(taken)] = taken * np.float32(1.0 / 32767.0)
            at += len(piece) + int(rng.uniform(*pause_s) * self.sample_rate) + 1
            index = members[int(rng.integers(0, len(members)))]
        return out


def _fit(
    clip: Audio, num_samples: int, rng: Generator, fill: str, sample_rate: int
) -> tuple[Audio, int, int]:
    """What `fill` makes of a recording, where it begins in the recording, and where that is in the result."""
    if len(clip) >= num_samples:
        start = int(rng.integers(0, len(clip) - num_samples + 1))
        return clip[start : start + num_samples], start, 0
    if fill == "pad":
        out = np.zeros(num_samples, dtype=np.float32)
        start = int(rng.integers(0, num_samples - len(clip) + 1))
        out[start : start + len(clip)] = clip
        return out, 0, start
    turn = close_loop(clip, min(sample_rate // 50, len(clip) // 4))
    start = int(rng.integers(0, len(turn)))
    return np.take(turn, np.arange(num_samples) + start, mode="wrap"), start, 0


class PairPool:
    """Recordings with their noisy takes, kept in memory as 16-bit samples.

    Args:
        clips: What to load, at least one, each with `noisy`.
        sample_rate: Hz.

    Raises:
        ValueError: The two files of a pair differ in length by more than a hundredth of a second.
    """

    def __init__(self, clips: Sequence[Clip], sample_rate: int) -> None:
        self._clips = tuple(clips)
        # Where full scale is that of the louder file of the pair.
        self._clean_peaks: list[float] = []
        self._pairs: list[NDArray[np.int16]] = []
        for clip in clips:
            assert clip.noisy is not None
            clean, noisy = read_clip(clip.path, sample_rate), read_clip(clip.noisy, sample_rate)
            if abs(len(clean) - len(noisy)) > 0.01 * sample_rate:
                raise ValueError(
                    f"{clip.path} and {clip.noisy} must be equally long "
                    f"(got {len(clean) / sample_rate:.3f} and {len(noisy) / sample_rate:.3f} s)."
                )
            both = np.stack([audio[: min(len(clean), len(noisy))] for audio in (noisy, clean)])
            peak = float(np.max(np.abs(both), initial=1e-9))
            self._clean_peaks.append(float(np.max(np.abs(clean), initial=1e-9)) / peak)
            self._pairs.append(np.round(both * (32767.0 / peak)).astype(np.int16))
        lengths = np.array([pair.shape[1] for pair in self._pairs], dtype=np.float64)
        if not lengths.sum():
            raise ValueError("pairs must hold audio (got empty files).")
        self._weights = lengths / lengths.sum()

    def draw(
        self, num_samples: int, rng: Generator, used: list[UsedClip] | None = None
    ) -> tuple[Audio, Audio]:
        """Return (noisy, clean), float32 (num_samples,): one cut of both, with silence round a short one."""
        index = int(rng.choice(len(self._pairs), p=self._weights))
        pair = self._pairs[index]
        out = np.zeros((2, num_samples), dtype=np.float32)
        room = num_samples - pair.shape[1]
        start = int(rng.integers(0, abs(room) + 1))
        if used is not None:
            begin, at = (0, start) if room >= 0 else (start, 0)
            length = min(pair.shape[1], num_samples)
            clip, peak = self._clips[index], self._clean_peaks[index]
            used.append(UsedClip(clip, begin, at, length, room >= 0, peak))
        if room >= 0:
            out[:, start : start + pair.shape[1]] = pair
        else:
            out[:] = pair[:, start : start + num_samples]
        out *= np.float32(1.0 / 32767.0)
        return out[0], out[1]
