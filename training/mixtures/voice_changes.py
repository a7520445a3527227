"""Voices that no free recordings hold, made from those that they do: whispered, shouted, sung, a child's.

Every function takes mono float32 (samples,), a rate in Hz and a seeded generator, and returns float32 of the
same length at about the same level.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import signal

from hushgate.training.mixtures.augmentations import change_speed, level_db, overdrive

Audio = NDArray[np.float32]
VoiceChange = Callable[[Audio, float, Generator], Audio]

_FRAME_S = 0.021
# Quefrencies below this are the vocal tract, above it the pitch: a pitch of 500 Hz has 2 ms.
_TRACT_S = 0.0018
_TINY = 1e-7
# Steps of a major and a minor scale, semitones.
_SCALES = ((0, 2, 4, 5, 7, 9, 11, 12), (0, 2, 3, 5, 7, 8, 10, 12))


def whisper(audio: Audio, sample_rate: float, rng: Generator) -> Audio:
    """Let noise speak: the envelope of the spectrum stays, what the vocal folds did goes.

    The envelope is the cepstrum below 1.8 ms, as linear prediction would give it; a whisper has less below
    700 Hz than a voice.
    """
    frame = 2 * round(0.5 * _FRAME_S * sample_rate)
    hop = frame // 4
    frequency, _, spectrum = signal.stft(audio, sample_rate, nperseg=frame, noverlap=frame - hop)
    logarithm = np.log(np.abs(spectrum) + _TINY)
    cepstrum = np.fft.irfft(logarithm, axis=0)
    keep = round(_TRACT_S * sample_rate)
    cepstrum[keep : frame - keep + 1] = 0.0
    envelope = np.exp(np.fft.rfft(cepstrum, axis=0).real)
    tilt = 1.0 / np.sqrt(1.0 + (rng.uniform(400.0, 900.0) / np.maximum(frequency, 20.0)) ** 2)
    noise = rng.standard_normal(len(audio), dtype=np.float32)
    _, _, carrier = signal.stft(noise, sample_rate, nperseg=frame, noverlap=frame - hop)
    carrier /= np.sqrt(np.mean(np.abs(carrier) ** 2)) + _TINY
    _, made = signal.istft(
        envelope * tilt[:, None] * carrier, sample_rate, nperseg=frame, noverlap=frame - hop
    )
    return _as_loud(_fit(made, len(audio)), audio)


def child(audio: Audio, sample_rate: float, rng: Generator) -> Audio:
    """Raise pitch and formants together by a quarter to a half, as a shorter throat does."""
    return _fit(change_speed(audio, float(rng.uniform(1.22, 1.5))), len(audio))


def shout(audio: Audio, sample_rate: float, rng: Generator) -> Audio:
    """Raise the pitch, tilt the spectrum upward by 6 dB an octave from 300 to 2400 Hz, and compress."""
    raised = _fit(change_speed(audio, float(rng.uniform(1.08, 1.25))), len(audio))
    tilted = signal.lfilter(*_shelf(300.0, 2400.0, sample_rate), raised)
    return _as_loud(overdrive(np.asarray(tilted, np.float32), float(rng.uniform(6.0, 14.0))), audio)


def song(audio: Audio, sample_rate: float, rng: Generator) -> Audio:
    """Move the pitch onto a melody with vibrato: notes of a scale, 0.2 to 0.8 s each."""
    scale = np.array(_SCALES[int(rng.integers(len(_SCALES)))]) - 4.0
    count = len(audio)
    semitones = np.zeros(count)
    at = 0
    while at < count:
        end = at + int(rng.uniform(0.2, 0.8) * sample_rate)
        semitones[at:end] = rng.choice(scale)
        at = end
    glide = max(1, round(0.04 * sample_rate))
    smooth = np.cumsum(np.pad(semitones, (glide, 0), mode="edge"))
    semitones = (smooth[glide:] - smooth[:-glide]) / glide
    time = np.arange(count) / sample_rate
    semitones += rng.uniform(0.1, 0.6) * np.sin(2.0 * np.pi * rng.uniform(4.5, 6.5) * time)
    place = np.cumsum(2.0 ** (semitones / 12.0))
    # Past the end it begins again: a pitch above the spoken one needs more sound than there is.
    return np.interp(place % count, np.arange(count), audio).astype(np.float32)


VOICE_CHANGES: dict[str, VoiceChange] = {"whisper": whisper, "child": child, "shout": shout, "song": song}
"""Every change, by the name that notes of a mixture use."""


def _shelf(
    low_hz: float, high_hz: float, sample_rate: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A filter that rises by 6 dB an octave between two frequencies."""
    zero, pole = (np.exp(-2.0 * np.pi * hz / sample_rate) for hz in (low_hz, high_hz))
    gain = (1.0 - pole) / (1.0 - zero)
    return np.array([gain, -gain * zero]), np.array([1.0, -pole])


def _fit(audio: NDArray[np.floating], count: int) -> Audio:
    """Cut to a length, or repeat from the beginning up to it."""
    return np.resize(audio, count).astype(np.float32) if len(audio) else np.zeros(count, np.float32)


def _as_loud(audio: Audio, model: Audio) -> Audio:
    gain = 10.0 ** ((level_db(model) - level_db(audio)) / 20.0) if level_db(model) > -100.0 else 0.0
    return np.asarray(audio * np.float32(min(gain, 1e3)), np.float32)
