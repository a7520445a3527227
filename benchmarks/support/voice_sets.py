"""Voices in noise, at 16 kHz and full band."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from hushgate.training.evaluate.measures.base import Item
from support.recordings import (
    Mono,
    Recording,
    at_level,
    at_snr,
    find_recordings,
    looped,
    mixture,
    read_mono,
    shuffled,
    without_silent_ends,
)

VOICE_RATE, FULL_RATE = 16_000, 48_000
# Recordings at lower rates have no band above 8 kHz, or half of one.
_LEAST_FULL_RATE = 44_100
SNRS_DB = (-2.5, 2.5, 7.5, 12.5)
_QUIET_DB = -45.0
_HIGH_NOISE_HZ = (4_000.0, 8_000.0)
_CLIP_S, _PAUSE_S = (4.0, 8.0), 0.3


def high_noise(num_samples: int, rng: np.random.Generator, sample_rate: int = VOICE_RATE) -> Mono:
    """White noise in a random band between 4 and 8 kHz."""
    low = rng.uniform(_HIGH_NOISE_HZ[0], 5_500.0)
    high = rng.uniform(low * 1.3, _HIGH_NOISE_HZ[1])
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequency = np.fft.rfftfreq(num_samples, 1.0 / sample_rate)
    return np.fft.irfft(spectrum * ((frequency > low) & (frequency < high)), num_samples)


def voice_set(folders: Sequence[Path], num_items: int, seed: int) -> list[Item]:
    """Unseen speakers in unseen noise at 16 kHz.

    Clips of 4 to 8 s; SNR of -2.5, 2.5, 7.5 and 12.5 dB in turn; every fifth in band-limited
    noise between 4 and 8 kHz, the others in recorded noise; every seventh very quiet (speech at
    -45 dBFS), the others at -38 to -16 dBFS.
    """
    return list(_voice_items(folders, find_recordings(folders, "speech"), num_items, seed, VOICE_RATE))


def full_band_voice_set(folders: Sequence[Path], num_items: int, seed: int) -> list[Item]:
    """The voice set at 48 kHz, from recordings of speech at 44.1 kHz or more; noise at its own band.

    Raises:
        ValueError: No folder holds such speech.
    """
    speech = find_recordings(folders, "speech")
    voices = [voice for voice in speech if soundfile.info(voice.path).samplerate >= _LEAST_FULL_RATE]
    if not voices:
        raise ValueError(
            f"--data must hold speech recorded at {_LEAST_FULL_RATE:,} Hz or more (got {len(speech)} "
            "recordings below). Use --set voice for these."
        )
    return list(_voice_items(folders, voices, num_items, seed, FULL_RATE))


def _clip(
    voices: Sequence[Recording], first: int, num_samples: int, rng: np.random.Generator, rate: int
) -> Mono:
    """A stretch of a recording; after short ones, others of the same speaker follow."""
    same = [voice for voice in voices if voice.label == voices[first].label]
    at = same.index(voices[first])
    parts = [read_mono(same[at].path, rate)]
    while sum(map(len, parts)) < round(_CLIP_S[0] * rate):
        at = (at + 1) % len(same)
        parts += [np.zeros(round(_PAUSE_S * rate)), read_mono(same[at].path, rate)]
    speech = np.concatenate(parts)
    num_samples = min(len(speech), num_samples)
    start = int(rng.integers(len(speech) - num_samples + 1))
    return speech[start : start + num_samples]


def _voice_items(
    folders: Sequence[Path], voices: Sequence[Recording], num_items: int, seed: int, sample_rate: int
) -> Iterator[Item]:
    rng = np.random.default_rng(seed)
    voices = shuffled(voices, rng)
    noises = shuffled(find_recordings(folders, "noise"), rng)
    for index in range(num_items):
        voice = voices[index % len(voices)]
        num_samples = round(rng.uniform(*_CLIP_S) * sample_rate)
        speech = _clip(voices, index % len(voices), num_samples, rng, sample_rate)
        if index % 5 == 4:
            noise, label = high_noise(len(speech), rng, sample_rate), "4-8 kHz band"
        else:
            recording = noises[index % len(noises)]
            source = without_silent_ends(read_mono(recording.path, sample_rate))
            noise, label = looped(source, len(speech), rng), recording.label
        quiet = index % 7 == 6
        speech = at_level(speech, _QUIET_DB if quiet else rng.uniform(-38.0, -16.0), sample_rate)
        # Four SNRs and groups of five and seven combine in all ways.
        snr_db = SNRS_DB[index % len(SNRS_DB)]
        yield mixture(
            f"{index:03d} {voice.label} {label}",
            speech,
            at_snr(speech, noise, snr_db),
            sample_rate,
            {
                "SNR": f"{snr_db:g} dB",
                "noise": label if label == "4-8 kHz band" else "recorded",
                "level": "-45 dBFS" if quiet else "-38 to -16 dBFS",
            },
        )
