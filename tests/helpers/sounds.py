"""Sounds and small measurements for the engine's tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hushgate.engine import BlockDenoiser

Audio = NDArray[np.float32]

RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)


def noise(rng: np.random.Generator, num_channels: int, num_samples: int, level: float = 0.1) -> Audio:
    return (rng.standard_normal((num_channels, num_samples)) * level).astype(np.float32)


def sine(sample_rate: float, frequency_hz: float, seconds: float, amplitude: float = 1.0) -> Audio:
    """One channel."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return (amplitude * np.sin(2 * np.pi * frequency_hz * time)).astype(np.float32)[None]


def run(denoiser: BlockDenoiser, audio: Audio, block_sizes: int | Iterable[int]) -> Audio:
    """Process all of `audio` in blocks of one size, or of the sizes given in turn."""
    sizes = iter(
        [block_sizes] * (audio.shape[1] // block_sizes + 1) if isinstance(block_sizes, int) else block_sizes
    )
    parts, done = [np.empty((audio.shape[0], 0), np.float32)], 0
    while done < audio.shape[1]:
        size = next(sizes)
        parts.append(denoiser.process(audio[:, done : done + size]))
        done += size
    return np.concatenate(parts, axis=1)


def run_aligned(denoiser: BlockDenoiser, audio: Audio, block_size: int = 4096) -> Audio:
    """Process from a fresh start and take the latency out: as long as `audio`, and in time with it."""
    denoiser.reset()
    delayed = np.concatenate([run(denoiser, audio, block_size), denoiser.flush()], axis=1)
    return delayed[:, denoiser.latency_samples :]


def decibels(gain: float | NDArray[np.floating]) -> float | NDArray[np.floating]:
    return 20.0 * np.log10(np.maximum(np.abs(gain), 1e-15))


def rms(audio: Audio) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def level_of_tone(
    audio: Audio, sample_rate: float, frequency_hz: float, width_s: float
) -> NDArray[np.float64]:
    """Amplitude of a tone over time in one channel, by demodulation and a Hann average of `width_s`."""
    time = np.arange(audio.shape[-1]) / sample_rate
    shifted = audio.reshape(-1) * np.exp(-2j * np.pi * frequency_hz * time)
    window = np.hanning(round(width_s * sample_rate))
    smooth = np.convolve(shifted, window / window.sum(), mode="same")
    return 2.0 * np.abs(smooth)


def largest_difference(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """The largest difference of two sounds of one shape; pytest.approx takes seconds for as many samples."""
    assert one.shape == other.shape
    return float(np.max(np.abs(one - other), initial=0.0))


def assert_close(
    found: NDArray[Any], expected: NDArray[Any] | float, *, rel: float = 0.0, abs: float = 0.0
) -> None:
    """As `found == pytest.approx(expected, rel=rel, abs=abs)`, which takes seconds for long sounds."""
    wanted = np.broadcast_to(expected, found.shape)
    distance = np.abs(found - wanted)
    beyond = ~(distance <= np.maximum(rel * np.abs(wanted), abs))
    assert not beyond.any(), f"{beyond.sum()} of {beyond.size} differ, by up to {distance.max():g}"


def mains_hum(
    frequency_hz: float | NDArray[np.float64],
    num_samples: int,
    sample_rate: float,
    *,
    orders: Sequence[int] = range(1, 13),
    level_db: float = -38.0,
    num_channels: int = 1,
    seed: int = 1,
) -> NDArray[np.float32]:
    """Lines of random phases whose levels fall as 1 / order, float32 (channels, samples).

    Args:
        frequency_hz: Of the mains: one, or one for each sample.
        orders: Multiples of it.
        level_db: RMS of all channels, dBFS.
    """
    rng = np.random.default_rng(seed)
    phase = 2.0 * np.pi * np.cumsum(np.broadcast_to(frequency_hz, num_samples)) / sample_rate
    hum = np.zeros((num_channels, num_samples))
    for order in orders:
        if order * float(np.max(frequency_hz)) >= 0.49 * sample_rate:
            break
        shares = rng.uniform(0.5, 1.0, (num_channels, 1)) / order
        hum += shares * np.cos(order * phase + rng.uniform(0.0, 2.0 * np.pi, (num_channels, 1)))
    hum *= 10.0 ** (level_db / 20.0) / np.sqrt(np.mean(hum**2))
    return hum.astype(np.float32)


def power_db(sound: NDArray[np.float32]) -> float:
    """Level (RMS), dBFS; -200 for silence."""
    return float(10.0 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-20))
