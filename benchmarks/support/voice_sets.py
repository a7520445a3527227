"""Voices in noise, at 16 kHz and full band."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soxr

from hushgate.training.evaluate.measures.base import Item
from support.recordings import (
    Mono,
    at_level,
    at_snr,
    find_recordings,
    looped,
    mixture,
    read_mono,
    shuffled,
    without_silent_ends,
)

VOICE_RATE, FULL_RATE = 16_000, 44_100
SNRS_DB = (-2.5, 2.5, 7.5, 12.5)
_QUIET_DB = -45.0
_HIGH_NOISE_HZ = (4_000.0, 8_000.0)


def high_noise(num_samples: int, rng: np.random.Generator, sample_rate: int = VOICE_RATE) -> Mono:
    """White noise in a random band between 4 and 8 kHz."""
    low = rng.uniform(_HIGH_NOISE_HZ[0], 5_500.0)
    high = rng.uniform(low * 1.3, _HIGH_NOISE_HZ[1])
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequency = np.fft.rfftfreq(num_samples, 1.0 / sample_rate)
    return np.fft.irfft(spectrum * ((frequency > low) & (frequency < high)), num_samples)


def with_upper_band(speech: Mono) -> Mono:
    """Speech of 16 kHz at 44.1 kHz, its band above 8 kHz mirrored from below (spectral folding).

    Read speech is mostly archived at 16 kHz; real voices have more above. The mirror image of 4 to
    8 kHz, falling by 18 dB an octave above 8 kHz, follows every consonant as the real band does.
    """
    folded = np.zeros(2 * len(speech))
    folded[::2] = 2.0 * speech
    spectrum = np.fft.rfft(folded)
    frequency = np.fft.rfftfreq(len(folded), 0.5 / VOICE_RATE)
    slope = (np.maximum(frequency, 8_000.0) / 8_000.0) ** -3.0
    result: Mono = soxr.resample(np.fft.irfft(spectrum * slope, len(folded)), 2 * VOICE_RATE, FULL_RATE)
    return result


def voice_set(folders: Sequence[Path], num_items: int, seed: int) -> list[Item]:
    """Unseen speakers in unseen noise at 16 kHz.

    Clips of 4 to 8 s; SNR of -2.5, 2.5, 7.5 and 12.5 dB in turn; every fifth in band-limited
    noise between 4 and 8 kHz, the others in recorded noise; every seventh very quiet (speech at
    -45 dBFS), the others at -38 to -16 dBFS.
    """
    return list(_voice_items(folders, num_items, seed, VOICE_RATE))


def full_band_voice_set(folders: Sequence[Path], num_items: int, seed: int) -> list[Item]:
    """The voice set at 44.1 kHz: noise at its full band, speech `with_upper_band`."""
    return list(_voice_items(folders, num_items, seed, FULL_RATE))


def _voice_items(folders: Sequence[Path], num_items: int, seed: int, sample_rate: int) -> Iterator[Item]:
    rng = np.random.default_rng(seed)
    voices, noises = (shuffled(find_recordings(folders, kind), rng) for kind in ("speech", "noise"))
    for index in range(num_items):
        voice = voices[index % len(voices)]
        speech = read_mono(voice.path, VOICE_RATE)
        num_samples = min(len(speech), round(rng.uniform(4.0, 8.0) * VOICE_RATE))
        start = int(rng.integers(len(speech) - num_samples + 1))
        speech = speech[start : start + num_samples]
        if sample_rate != VOICE_RATE:
            speech = with_upper_band(speech)
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
