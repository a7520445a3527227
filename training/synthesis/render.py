"""Rendering of guitar, instruments, music and percussion with FluidSynth, as training audio.

Writes FLAC files and a `manifest.csv` (path, kind, split, label, sample_rate, seconds, license,
source). Item n of a kind, choice, split and seed always sounds the same, however many are rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hushgate.training.recordings.atomic_files import write_audio
from hushgate.training.recordings.manifest import MANIFEST_NAME, SPLITS, ManifestRow, update_manifest
from hushgate.training.synthesis.band_scores import music, percussion
from hushgate.training.synthesis.fluidsynth import Score, find_soundfont, render_score
from hushgate.training.synthesis.solo_scores import (
    FAMILIES,
    GUITAR_PROGRAMS,
    GUITAR_STYLES,
    guitar,
    instrument,
)

Composer = Callable[[np.random.Generator, float], tuple[Score, str]]

COMPOSERS: dict[str, tuple[Composer, float, float]] = {
    "guitar": (guitar, 5.0, 10.0),
    "instrument": (instrument, 6.0, 11.0),
    "music": (music, 10.0, 22.0),
    "percussion": (percussion, 6.0, 12.0),
}
"""For each kind: its composer, and the shortest and longest length before the tail, s."""
PEAK_DB = -6.0
_LICENSE = "MIT"


@dataclass(frozen=True)
class Choice:
    """Restriction of a kind to some of its sounds; by default there is none.

    Args:
        styles: Of guitar: names in `solo_scores.GUITAR_STYLES`, such as "notes" or "tuning".
        programs: Of guitar: General MIDI programs, 24 (nylon) to 31 (harmonics).
        families: Of instrument: names in `solo_scores.FAMILIES`, such as "violin".
        seconds: Shortest and longest time in which phrases begin, s; the kind's own without.
    """

    styles: tuple[str, ...] = ()
    programs: tuple[int, ...] = ()
    families: tuple[str, ...] = ()
    seconds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        known: dict[str, tuple[Sequence[object], Collection[object]]] = {
            "styles": (self.styles, GUITAR_STYLES),
            "programs": (self.programs, GUITAR_PROGRAMS),
            "families": (self.families, FAMILIES),
        }
        for name, (wanted, there) in known.items():
            for one in wanted:
                if one not in there:
                    raise ValueError(f"{name} must be of {', '.join(map(str, there))} (got {one!r}).")
        if self.seconds is not None and not 0.0 < self.seconds[0] <= self.seconds[1] <= 600.0:
            raise ValueError(
                f"seconds must rise from above 0 s to 600 s (got {self.seconds[0]:g} to {self.seconds[1]:g})."
            )

    def check(self, kind: str) -> None:
        """Refuse a choice that `kind` does not have."""
        for name, owner in (("styles", "guitar"), ("programs", "guitar"), ("families", "instrument")):
            if getattr(self, name) and kind != owner:
                raise ValueError(f"{name} must only be given for kind {owner} (got kind {kind}).")

    def tag(self) -> str:
        """A part for file names; empty for everything."""
        parts = [*self.styles, *map(str, self.programs), *(name.replace(" ", "") for name in self.families)]
        if self.seconds is not None:
            parts.append("{:g}to{:g}s".format(*self.seconds))
        return "".join(f"{part}-" for part in parts)

    def compose(self, kind: str, rng: np.random.Generator) -> tuple[Score, str]:
        """Draw a score of `kind` and its label."""
        composer, *lengths = COMPOSERS[kind]
        length = rng.uniform(*(self.seconds or lengths))
        if kind == "guitar":
            return guitar(rng, length, self.styles, self.programs)
        if kind == "instrument":
            return instrument(rng, length, self.families)
        return composer(rng, length)


def render_item(
    kind: str,
    index: int,
    *,
    seed: int,
    sample_rate: int,
    num_channels: int = 1,
    split: str = "train",
    choice: Choice | None = None,
    soundfont: Path | None = None,
) -> tuple[NDArray[np.float32], str]:
    """Audio and label of one item.

    Args:
        kind: "guitar", "instrument", "music" or "percussion".
        index: Number of the item, 0 or more.
        seed, split: Start of the random choices; the splits share none.
        sample_rate: Hz.
        num_channels: 1 or 2.
        choice: What of the kind to play.
        soundfont: General MIDI .sf2 file; by default what `find_soundfont` finds.

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
    choice = choice or Choice()
    choice.check(kind)
    stream = (seed, SPLITS.index(split), sum(kind.encode()), index)
    rng = np.random.default_rng(stream)
    while True:
        score, label = choice.compose(kind, rng)
        audio = render_score(score, sample_rate, num_channels, soundfont=soundfont)
        peak = float(np.abs(audio).max(initial=0.0))
        # Some keys of drum kits and effects hold no sample; draw another score.
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
    choice: Choice,
    as_kind: str,
    soundfont: Path | None,
) -> ManifestRow:
    audio, label = render_item(
        kind, index, seed=seed, sample_rate=sample_rate, num_channels=num_channels, split=split,
        choice=choice, soundfont=soundfont,
    )  # fmt: skip
    path = Path(kind) / f"{split}-{seed}-{choice.tag()}{index:05d}.{suffix}"
    write_audio(folder / path, audio, sample_rate)
    seconds = round(audio.shape[1] / sample_rate, 3)
    source = f"FluidSynth, {find_soundfont(soundfont).stem}, seed {seed}"
    return ManifestRow(path.as_posix(), as_kind, split, label, sample_rate, seconds, _LICENSE, source)


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
    choice: Choice | None = None,
    as_kind: str = "",
    soundfont: Path | None = None,
) -> list[ManifestRow]:
    """Render items into `folder/KIND` until they last `minutes`, and add them to its manifest.

    Rows of the manifest with the same path are replaced, others are kept. Arguments as in
    `render_item`; `suffix` is "flac" (16 bit) or "ogg" (Vorbis), `as_kind` another kind for the manifest.

    Returns:
        The rows of the new items.
    """
    if not minutes > 0.0:
        raise ValueError(f"minutes must be above 0 (got {minutes}).")
    write = partial(
        _write_item,
        kind=kind, split=split, seed=seed, sample_rate=sample_rate,
        num_channels=num_channels, folder=folder, suffix=suffix,
        choice=choice or Choice(), as_kind=as_kind or kind,
        soundfont=soundfont,
    )  # fmt: skip
    rows = list(_until(map(write, count()), 60.0 * minutes))
    update_manifest(folder / MANIFEST_NAME, rows)
    return rows
