"""Recordings in a user's folders: lists, files, levels and mixtures.

A folder holds a `manifest.csv` (path, kind, split, label; rows of the split `val` are used), or
one subfolder of sound files for each kind, all of them used: `FOLDER/speech/anna/one.wav`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from hushgate.training.evaluate.measures.base import Item
from hushgate.training.recordings.atomic_files import list_audio
from hushgate.training.recordings.manifest import MANIFEST_NAME, read_manifest

Mono = NDArray[np.float64]
Float = TypeVar("Float", np.float32, np.float64)

ROOM_SNR_DB = (3.0, 9.0)
"""Level of players above the noise of their room, lowest and highest, dB."""
_QUIETEST_DB = -200.0


@dataclass(frozen=True)
class Recording:
    """A file and its label in tables: speaker, instrument or kind of noise."""

    path: Path
    label: str


def validation_rows(folder: Path) -> list[dict[str, str]]:
    """Rows of `folder/manifest.csv` with the split `val`, in its order.

    Raises:
        FileNotFoundError: There is no manifest.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist.")
    return [row for row in read_manifest(path) if row["split"] == "val"]


def manifest_rows(folder: Path, kind: str) -> list[dict[str, str]]:
    """Those of one kind among `validation_rows`, sorted by path.

    Raises:
        FileNotFoundError: There is no manifest.
        ValueError: It has no such row.
    """
    rows = [row for row in validation_rows(folder) if row["kind"] == kind]
    if not rows:
        raise ValueError(f"{folder / MANIFEST_NAME} must list {kind} files of the split val (got none).")
    return sorted(rows, key=lambda row: row["path"])


def find_recordings(folders: Sequence[Path], kind: str) -> list[Recording]:
    """All recordings of a kind, sorted within each folder.

    Raises:
        FileNotFoundError: A folder is not there.
        ValueError: No folder holds that kind.
    """
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f"the folder {folder} does not exist.")
        if (folder / MANIFEST_NAME).is_file():
            try:
                rows = manifest_rows(folder, kind)
            except ValueError:
                continue
            found += [Recording(folder / row["path"], row["label"]) for row in rows]
        else:
            found += [Recording(path, path.parent.name) for path in list_audio(folder / kind)]
    if not found:
        names = ", ".join(str(folder) for folder in folders)
        raise ValueError(
            f"--data must hold {kind} recordings, by manifest.csv (split val) or in a folder {kind} "
            f"(got none in {names})."
        )
    return found


def shuffled(recordings: Sequence[Recording], rng: np.random.Generator) -> list[Recording]:
    """The same in a random order."""
    return [recordings[int(index)] for index in rng.permutation(len(recordings))]


def read_channels(path: Path, sample_rate: int) -> NDArray[np.float64]:
    """A file as (channels, samples) at another rate."""
    audio, rate = soundfile.read(path, always_2d=True)
    return np.ascontiguousarray((audio if rate == sample_rate else soxr.resample(audio, rate, sample_rate)).T)


def read_mono(path: Path, sample_rate: int) -> Mono:
    """The mean of a file's channels at another rate, without the offset that some recordings have."""
    audio, rate = soundfile.read(path, always_2d=True)
    mono = audio.mean(axis=1)
    mono -= mono.mean()
    result: Mono = mono if rate == sample_rate else soxr.resample(mono, rate, sample_rate)
    return result


def power_db(audio: NDArray[np.floating]) -> float:
    """Mean power of all of it, dBFS; digital silence reads -200."""
    return max(_QUIETEST_DB, float(10.0 * np.log10(np.mean(audio.astype(np.float64) ** 2) + 1e-30)))


def at_power(audio: NDArray[Float], target_db: float) -> NDArray[Float]:
    """The same with a `power_db` of `target_db` dBFS."""
    result: NDArray[Float] = audio * 10.0 ** ((target_db - power_db(audio)) / 20.0)
    return result


def level_db(audio: NDArray[np.float64], sample_rate: int = 16_000) -> float:
    """Root mean square in dBFS of the parts that sound: frames of 20 ms within 40 dB of the loudest."""
    frame = sample_rate // 50
    powers = np.mean(audio[..., : audio.shape[-1] // frame * frame].reshape(-1, frame) ** 2, axis=1)
    return float(10.0 * np.log10(powers[powers >= powers.max() * 1e-4].mean() + 1e-20))


def at_level(audio: NDArray[np.float64], target_db: float, sample_rate: int) -> NDArray[np.float64]:
    """The same with a `level_db` of `target_db` dBFS."""
    result: NDArray[np.float64] = audio * 10.0 ** ((target_db - level_db(audio, sample_rate)) / 20.0)
    return result


def without_silent_ends(audio: Mono) -> Mono:
    """Remove digital silence at both ends, which ESC clips are padded with."""
    loud = np.flatnonzero(np.abs(audio) > 1e-3 * np.abs(audio).max())
    return audio[loud[0] : loud[-1] + 1] if len(loud) else audio


def looped(audio: Mono, num_samples: int, rng: np.random.Generator) -> Mono:
    """A stretch of a recording from a random place, repeated where it is too short."""
    start = int(rng.integers(len(audio)))
    return np.take(audio, np.arange(start, start + num_samples), mode="wrap")


def at_snr(target: NDArray[np.floating], noise: NDArray[Float], snr_db: float) -> NDArray[Float]:
    """The noise scaled so that the target's power is `snr_db` above it, over the full length."""
    powers = float(np.mean(target**2)), float(np.mean(noise**2))
    gain = (powers[0] / max(powers[1], 1e-20)) ** 0.5 * 10.0 ** (-snr_db / 20.0)
    result: NDArray[Float] = noise * gain
    return result


def company(
    instruments: Sequence[Recording],
    noises: Sequence[Recording],
    num_players: int,
    num_samples: int,
    sample_rate: int,
    rng: np.random.Generator,
    room_snr_db: tuple[float, float] = ROOM_SNR_DB,
) -> tuple[Mono, str]:
    """Instruments, equally loud, in a room's noise so far below their sum; and what noise it is."""
    players = [instruments[int(number)] for number in rng.choice(len(instruments), num_players)]
    parts = [looped(read_mono(player.path, sample_rate), num_samples, rng) for player in players]
    sound = np.sum([at_level(part, -20.0, sample_rate) for part in parts], axis=0)
    noise = noises[int(rng.integers(len(noises)))]
    room = looped(without_silent_ends(read_mono(noise.path, sample_rate)), num_samples, rng)
    return sound + at_snr(sound, room, rng.uniform(*room_snr_db)), noise.label


def mixture(
    name: str,
    clean: NDArray[np.float64],
    noise: NDArray[np.float64],
    sample_rate: int,
    groups: dict[str, str],
) -> Item:
    """The sum as an item, turned down together where it would clip."""
    clean, noisy = np.atleast_2d(clean), np.atleast_2d(clean + noise)
    scale = min(1.0, 0.99 / float(np.abs(noisy).max()))
    return Item(
        name,
        noisy=(scale * noisy).astype(np.float32),
        clean=(scale * clean).astype(np.float32),
        sample_rate=sample_rate,
        groups=groups,
    )
