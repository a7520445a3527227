"""Changes that a denoiser must not care about: speed, equalizer, room, bandwidth, level, clipping.

Every function takes mono float32 (samples,) and a seeded `numpy.random.Generator` where chance is involved,
returns float32, and never writes to its input.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import fft, signal

Audio = NDArray[np.float32]

_SILENCE = 1e-9
# Where a fade-out ends, -90 dB.
_FADED = 10.0**-4.5


def level_db(audio: Audio) -> float:
    """Return the RMS level in dBFS; silence reads -180."""
    return float(20.0 * np.log10(np.sqrt(np.mean(np.square(audio, dtype=np.float64))) + _SILENCE))


def active_level_db(audio: Audio, sample_rate: float, window_ms: float = 20.0) -> float:
    """Return the RMS level of the loud parts in dBFS: windows within 30 dB of the loudest.

    Pauses do not lower it, so a sparse phrase and a dense one at the same SNR sound equally noisy.
    """
    size = max(1, round(sample_rate * window_ms / 1000.0))
    count = len(audio) // size
    if count == 0:
        return level_db(audio)
    energy = np.mean(np.square(audio[: count * size], dtype=np.float64).reshape(count, size), axis=1)
    active = energy[energy >= energy.max() * 1e-3]
    return float(10.0 * np.log10(active.mean() + _SILENCE**2))


def change_speed(audio: Audio, factor: float) -> Audio:
    """Play about `factor` times as fast, pitch and all, by band-limited interpolation of the whole piece."""
    padded = fft.next_fast_len(len(audio) + 256, real=True)
    # Both lengths suit the FFT, which moves the factor by a fraction of a percent: nobody needs it exact.
    target = fft.next_fast_len(round(padded / factor), real=True)
    spectrum = fft.rfft(np.pad(audio, (0, padded - len(audio))))
    bins = min(len(spectrum), target // 2 + 1)
    moved = np.zeros(target // 2 + 1, dtype=spectrum.dtype)
    moved[:bins] = spectrum[:bins]
    length = int(len(audio) * target / padded)
    return np.asarray(fft.irfft(moved, target)[:length] * (target / padded), dtype=np.float32)


def _apply_magnitude(audio: Audio, gain: NDArray[np.float64]) -> Audio:
    """Filter with a zero-phase magnitude response sampled on `len(gain)` bins, without wrapping round."""
    size = 2 * (len(gain) - 1)
    impulse = np.roll(fft.irfft(gain, size), size // 2) * np.hanning(size)
    return np.asarray(signal.oaconvolve(audio, impulse, mode="same"), dtype=np.float32)


def random_equalizer(audio: Audio, sample_rate: float, rng: Generator, range_db: float) -> Audio:
    """Colour with a smooth random response: up to `range_db` up or down at seven frequencies."""
    frequencies = np.linspace(0.0, sample_rate / 2.0, 257)
    points = np.concatenate([[0.0], np.geomspace(60.0, sample_rate / 2.0, 6)])
    gains_db = rng.uniform(-range_db, range_db, len(points))
    response = 10.0 ** (np.interp(frequencies, points, gains_db - gains_db.mean()) / 20.0)
    return _apply_magnitude(audio, response)


def limit_band(audio: Audio, sample_rate: float, low_hz: float, high_hz: float) -> Audio:
    """Keep what lies between two frequencies, as telephones, codecs and small microphones do."""
    nyquist = sample_rate / 2.0
    if high_hz < nyquist * 0.98:
        sections = signal.butter(8, high_hz, "lowpass", fs=sample_rate, output="sos")
        audio = np.asarray(signal.sosfilt(sections, audio), dtype=np.float32)
    if low_hz > 0.0:
        sections = signal.butter(2, low_hz, "highpass", fs=sample_rate, output="sos")
        audio = np.asarray(signal.sosfilt(sections, audio), dtype=np.float32)
    return audio


def keep_band(audio: Audio, sample_rate: float, low_hz: float, high_hz: float) -> Audio:
    """Keep a band and nothing else: zero phase, 96 dB an octave; edges at 0 Hz and Nyquist are open."""
    nyquist = sample_rate / 2.0
    if low_hz > 0.0:
        sections = signal.butter(8, low_hz, "highpass", fs=sample_rate, output="sos")
        audio = signal.sosfiltfilt(sections, audio)
    if high_hz < nyquist * 0.98:
        sections = signal.butter(8, high_hz, "lowpass", fs=sample_rate, output="sos")
        audio = signal.sosfiltfilt(sections, audio)
    return np.asarray(audio, dtype=np.float32)


def room_response(sample_rate: float, rng: Generator, decay_s: float, direct_db: float) -> Audio:
    """Return a synthetic room response: direct sound, sparse early reflections, a decaying diffuse tail.

    Args:
        decay_s: Time in which the tail falls by 60 dB, s; the top of the band falls faster, as in air.
        direct_db: Level of the direct sound against everything that follows, dB.
    """
    length = max(64, round(decay_s * sample_rate))
    time = np.arange(length) / sample_rate
    bright, dull = rng.standard_normal((2, length))
    dull = signal.lfilter([0.3], [1.0, -0.7], dull)
    tail = dull * 10.0 ** (-3.0 * time / decay_s) + 0.5 * bright * 10.0 ** (-3.0 * time / (0.5 * decay_s))
    tail[: round(rng.uniform(0.002, 0.012) * sample_rate)] = 0.0
    for _ in range(rng.integers(3, 9)):
        at = int(rng.uniform(0.001, 0.03) * sample_rate)
        if at < length:
            tail[at] += rng.choice([-1.0, 1.0]) * rng.uniform(1.0, 6.0)
    tail *= 10.0 ** (-direct_db / 20.0) / (np.sqrt(np.sum(tail**2)) + _SILENCE)
    tail[0] = 1.0
    return np.asarray(tail, dtype=np.float32)


def apply_room(audio: Audio, response: Audio) -> Audio:
    """Convolve with a room response, cut to the input's length."""
    return np.asarray(signal.oaconvolve(audio, response)[: len(audio)], dtype=np.float32)


def breaks(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Return gains (num_samples,) with one or two pauses or quiet passages.

    Each takes 0.4 to 2.2 s and begins with a fade-out that falls by 70 dB in 4 ms to 2 s: half of them into
    silence, half 15 to 50 dB down and no further. Sound returns within 2 to 300 ms.
    """
    time = np.arange(num_samples) / sample_rate
    gains = np.ones(num_samples)
    for _ in range(rng.integers(1, 3)):
        length = rng.uniform(0.4, 2.2)
        start = rng.uniform(-0.5 * length, num_samples / sample_rate - length / 3.0)
        fall_s, rise_s = (float(np.exp(rng.uniform(*np.log(ends)))) for ends in ((0.004, 2.0), (0.002, 0.3)))
        falling = 10.0 ** (-3.5 * np.maximum(time - start, 0.0) / fall_s)
        falling[falling < _FADED] = 0.0
        rest = 10.0 ** (-rng.uniform(15.0, 50.0) / 20.0) if rng.random() < 0.5 else 0.0
        rising = np.clip((time - start - length) / rise_s, 0.0, 1.0)
        gains *= np.maximum(np.where(time < start + length, falling, rising), rest)
    return np.asarray(gains, dtype=np.float32)


def clip_peaks(audio: Audio, share: float) -> Audio:
    """Clip at the level that leaves `share` (0..1) of the peak, as an overdriven input does."""
    peak = float(np.max(np.abs(audio), initial=0.0)) * share
    return np.clip(audio, -peak, peak) if peak > 0.0 else audio


def overdrive(audio: Audio, drive_db: float) -> Audio:
    """Distort like an amplifier, its RMS level `drive_db` - 12 dB above saturation; as loud as the input."""
    level = level_db(audio)
    if level < -100.0:
        return audio
    driven = np.tanh(audio * np.float32(10.0 ** ((drive_db - 12.0 - level) / 20.0)))
    return np.asarray(driven * 10.0 ** ((level - level_db(driven)) / 20.0), dtype=np.float32)
