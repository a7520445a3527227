"""Test sets made from local recordings by seed; nothing of them is written anywhere.

A set is a list of `Item`s. To add one, write a function (folder, num_items, seed) -> items and
enter it in `SETS` with its metrics.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import metrics
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

Audio = NDArray[np.float32]

VOICE_RATE = 16_000
SNRS_DB = (-2.5, 2.5, 7.5, 12.5)
_QUIET_DB = -45.0
_HIGH_NOISE_HZ = (4_000.0, 8_000.0)


@dataclass(frozen=True)
class Item:
    """One recording to clean: (channels, samples) each, and what it should be grouped by."""

    name: str
    clean: Audio
    noisy: Audio
    sample_rate: int
    groups: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TestSet:
    """How to make a set, and what to measure on it."""

    build: Callable[[Path, int, int], list[Item]]
    metrics: dict[str, metrics.Metric]
    folder_help: str


def manifest_rows(folder: Path, kind: str, split: str = "val") -> list[dict[str, str]]:
    """Rows of `folder/manifest.csv` with that kind and split, sorted by path.

    Raises:
        FileNotFoundError: There is no manifest.
        ValueError: It has no such row.
    """
    path = folder / "manifest.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["kind"], row["split"]) == (kind, split)]
    if not rows:
        raise ValueError(f"{path} must list {kind} files of the split {split} (got none).")
    return sorted(rows, key=lambda row: row["path"])


def read_mono(path: Path, sample_rate: int) -> NDArray[np.float64]:
    """The mean of a file's channels at another rate, without the offset that some recordings have."""
    audio, rate = soundfile.read(path, always_2d=True)
    mono = audio.mean(axis=1)
    mono -= mono.mean()
    return mono if rate == sample_rate else soxr.resample(mono, rate, sample_rate)


def level_db(audio: NDArray[np.float64]) -> float:
    """Root mean square in dBFS of the parts that sound: frames of 20 ms within 40 dB of the loudest."""
    frame = VOICE_RATE // 50
    powers = np.mean(audio[: len(audio) // frame * frame].reshape(-1, frame) ** 2, axis=1)
    return float(10.0 * np.log10(powers[powers >= powers.max() * 1e-4].mean() + 1e-20))


def _without_silent_ends(audio: NDArray[np.float64]) -> NDArray[np.float64]:
    """ESC clips are padded with digital silence."""
    loud = np.flatnonzero(np.abs(audio) > 1e-3 * np.abs(audio).max())
    return audio[loud[0] : loud[-1] + 1] if len(loud) else audio


def looped(audio: NDArray[np.float64], num_samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A stretch of a recording from a random place, repeated where it is too short."""
    start = int(rng.integers(len(audio)))
    return np.take(audio, np.arange(start, start + num_samples), mode="wrap")


def high_noise(num_samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """White noise in a random band between 4 and 8 kHz, at a sample rate of 16 kHz."""
    low = rng.uniform(_HIGH_NOISE_HZ[0], 5_500.0)
    high = rng.uniform(low * 1.3, _HIGH_NOISE_HZ[1])
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequency = np.fft.rfftfreq(num_samples, 1.0 / VOICE_RATE)
    return np.fft.irfft(spectrum * ((frequency > low) & (frequency < high)), num_samples)


def at_snr(speech: NDArray[np.float64], noise: NDArray[np.float64], snr_db: float) -> NDArray[np.float64]:
    """The noise scaled so that the speech's power is `snr_db` above it, over the whole stretch."""
    powers = float(np.mean(speech**2)), float(np.mean(noise**2))
    gain = (powers[0] / max(powers[1], 1e-20)) ** 0.5 * 10.0 ** (-snr_db / 20.0)
    return noise * gain


def voice_set(folder: Path, num_items: int, seed: int) -> list[Item]:
    """Unseen speakers in unseen noise at 16 kHz.

    Clips of 4 to 8 s; SNR of -2.5, 2.5, 7.5 and 12.5 dB in turn; every fifth in band-limited
    noise between 4 and 8 kHz, the others in recorded noise; every seventh very quiet (speech at
    -45 dBFS), the others at -38 to -16 dBFS.
    """
    return list(_voice_items(folder, num_items, seed))


def _voice_items(folder: Path, num_items: int, seed: int) -> Iterator[Item]:
    rng = np.random.default_rng(seed)
    voices, noises = manifest_rows(folder, "speech"), manifest_rows(folder, "noise")
    voice_order, noise_order = rng.permutation(len(voices)), rng.permutation(len(noises))
    for index in range(num_items):
        voice = voices[int(voice_order[index % len(voices)])]
        speech = read_mono(folder / voice["path"], VOICE_RATE)
        num_samples = min(len(speech), round(rng.uniform(4.0, 8.0) * VOICE_RATE))
        start = int(rng.integers(len(speech) - num_samples + 1))
        speech = speech[start : start + num_samples]
        if index % 5 == 4:
            noise, label = high_noise(num_samples, rng), "4-8 kHz band"
        else:
            row = noises[int(noise_order[index % len(noises)])]
            source = _without_silent_ends(read_mono(folder / row["path"], VOICE_RATE))
            noise, label = looped(source, num_samples, rng), row["label"]
        quiet = index % 7 == 6
        target_db = _QUIET_DB if quiet else rng.uniform(-38.0, -16.0)
        speech = speech * 10.0 ** ((target_db - level_db(speech)) / 20.0)
        # Four SNRs against groups of five and seven: every group meets every SNR.
        snr_db = SNRS_DB[index % len(SNRS_DB)]
        noisy = speech + at_snr(speech, noise, snr_db)
        scale = min(1.0, 0.99 / np.abs(noisy).max())
        yield Item(
            name=f"{index:03d} {voice['label']} {label}",
            clean=(scale * speech)[None].astype(np.float32),
            noisy=(scale * noisy)[None].astype(np.float32),
            sample_rate=VOICE_RATE,
            groups={
                "SNR": f"{snr_db:g} dB",
                "noise": label if label == "4-8 kHz band" else "recorded",
                "level": "-45 dBFS" if quiet else "-38 to -16 dBFS",
            },
        )


def clean_voice_set(folder: Path, num_items: int, seed: int) -> list[Item]:
    """The speech of the voice set without any noise: what does a system take from it?"""
    return [
        Item(item.name, item.clean, item.clean, item.sample_rate, {"level": item.groups["level"]})
        for item in voice_set(folder, num_items, seed)
    ]


def paired_set(folder: Path, num_items: int, seed: int) -> list[Item]:
    """Recordings in `folder/clean` and `folder/noisy` with the same file names, at their own rate."""
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


_SPEECH_METRICS: dict[str, metrics.Metric] = {
    "SI-SDR dB": metrics.si_sdr,
    "PESQ": metrics.pesq,
    "STOI": metrics.stoi,
}
_MANIFEST_HELP = "a folder with manifest.csv (path, kind, split, label): speech and noise of the split val"
SETS: dict[str, TestSet] = {
    "voice": TestSet(voice_set, _SPEECH_METRICS, _MANIFEST_HELP),
    "voice-clean": TestSet(clean_voice_set, _SPEECH_METRICS, _MANIFEST_HELP),
    "pairs": TestSet(paired_set, _SPEECH_METRICS, "a folder with clean/ and noisy/"),
}
