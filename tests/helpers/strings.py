"""Plucked strings whose pitch is known exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

# Open strings from E1 to E6, Hz, with an inharmonicity that is usual there.
STRINGS = {
    "E1": (41.203, 3e-4),
    "A1": (55.0, 2e-4),
    "E2": (82.407, 1.5e-4),
    "A2": (110.0, 1e-4),
    "D3": (146.832, 1e-4),
    "G3": (195.998, 5e-5),
    "E4": (329.628, 3e-5),
    "A4": (440.0, 3e-5),
    "E5": (659.255, 2e-5),
    "E6": (1318.51, 1e-5),
}
PLUCK_S = 0.3


def pluck(
    frequency_hz: float,
    *,
    inharmonicity: float = 1e-4,
    sample_rate: float = 48_000,
    seconds: float = 1.5,
    seed: int = 0,
    first_partial: float = 1.0,
) -> NDArray[np.float32]:
    """Silence until `PLUCK_S`, then a stiff string with losses, and the noise of the pick.

    Args:
        frequency_hz: Of the first partial, Hz.
        inharmonicity: B of f_n = n f sqrt(1 + B n^2).
        first_partial: Its strength, 0 to 1: a small microphone loses the lowest.

    Returns:
        float32, 1-D, with a peak of 0.3.
    """
    rng = np.random.default_rng(seed)
    num_samples = round(seconds * sample_rate)
    time = np.arange(num_samples) / sample_rate
    place = rng.uniform(0.12, 0.3)  # where the string is plucked, as a share of its length
    decay_s = np.clip(8.0 * (82.0 / frequency_hz) ** 0.5, 1.0, 10.0)
    sound = np.zeros(num_samples)
    stiffness = np.sqrt(1.0 + inharmonicity)
    for n in range(1, 41):
        partial_hz = n * frequency_hz / stiffness * np.sqrt(1.0 + inharmonicity * n * n)
        if partial_hz > 0.45 * sample_rate:
            break
        level = np.sin(np.pi * n * place) / n**1.3 * (first_partial if n == 1 else 1.0)
        phase = rng.uniform(0.0, 2.0 * np.pi)
        loss = np.exp(-6.9 / decay_s * (1.0 + 0.15 * n) * time)
        sound += level * loss * np.sin(2.0 * np.pi * partial_hz * time + phase)
    sound *= np.minimum(time / 0.002, 1.0)
    sound += 0.1 * rng.standard_normal(num_samples) * np.exp(-time / 0.008)
    silence = np.zeros(round(PLUCK_S * sample_rate))
    return np.concatenate([silence, 0.3 * sound / np.abs(sound).max()]).astype(np.float32)


def coloured_noise(
    num_samples: int, slope: float, *, sample_rate: float = 48_000, seed: int = 0
) -> NDArray[np.float32]:
    """Noise whose power falls with frequency to the power of `slope`; RMS of 0.1."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequency = np.maximum(np.fft.rfftfreq(num_samples, 1.0 / sample_rate), 20.0)
    sound = np.fft.irfft(spectrum * frequency ** (-slope / 2.0), num_samples)
    return np.asarray(0.1 * sound / sound.std(), dtype=np.float32)


def precision_table(detunings_cents: Sequence[float] = (-37.3, -4.7, 0.0, 11.1, 23.9)) -> Iterator[str]:
    """Rows of Markdown: how exactly, and how soon, the tuner reads each of `STRINGS`."""
    from hushgate import Tuner

    yield "| string | Hz | B | median error | 95 % | largest | first reading |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    tuner = Tuner(hold_ms=0.0)
    for name, (hz, inharmonicity) in STRINGS.items():
        errors, firsts = [], []
        for seed, cents in enumerate(detunings_cents):
            true_hz = hz * 2.0 ** (cents / 1200.0)
            # Plucked at another place between two readings each time.
            sound = pluck(true_hz, inharmonicity=inharmonicity, seed=seed)[seed * 233 :]
            shown = [reading for reading in tuner(sound, 48_000) if reading.frequency_hz is not None]
            errors += [abs(1200.0 * np.log2((reading.frequency_hz or hz) / true_hz)) for reading in shown]
            firsts.append(1000.0 * (shown[0].time_s - PLUCK_S + seed * 233 / 48_000))
        cells = [f"{np.median(errors):.3f}", f"{np.quantile(errors, 0.95):.2f}", f"{max(errors):.1f}"]
        first = f"{min(firsts):.0f}-{max(firsts):.0f}"
        yield f"| {name} | {hz:.1f} | {inharmonicity:g} | {' | '.join(cells)} | {first} |"


if __name__ == "__main__":
    for row in precision_table():
        print(row, flush=True)
