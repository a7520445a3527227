"""Test sets of songs in hiss, and of guitars among other players."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hushgate.training.evaluate.measures.base import Item
from support.recordings import (
    Mono,
    at_level,
    at_snr,
    company,
    find_recordings,
    mixture,
    read_channels,
    read_mono,
    shuffled,
)

MUSIC_RATE, GUITAR_RATE = 44_100, 16_000
MUSIC_SNRS_DB = (10.0, 20.0, 30.0)
GUITAR_SNRS_DB = (0.0, 2.5, 5.0)
HISSES = ("white", "pink", "tape")
_SECONDS = 8.0
_QUIETEST_PART_DB = -55.0


def hiss(kind: str, num_samples: int, sample_rate: int, rng: np.random.Generator) -> Mono:
    """Steady noise of one kind: white, pink (-3 dB an octave) or tape.

    Tape noise has the response of a playback head: level below 500 Hz, rising by 6 dB an octave to
    4 kHz, flat above, and falling from 16 kHz; its level wanders by about 1 dB within seconds.
    """
    frequency = np.maximum(np.fft.rfftfreq(num_samples, 1.0 / sample_rate), 20.0)
    response = {
        "white": np.ones_like(frequency),
        "pink": frequency**-0.5,
        "tape": np.clip(frequency / 500.0, 1.0, 8.0) / (1.0 + (frequency / 16_000.0) ** 6),
    }[kind]
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(num_samples)) * response, num_samples)
    if kind == "tape":
        knots = np.linspace(0.0, num_samples, max(2, round(2 * num_samples / sample_rate)))
        noise *= 10.0 ** (np.interp(np.arange(num_samples), knots, rng.normal(0.0, 1.0, len(knots))) / 20.0)
    result: Mono = noise / np.sqrt(np.mean(noise**2))
    return result


def _sounding_part(
    audio: NDArray[np.float64], sample_rate: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """A stretch of 8 s, or all there is, that is not silence."""
    num_samples = min(audio.shape[-1], round(_SECONDS * sample_rate))
    for _ in range(20):
        start = int(rng.integers(audio.shape[-1] - num_samples + 1))
        part = audio[..., start : start + num_samples]
        if 10.0 * np.log10(np.mean(part**2) + 1e-20) > _QUIETEST_PART_DB:
            break
    return part


def music_set(folders: Sequence[Path], num_items: int, seed: int) -> list[Item]:
    """Songs at 44.1 kHz in white, pink and tape noise at 10, 20 and 30 dB, all nine in turn.

    8 s each, at -26 to -14 dBFS; mono files become two equal channels; the noise of each channel
    is independent of the other's.
    """
    rng = np.random.default_rng(seed)
    songs = shuffled(find_recordings(folders, "music"), rng)
    items = []
    for index in range(num_items):
        song = songs[index % len(songs)]
        sound = _sounding_part(read_channels(song.path, MUSIC_RATE), MUSIC_RATE, rng)
        sound = at_level(
            np.broadcast_to(sound[:2], (2, sound.shape[1])), rng.uniform(-26.0, -14.0), MUSIC_RATE
        )
        kind = HISSES[index % len(HISSES)]
        snr_db = MUSIC_SNRS_DB[index // len(HISSES) % len(MUSIC_SNRS_DB)]
        noise = np.stack([hiss(kind, sound.shape[1], MUSIC_RATE, rng) for _ in range(2)])
        groups = {"SNR": f"{snr_db:g} dB", "noise": kind}
        name = f"{index:03d} {song.path.stem} {kind}"
        items.append(mixture(name, sound, at_snr(sound, noise, snr_db), MUSIC_RATE, groups))
    return items


def guitar_set(folders: Sequence[Path], num_items: int, seed: int) -> list[Item]:
    """Guitars among two to four other instruments in a room's noise, at 0, 2.5 and 5 dB, 16 kHz.

    8 s each. The instruments are equally loud; the noise is a recording, 3 to 9 dB below their sum;
    the SNR is that of the guitar against everything else.
    """
    rng = np.random.default_rng(seed)
    guitars, others, noises = (find_recordings(folders, kind) for kind in ("guitar", "instrument", "noise"))
    guitars = shuffled(guitars, rng)
    items = []
    for index in range(num_items):
        guitar = guitars[index % len(guitars)]
        sound = _sounding_part(read_mono(guitar.path, GUITAR_RATE), GUITAR_RATE, rng)
        sound = at_level(sound, rng.uniform(-32.0, -16.0), GUITAR_RATE)
        num_players = 2 + index % 3
        rest, label = company(others, noises, num_players, len(sound), GUITAR_RATE, rng)
        # Three SNRs and three numbers of players: the shift combines each with every other.
        snr_db = GUITAR_SNRS_DB[(index + index // 3) % 3]
        items.append(
            mixture(
                f"{index:03d} {guitar.path.stem} {num_players} others, {label}",
                sound,
                at_snr(sound, rest, snr_db),
                GUITAR_RATE,
                {"SNR": f"{snr_db:g} dB", "others": str(num_players)},
            )
        )
    return items
