"""The user's recordings: reading them in any format, and what is wrong with them in one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from hushgate.audio_files.open_audio import open_input
from hushgate.training.adapting.errors import MaterialError
from hushgate.training.recordings.atomic_files import list_audio

Audio = NDArray[np.float32]

# RMS below which a recording holds nothing, dBFS, and the length of the windows it is measured in, s.
_SILENCE_DB = -85.0
_WINDOW_S = 0.1
# Share of each recording that is held back, and the longest part of all, s.
_HELD_BACK = 0.2
_MOST_HELD_BACK_S = 60.0


@dataclass(frozen=True)
class Recording:
    """One recording, mono float32 (samples,) at the network's rate, with the file that it comes from."""

    path: Path
    audio: Audio


@dataclass(frozen=True)
class Split:
    """Recordings to adapt to, and those that are held back to check the result."""

    train: tuple[Recording, ...]
    held_back: tuple[Recording, ...]


def find_files(paths: Iterable[str | Path], flag: str) -> list[Path]:
    """Return the sound files that are named or lie in the folders that are named, each once.

    Raises:
        FileNotFoundError: A path does not exist.
        MaterialError: A folder holds no sound file.
    """
    found: dict[Path, None] = {}
    for name in paths:
        path = Path(name)
        if not path.exists():
            raise FileNotFoundError(f"{flag} {path} does not exist.")
        files = list_audio(path) if path.is_dir() else [path]
        if not files:
            raise MaterialError(f"{flag} {path} holds no sound files.")
        found |= dict.fromkeys(files)
    return list(found)


def read_recordings(
    paths: Iterable[str | Path], flag: str, sample_rate: int, at_least_s: float
) -> list[Recording]:
    """Read recordings of any format, rate and number of channels.

    Args:
        paths: Files, and folders of files.
        flag: What the user calls them, for errors.
        sample_rate: Rate to convert them to, Hz.
        at_least_s: Shortest length of all together that is not silence, s.

    Raises:
        FileNotFoundError: A path does not exist.
        AudioFileError: A file is not sound, damaged or cut short.
        MaterialError: They are silence, or too short.
    """
    files = find_files(paths, flag)
    read = [Recording(path, _read(path, sample_rate)) for path in files]
    sounding = [sounding_seconds(one.audio, sample_rate) for one in read]
    names = ", ".join(str(path) for path in files[:3]) + (", ..." if len(files) > 3 else "")
    if not any(sounding):
        raise MaterialError(
            f"{flag} must hold sound, but {names} is silence (below {_SILENCE_DB:g} dBFS). "
            "Check the microphone and record again."
        )
    if sum(sounding) < at_least_s:
        raise MaterialError(
            f"{flag} must hold {at_least_s:g} s of sound or more, silence left out "
            f"(got {sum(sounding):.1f} s in {names}). Record more; a minute is enough."
        )
    return [one for one, seconds in zip(read, sounding, strict=True) if seconds]


def _read(path: Path, sample_rate: int) -> Audio:
    with open_input(path) as file:
        rate = file.format.sample_rate
        blocks = [block.mean(axis=0) for block in file.blocks()]
    audio = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    audio = np.nan_to_num(audio, nan=0.0, posinf=0.0, neginf=0.0)
    if rate != sample_rate and len(audio):
        ratio = Fraction(sample_rate, round(rate))
        audio = signal.resample_poly(audio, ratio.numerator, ratio.denominator)
    return np.asarray(audio, dtype=np.float32)


def sounding_seconds(audio: Audio, sample_rate: int) -> float:
    """Length of what is not silence, s."""
    window = max(1, round(_WINDOW_S * sample_rate))
    count = len(audio) // window
    power = np.square(audio[: count * window].reshape(count, window), dtype=np.float64).mean(axis=1)
    return float(np.count_nonzero(power > 10.0 ** (_SILENCE_DB / 10.0)) * window / sample_rate)


def hold_back(recordings: Sequence[Recording], sample_rate: int) -> Split:
    """Hold back the last fifth of every recording, a minute of all together at most."""
    total = sum(len(one.audio) for one in recordings)
    share = min(_HELD_BACK, _MOST_HELD_BACK_S * sample_rate / max(1, total))
    train, held_back = [], []
    for one in recordings:
        cut = len(one.audio) - round(share * len(one.audio))
        train.append(Recording(one.path, one.audio[:cut]))
        held_back.append(Recording(one.path, one.audio[cut:]))
    return Split(tuple(train), tuple(held_back))
