"""Noise generators with random parameters, drawn from a seed.

Every generator takes (num_samples, sample_rate, rng) and returns mono float32 of RMS level about 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import fft, signal

Audio = NDArray[np.float32]
NoiseGenerator = Callable[[int, float, Generator], Audio]


def _unit(audio: NDArray[np.floating]) -> Audio:
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
    return np.asarray(audio / max(rms, 1e-9), dtype=np.float32)


def shaped(num_samples: int, sample_rate: float, rng: Generator, response: NDArray[np.floating]) -> Audio:
    """Gaussian noise with a magnitude response given on equally spaced frequencies from 0 Hz to Nyquist."""
    size = fft.next_fast_len(num_samples, real=True)
    spectrum = fft.rfft(rng.standard_normal(size, dtype=np.float32))
    grid = np.linspace(0.0, 1.0, len(response))
    gain = np.interp(np.linspace(0.0, 1.0, len(spectrum)), grid, response)
    return _unit(fft.irfft(spectrum * gain.astype(np.float32), size)[:num_samples])


def _slope(sample_rate: float, db_per_octave: float) -> NDArray[np.float64]:
    frequencies = np.maximum(np.linspace(0.0, sample_rate / 2.0, 2049), 20.0)
    return np.asarray((frequencies / 1000.0) ** (db_per_octave / 6.02))


def coloured(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """White, pink, brown, blue and everything between: a spectrum that falls or rises evenly."""
    slope = rng.choice([0.0, -3.0, -6.0, rng.uniform(-9.0, 5.0)])
    return shaped(num_samples, sample_rate, rng, _slope(sample_rate, float(slope)))


def white(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Gaussian static: independent samples, the same power at every frequency."""
    return _unit(rng.standard_normal(num_samples, dtype=np.float32))


def pink(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Noise that falls by 3 dB an octave: the same power in every octave."""
    return shaped(num_samples, sample_rate, rng, _slope(sample_rate, -3.01))


def random_spectrum(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Stationary noise with a random smooth spectrum: fans, ventilation, traffic far away, preamplifiers."""
    points = rng.integers(4, 24)
    knots = np.linspace(0.0, 1.0, points)
    level_db = np.cumsum(rng.normal(0.0, rng.uniform(2.0, 8.0), points)) + np.linspace(
        0.0, -rng.uniform(0.0, 40.0), points
    )
    response = 10.0 ** (np.interp(np.linspace(0.0, 1.0, 1025), knots, level_db) / 20.0)
    return shaped(num_samples, sample_rate, rng, response)


def band(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Noise confined to a band anywhere, a third of an octave to several octaves wide."""
    nyquist = sample_rate / 2.0
    centre = np.exp(rng.uniform(np.log(100.0), np.log(0.9 * nyquist)))
    width = rng.uniform(0.3, 3.0)
    return _band_noise(num_samples, sample_rate, rng, centre * 2 ** (-width / 2), centre * 2 ** (width / 2))


def high_band(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """High-frequency hiss: noise between 2.5-5 kHz and the top."""
    low = rng.uniform(2500.0, 5000.0)
    high = rng.choice([sample_rate / 2.0, rng.uniform(6500.0, 9000.0)])
    return _band_noise(num_samples, sample_rate, rng, low, float(high))


def _band_noise(num_samples: int, sample_rate: float, rng: Generator, low: float, high: float) -> Audio:
    frequencies = np.linspace(0.0, sample_rate / 2.0, 4097)
    inside = (frequencies >= low) & (frequencies <= max(high, low + 100.0))
    if rng.random() < 0.5:
        return shaped(num_samples, sample_rate, rng, inside.astype(np.float64))
    edge = signal.windows.hann(rng.integers(5, 200))
    return shaped(num_samples, sample_rate, rng, np.convolve(inside, edge / edge.sum(), mode="same"))


def tape_hiss(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Hiss of tape and amplifiers: rises towards the top, sometimes rolled off at its end."""
    frequencies = np.linspace(0.0, sample_rate / 2.0, 2049)
    corner = rng.uniform(800.0, 6000.0)
    response = (0.05 + (frequencies / corner) ** 2 / (1.0 + (frequencies / corner) ** 2)) * (
        np.maximum(frequencies, 50.0) / 1000.0
    ) ** rng.uniform(0.0, 0.6)
    if rng.random() < 0.4:
        response /= 1.0 + (frequencies / rng.uniform(0.5 * sample_rate / 2, sample_rate / 2)) ** 8
    return shaped(num_samples, sample_rate, rng, response)


def _wander(time: NDArray[np.float64], num_points: int, spread: float, rng: Generator) -> NDArray[np.float64]:
    """A slow random course around 0: straight lines between normally distributed points."""
    return np.interp(time, np.linspace(0.0, time[-1], num_points), rng.normal(0.0, spread, num_points))


def _harmonics(
    phase: NDArray[np.float64], amplitudes: NDArray[np.float64], rng: Generator
) -> NDArray[np.float64]:
    # Powers of one rotating phasor cost one multiplication per harmonic instead of a sine.
    phasor = np.exp(1j * phase)
    power = np.ones_like(phasor)
    audio = np.zeros(len(phase))
    for amplitude in amplitudes:
        power *= phasor
        if amplitude:
            audio += (power * (amplitude * np.exp(2j * np.pi * rng.random()))).imag
    return audio


def hum(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Mains hum and buzz: 50 or 60 Hz (drifting by a little) with harmonics up to a random order."""
    time = np.arange(num_samples) / sample_rate
    mains = rng.choice([50.0, 60.0]) * (1.0 + rng.normal(0.0, 0.001))
    falloff = rng.uniform(0.3, 2.0)
    only_odd = rng.random() < 0.3
    highest = int(min(rng.choice([3, 10, 40, 80]), sample_rate / 2.0 / mains - 1))
    amplitudes = np.arange(1, highest + 1) ** -falloff * rng.uniform(0.2, 1.0, highest)
    if only_odd:
        amplitudes[1::2] = 0.0
    audio = _harmonics(2.0 * np.pi * mains * time, amplitudes, rng)
    if rng.random() < 0.5:
        audio += rng.uniform(0.01, 0.3) * coloured(num_samples, sample_rate, rng)
    return _unit(audio)


def interference(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Electrical interference: a dimmer's buzz, a telephone's bursts or a converter's whine, with hum."""
    time = np.arange(num_samples) / sample_rate
    nyquist = sample_rate / 2.0
    source = rng.integers(3)
    if source == 0:  # a dimmer cuts every half-wave of the mains: short ringing pulses
        rate = 2.0 * rng.choice([50.0, 60.0]) * (1.0 + rng.normal(0.0, 0.001))
        since = np.mod(time * rate + rng.random(), 1.0) / rate
        audio = np.exp(-since / rng.uniform(1e-4, 1e-3)) * np.cos(
            2.0 * np.pi * rng.uniform(0.1, 0.8) * nyquist * since
        )
    elif source == 1:  # time slots of GSM: 577 us long, 4.615 ms apart, in calls of some hundred milliseconds
        slot = np.mod(time + rng.random(), 4.615e-3) < 0.577e-3
        period = rng.uniform(0.3, 2.0)
        calling = np.mod(time + rng.uniform(0.0, period), period) < rng.uniform(0.1, 0.9) * period
        pulses = (slot & calling).astype(np.float64)
        audio = signal.lfilter([1.0, -1.0], [1.0, -rng.uniform(0.5, 0.95)], pulses)
        audio += 1e-3 * rng.standard_normal(num_samples)
    else:  # a switching converter, wandering with its load
        base = rng.uniform(0.1, 0.9) * nyquist
        wander = _wander(time, 12, rng.uniform(0.0, 0.02), rng)
        phase = 2.0 * np.pi * np.cumsum(base * (1.0 + wander)) / sample_rate
        audio = np.sin(phase) * (1.0 + rng.uniform(0.0, 0.8) * np.sin(2.0 * np.pi * 100.0 * time))
    return _unit(_unit(audio) + rng.uniform(0.0, 0.7) * hum(num_samples, sample_rate, rng))


def machine(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Engines, drills, vacuum cleaners: a wandering harmonic tone, throbbing, within broadband noise."""
    time = np.arange(num_samples) / sample_rate
    base = np.exp(rng.uniform(np.log(25.0), np.log(900.0)))
    wander = _wander(time, 8, rng.uniform(0.0, 0.08), rng)
    phase = 2.0 * np.pi * np.cumsum(base * (1.0 + wander)) / sample_rate
    highest = int(max(1, min(30, sample_rate / 2.2 / base)))
    amplitudes = rng.uniform(0.0, 1.0, highest) * np.arange(1, highest + 1) ** -rng.uniform(0.2, 1.5)
    tone = _harmonics(phase, amplitudes, rng)
    noise = random_spectrum(num_samples, sample_rate, rng)
    rate = rng.uniform(2.0, 40.0)
    throb = 1.0 + rng.uniform(0.0, 0.9) * np.sin(2.0 * np.pi * rate * time)
    return _unit(_unit(tone) * rng.uniform(0.2, 1.5) + noise * throb)


def _decaying_bursts(
    num_samples: int, sample_rate: float, rng: Generator, per_second: float, decay_ms: tuple[float, float]
) -> NDArray[np.float64]:
    audio = np.zeros(num_samples)
    for _ in range(rng.poisson(per_second * num_samples / sample_rate) + 1):
        decay = rng.uniform(*decay_ms) / 1000.0 * sample_rate
        length = int(min(6.0 * decay + 8.0, num_samples))
        at = int(rng.integers(0, num_samples))
        length = min(length, num_samples - at)
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / decay)
        if rng.random() < 0.5:
            tone = np.exp(rng.uniform(np.log(300.0), np.log(0.45 * sample_rate)))
            burst = burst * 0.3 + np.sin(2 * np.pi * tone * np.arange(length) / sample_rate) * np.exp(
                -np.arange(length) / decay
            )
        audio[at : at + length] += burst * 10.0 ** (rng.uniform(-20.0, 0.0) / 20.0)
    return audio


def clicks(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Keyboards, cutlery, doors, footsteps: short bursts, some ringing, irregularly spaced."""
    per_second = np.exp(rng.uniform(np.log(1.0), np.log(15.0)))
    audio = _decaying_bursts(num_samples, sample_rate, rng, per_second, (1.0, rng.uniform(5.0, 60.0)))
    return _unit(audio + 0.01 * random_spectrum(num_samples, sample_rate, rng) * audio.std())


def crackle(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Vinyl crackle, fire, rain drops: many very short ticks over a bed of hiss or rumble."""
    per_second = np.exp(rng.uniform(np.log(8.0), np.log(150.0)))
    audio = _decaying_bursts(num_samples, sample_rate, rng, per_second, (0.1, rng.uniform(0.5, 4.0)))
    bed = coloured(num_samples, sample_rate, rng)
    return _unit(audio / (audio.std() + 1e-9) + rng.uniform(0.02, 0.6) * bed)


def wind(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Wind on a microphone: low rumble in gusts."""
    rumble = shaped(num_samples, sample_rate, rng, _slope(sample_rate, rng.uniform(-15.0, -7.0)))
    return _unit(rumble * _moving_gain(num_samples, sample_rate, rng, 15.0))


def beeps(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Alarms, telephones, machines that beep: steady or sweeping tones, switched on and off."""
    time = np.arange(num_samples) / sample_rate
    audio = np.zeros(num_samples)
    for _ in range(rng.integers(1, 4)):
        frequency = np.exp(rng.uniform(np.log(200.0), np.log(0.4 * sample_rate)))
        sweep = rng.choice([0.0, rng.uniform(-0.5, 0.5)])
        phase = 2.0 * np.pi * frequency * (time + sweep * np.sin(2 * np.pi * rng.uniform(0.2, 6.0) * time))
        on = signal.square(
            2 * np.pi * rng.uniform(0.3, 8.0) * time + rng.uniform(0, 6), rng.uniform(0.2, 1.0)
        )
        audio += np.sin(phase) * (on > 0) * rng.uniform(0.2, 1.0)
    return _unit(audio + 0.02 * coloured(num_samples, sample_rate, rng))


def sustained(num_samples: int, sample_rate: float, rng: Generator) -> Audio:
    """Bowed and blown tones of no instrument in particular: harmonics that sound on instead of fading.

    Against these a model of plucked strings cannot learn the few timbres of a soundfont by heart.
    """
    pitch, level = _sustained_notes(num_samples, sample_rate, rng)
    time = np.arange(num_samples) / sample_rate
    wander = _wander(time, 24, 0.002, rng)
    vibrato = rng.choice([0.0, rng.uniform(0.0, 0.02)]) * np.sin(2.0 * np.pi * rng.uniform(4.0, 7.0) * time)
    pitch = pitch * (1.0 + wander + vibrato)
    phase = 2.0 * np.pi * np.cumsum(pitch) / sample_rate
    highest = int(max(1, min(60, sample_rate / 2.0 / pitch.max() - 1)))
    order = np.arange(1, highest + 1)
    # Crossfade between two timbres, as under a moving bow or a changing breath.
    tilt, blend = rng.uniform(0.3, 2.2), _moving_gain(num_samples, sample_rate, rng, 12.0)
    is_closed_pipe = rng.random() < 0.2
    tones = []
    for _ in range(2):
        amplitudes = order**-tilt * 10.0 ** (rng.normal(0.0, rng.uniform(1.0, 8.0), highest) / 20.0)
        if is_closed_pipe:
            amplitudes[1::2] *= rng.uniform(0.02, 0.3)
        tones.append(_unit(_harmonics(phase, amplitudes, rng)))
    tone = tones[0] * blend + tones[1] * (1.0 - blend)
    breath = 10.0 ** (rng.uniform(-45.0, -18.0) / 20.0) * random_spectrum(num_samples, sample_rate, rng)
    return _unit((tone + breath) * level * _moving_gain(num_samples, sample_rate, rng, rng.uniform(0.0, 6.0)))


def _sustained_notes(
    num_samples: int, sample_rate: float, rng: Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pitch, Hz, and envelope of notes one after the other; the first may have begun before."""
    pitch, level = np.empty(num_samples), np.zeros(num_samples)
    frequency = np.exp(rng.uniform(np.log(50.0), np.log(1000.0)))
    longest_s, longest_gap_s = rng.choice([0.6, 2.0, 8.0]), rng.choice([0.0, 0.05, 0.6])
    start = -int(rng.uniform(0.0, 0.5) * sample_rate)
    while start < num_samples:
        length = int(rng.uniform(0.3, 1.0) * longest_s * sample_rate)
        attack, release = (int(np.exp(rng.uniform(np.log(0.005), np.log(0.2))) * sample_rate) for _ in "ab")
        time = np.arange(length)
        shape = np.clip(np.minimum((time + 1) / attack, (length - time) / release), 0.0, 1.0)
        end = start + length + int(rng.uniform(0.0, longest_gap_s) * sample_rate)
        first, last = max(0, start), min(num_samples, start + length)
        if first < last:
            level[first:last] = shape[first - start : last - start]
        pitch[first : max(first, end)] = frequency
        frequency = float(np.clip(frequency * 2.0 ** (rng.integers(-7, 8) / 12.0), 45.0, 1200.0))
        start = end
    return pitch, level


def _moving_gain(
    num_samples: int, sample_rate: float, rng: Generator, range_db: float
) -> NDArray[np.float64]:
    points = max(2, int(num_samples / sample_rate * rng.uniform(0.5, 4.0)) + 2)
    levels = rng.uniform(-range_db, 0.0, points)
    curve = np.interp(np.linspace(0, points - 1, num_samples), np.arange(points), levels)
    return np.asarray(10.0 ** (curve / 20.0))


def with_moving_level(audio: Audio, sample_rate: float, rng: Generator, range_db: float) -> Audio:
    """Let a noise swell and fade by up to `range_db`, at random points one to four times a second."""
    return np.asarray(audio * _moving_gain(len(audio), sample_rate, rng, range_db), dtype=np.float32)


_RANDOM: dict[str, NoiseGenerator] = {
    "coloured": coloured,
    "random_spectrum": random_spectrum,
    "band": band,
    "high_band": high_band,
    "tape_hiss": tape_hiss,
    "hum": hum,
    "machine": machine,
    "clicks": clicks,
    "crackle": crackle,
    "wind": wind,
    "beeps": beeps,
}

RANDOM_NAMES = list(_RANDOM)
"""What "synthesized" draws from; fixed, because the examples of trained models depend on it."""

GENERATORS: dict[str, NoiseGenerator] = {
    **_RANDOM,
    "white": white,
    "pink": pink,
    "interference": interference,
    "sustained": sustained,
}
"""Every generator, by the name that configurations use."""
