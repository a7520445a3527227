"""Test sets: their construction from local recordings by seed, and their measures.

Nothing of the recordings is written anywhere. To add a set, write a function (folders, num_items,
seed) -> items and enter it in `SETS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hushgate.training.evaluate.measures.base import Item
from hushgate.training.evaluate.sound_pairs import PairSet
from support.music_sets import guitar_set, music_set
from support.voice_sets import full_band_voice_set, voice_set

Build = Callable[[Sequence[Path], int, int], list[Item]]


@dataclass(frozen=True)
class TestSet:
    """A test set and its measures.

    Attributes:
        build: (folders, num_items, seed) -> items.
        metrics: Titles of columns, as in `support.metrics`.
        model: The shipped model that is made for it; empty where there is none.
        num_items: How many items are enough to tell systems apart.
        by_group: Measures that are also shown by SNR, noise and so on.
        has_noise: False for clean sets, on which systems that need the noise cannot run.
    """

    build: Build
    metrics: tuple[str, ...]
    model: str
    num_items: int
    by_group: tuple[str, ...] = ("SI-SDR dB",)
    has_noise: bool = True


def clean_version(build: Build) -> Build:
    """The same recordings without noise, to measure the harm done to clean sound."""

    def build_clean(folders: Sequence[Path], num_items: int, seed: int) -> list[Item]:
        return [replace(item, noisy=item.clean, groups={}) for item in build(folders, num_items, seed)]

    return build_clean


def paired_set(folders: Sequence[Path], num_items: int, seed: int) -> list[Item]:
    """Recordings in `folder/clean` and `folder/noisy` with the same file names, at their own rate."""
    (folder,) = folders
    pairs = PairSet(folder / "clean", folder / "noisy")
    chosen = np.random.default_rng(seed).permutation(len(pairs))[:num_items]
    return [replace(pairs[int(index)], groups={}) for index in sorted(chosen)]


_SPEECH = ("SI-SDR dB", "PESQ", "STOI", "DNSMOS", "level dB")
_FULL_BAND_SPEECH = (*_SPEECH, "above 8 kHz dB")
_MUSIC = ("SI-SDR dB", "LSD dB", "target LSD dB", "level dB")

SETS: dict[str, TestSet] = {
    "voice": TestSet(voice_set, _SPEECH, "voice", 80, ("SI-SDR dB", "PESQ")),
    "voice-48k": TestSet(full_band_voice_set, _FULL_BAND_SPEECH, "voice", 40, ("SI-SDR dB", "PESQ")),
    "music": TestSet(music_set, _MUSIC, "music", 36, ("SI-SDR change dB", "target LSD dB")),
    "guitar": TestSet(guitar_set, _MUSIC, "guitar", 36, ("SI-SDR change dB",)),
    "voice-clean": TestSet(clean_version(voice_set), _SPEECH, "voice", 40, has_noise=False),
    "music-clean": TestSet(clean_version(music_set), _MUSIC, "music", 18, has_noise=False),
    "guitar-clean": TestSet(clean_version(guitar_set), _MUSIC, "guitar", 18, has_noise=False),
    "pairs": TestSet(paired_set, _SPEECH, "", 80),
}
