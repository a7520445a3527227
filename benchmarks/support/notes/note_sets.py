"""Single notes of a guitar among other players, for the tuner's benchmark.

Notes are rendered with FluidSynth by seed, or come from a folder of recordings with one note each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hushgate.training.evaluate.measures.base import Audio
from hushgate.training.recordings.atomic_files import list_audio
from hushgate.training.synthesis.fluidsynth import find_soundfont
from support.recordings import (
    ROOM_SNR_DB,
    Recording,
    at_level,
    company,
    find_recordings,
    read_mono,
    shuffled,
    without_silent_ends,
)

RATE = 16_000
SECONDS = 3.0
SNRS_DB = (0.0, 2.5, 5.0)
_NATIVE_RATE = 48_000
# Programs that ring; muted strings and harmonics are too short for a tuner.
_GUITAR_PROGRAMS = (24, 25, 26, 27, 29, 30)
_LOWEST_KEY, _HIGHEST_KEY = 40, 76
_MAX_DETUNING_CENTS = 45.0
PLUCK_S = (0.6, 0.8)
"""When the string is plucked, seconds into the clip."""
_ONSET_DB = -20.0


@dataclass(frozen=True)
class NoteItem:
    """A clip: (1, samples) each at 16 kHz.

    Attributes:
        name: What it is made of.
        clean: The guitar alone.
        noisy: The guitar and the others.
        others: The others alone.
        pluck_s: When the string is plucked, seconds; None where there is no guitar.
    """

    name: str
    clean: Audio
    noisy: Audio
    others: Audio
    pluck_s: float | None
    groups: dict[str, str] = field(default_factory=dict)


class NoteRenderer:
    """Notes of a General MIDI guitar.

    Raises:
        ImportError, FileNotFoundError: pyfluidsynth or a soundfont is missing.
    """

    def __init__(self) -> None:
        self._module = import_module("fluidsynth")
        self._font = str(find_soundfont())

    def render(
        self, program: int, key: int, cents: float, velocity: int, seconds: float
    ) -> NDArray[np.float64]:
        """Mono at 16 kHz: the note held for most of the time, detuned by at most a semitone."""
        import soxr

        options = {"synth.dynamic-sample-loading": 1, "synth.reverb.active": 0, "synth.chorus.active": 0}
        synth = self._module.Synth(gain=0.5, samplerate=_NATIVE_RATE, **options)
        try:
            synth.program_select(0, synth.sfload(self._font), 0, program)
            synth.pitch_bend(0, round(cents / 200.0 * 8192))
            synth.noteon(0, key, velocity)
            held = synth.get_samples(round(0.8 * seconds * _NATIVE_RATE))
            synth.noteoff(0, key)
            rest = synth.get_samples(round(0.2 * seconds * _NATIVE_RATE))
        finally:
            synth.delete()
        stereo = np.concatenate([held, rest]).reshape(-1, 2) / 32_768.0
        result: NDArray[np.float64] = soxr.resample(stereo.mean(axis=1), _NATIVE_RATE, RATE)
        return result


def sound_files(notes: Path) -> list[Path]:
    """All recordings in a folder of single notes, sorted.

    Raises:
        ValueError: There are none.
    """
    paths = list_audio(notes)
    if not paths:
        raise ValueError(f"--notes must be a folder of sound files with one note each (got none in {notes}).")
    return paths


def note_set(
    folders: Sequence[Path],
    notes: Path | None,
    num_items: int,
    seed: int,
    pluck_s: tuple[float, float] = PLUCK_S,
    room_snr_db: tuple[float, float] = ROOM_SNR_DB,
) -> list[NoteItem]:
    """Guitar notes among two to four other instruments in a room's noise, at 0, 2.5 and 5 dB.

    3 s each at 16 kHz; the others play throughout. The SNR is
    that of the guitar against everything else, over the time that the guitar sounds.

    Args:
        folders: Where recordings of instruments and noise are.
        notes: Folder of recordings with one note each; rendered notes without.
        num_items: How many clips.
        seed: Start of the random choices.
        pluck_s: Earliest and latest time of the pluck, seconds.
        room_snr_db: Level of the players together above the noise, lowest and highest, dB.

    Raises:
        ValueError: A range that does not rise, or a pluck outside the clip; no recordings.
    """
    if not 0.0 <= pluck_s[0] <= pluck_s[1] < SECONDS:
        raise ValueError(
            f"--pluck-s must rise from 0 to below {SECONDS:g} s (got {pluck_s[0]:g} {pluck_s[1]:g})."
        )
    if not room_snr_db[0] <= room_snr_db[1]:
        raise ValueError(f"--room-snr-db must rise (got {room_snr_db[0]:g} {room_snr_db[1]:g}).")
    rng = np.random.default_rng(seed)
    instruments, noises = (find_recordings(folders, kind) for kind in ("instrument", "noise"))
    paths = sound_files(notes) if notes else []
    renderer = None if paths else NoteRenderer()
    num_samples = round(SECONDS * RATE)
    items = []
    for index in range(num_items):
        start = round(rng.uniform(*pluck_s) * RATE)
        if renderer is not None:
            program = int(rng.choice(_GUITAR_PROGRAMS))
            key = int(rng.integers(_LOWEST_KEY, _HIGHEST_KEY + 1))
            cents = rng.uniform(-_MAX_DETUNING_CENTS, _MAX_DETUNING_CENTS)
            velocity = int(rng.integers(40, 120))
            note = renderer.render(program, key, cents, velocity, (num_samples - start) / RATE)
            name = f"{index:03d} program {program} key {key} {cents:+.1f} cents"
        else:
            path = paths[index % len(paths)]
            note, name = from_onset(read_mono(path, RATE)), f"{index:03d} {path.stem}"
        clean = np.zeros(num_samples)
        note = note[: num_samples - start]
        clean[start : start + len(note)] = note
        clean = at_level(clean, rng.uniform(-32.0, -16.0), RATE)
        num_players = 2 + index % 3
        others, _ = company(instruments, noises, num_players, num_samples, RATE, rng, room_snr_db)
        snr_db = SNRS_DB[(index + index // 3) % 3]
        powers = [float(np.mean(sound[start:] ** 2)) for sound in (clean, others)]
        gain = np.sqrt(powers[0] / max(powers[1], 1e-20))
        others = others * gain * 10.0 ** (-snr_db / 20.0)
        groups = {"SNR": f"{snr_db:g} dB", "others": str(num_players)}
        items.append(_item(name, clean, others, start / RATE, groups))
    return items


def alone_set(folders: Sequence[Path], kind: str, num_items: int, seed: int) -> list[NoteItem]:
    """Recordings without a guitar, 6 s each at -30 to -16 dBFS: nothing should be read.

    Each from its beginning, short ones again and again: a tone that is cut into begins like a pluck.
    """
    rng = np.random.default_rng(seed)
    found = shuffled(find_recordings(folders, kind), rng)
    return [
        alone_item(f"{index:03d} {kind}", found[index % len(found)], kind, 6.0, rng.uniform(-30.0, -16.0))
        for index in range(num_items)
    ]


def alone_item(name: str, recording: Recording, kind: str, seconds: float, level_db: float) -> NoteItem:
    """A recording without a guitar, from its beginning, again and again where it is short.

    Args:
        name: The recording's label is added.
        recording: The sound.
        kind: Its kind.
        seconds: Length.
        level_db: Level of what sounds, dBFS, as `at_level` counts.
    """
    sound = np.resize(without_silent_ends(read_mono(recording.path, RATE)), round(seconds * RATE))
    sound = at_level(sound, level_db, RATE)
    return _item(f"{name} {recording.label}", np.zeros_like(sound), sound, None, {"kind": kind})


def _item(
    name: str,
    clean: NDArray[np.float64],
    others: NDArray[np.float64],
    pluck_s: float | None,
    groups: dict[str, str],
) -> NoteItem:
    scale = min(1.0, 0.99 / float(np.abs(clean + others).max()))
    parts = [(scale * part)[np.newaxis].astype(np.float32) for part in (clean, clean + others, others)]
    return NoteItem(name, parts[0], parts[1], parts[2], pluck_s, groups)


def from_onset(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the first moment that comes within 20 dB of the loudest."""
    size = RATE // 100
    power = np.mean(sound[: len(sound) // size * size].reshape(-1, size) ** 2, axis=1)
    first = int(np.flatnonzero(power >= power.max() * 10.0 ** (_ONSET_DB / 10.0))[0])
    return sound[max(0, first - 1) * size :]
