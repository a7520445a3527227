"""The test sets: how each is made from local recordings by seed, and what is measured on it.

Nothing of the recordings is written anywhere. To add a set, write a function (folders, num_items,
seed) -> items and enter it in `SETS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from support import metrics
from support.music_sets import guitar_set, music_set
from support.recordings import Item
from support.voice_sets import full_band_voice_set, voice_set

Build = Callable[[Sequence[Path], int, int], list[Item]]


@dataclass(frozen=True)
class TestSet:
    """How to make a set, and what to measure on it.

    Attributes:
        build: (folders, num_items, seed) -> items.
        metrics: Named measures of (clean, output, sample_rate).
        model: The shipped model that is made for it; empty where there is none.
        num_items: How many items are enough to tell systems apart.
        by_group: Measures that are also shown by SNR, noise and so on.
        has_noise: False where there is none, and so nothing to tell the systems that are told it.
    """

    build: Build
    metrics: dict[str, metrics.Metric]
    model: str
    num_items: int
    by_group: tuple[str, ...] = ("SI-SDR dB",)
    has_noise: bool = True


def clean_version(build: Build) -> Build:
    """A set of the same recordings without their noise: what does a system take from them?"""

    def build_clean(folders: Sequence[Path], num_items: int, seed: int) -> list[Item]:
        return [replace(item, noisy=item.clean, groups={}) for item in build(folders, num_items, seed)]

    return build_clean


def paired_set(folders: Sequence[Path], num_items: int, seed: int) -> list[Item]:
    """Recordings in `folder/clean` and `folder/noisy` with the same file names, at their own rate."""
    (folder,) = folders
    names = sorted(
        path.name for path in (folder / "clean").iterdir() if (folder / "noisy" / path.name).is_file()
    )
    if not names:
        raise ValueError(f"{folder} must hold files of the same name in clean/ and noisy/ (got none).")
    chosen = np.random.default_rng(seed).permutation(len(names))[:num_items]
    items = []
    for name in (names[int(index)] for index in sorted(chosen)):
        clean, rate = soundfile.read(folder / "clean" / name, dtype="float32", always_2d=True)
        noisy, noisy_rate = soundfile.read(folder / "noisy" / name, dtype="float32", always_2d=True)
        if (rate, clean.shape) != (noisy_rate, noisy.shape):
            raise ValueError(f"{name} must have the same rate and length in clean/ and noisy/.")
        items.append(Item(name, np.ascontiguousarray(clean.T), np.ascontiguousarray(noisy.T), rate))
    return items


_SPEECH: dict[str, metrics.Metric] = {
    "SI-SDR dB": metrics.si_sdr,
    "PESQ": metrics.pesq,
    "STOI": metrics.stoi,
    "DNSMOS": metrics.dnsmos,
    "level dB": metrics.level_change_db,
}
_FULL_BAND_SPEECH = _SPEECH | {"above 8 kHz dB": metrics.upper_level_change_db}
_MUSIC: dict[str, metrics.Metric] = {
    "SI-SDR dB": metrics.si_sdr,
    "LSD dB": metrics.log_spectral_distance,
    "level dB": metrics.level_change_db,
}

SETS: dict[str, TestSet] = {
    "voice": TestSet(voice_set, _SPEECH, "voice", 80, ("SI-SDR dB", "PESQ")),
    "voice-44k": TestSet(full_band_voice_set, _FULL_BAND_SPEECH, "voice", 40, ("SI-SDR dB", "PESQ")),
    "music": TestSet(music_set, _MUSIC, "music", 36, ("SI-SDR change dB", "LSD dB")),
    "guitar": TestSet(guitar_set, _MUSIC, "guitar", 36, ("SI-SDR change dB",)),
    "voice-clean": TestSet(clean_version(voice_set), _SPEECH, "voice", 40, has_noise=False),
    "music-clean": TestSet(clean_version(music_set), _MUSIC, "music", 18, has_noise=False),
    "guitar-clean": TestSet(clean_version(guitar_set), _MUSIC, "guitar", 18, has_noise=False),
    "pairs": TestSet(paired_set, _SPEECH, "", 80),
}
