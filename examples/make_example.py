"""Make noisy_speech.flac: a synthetic voice in synthetic rain, with mains hum.

Needs the program espeak-ng and the packages numpy, soundfile and soxr (extra "train").
The same version of espeak-ng gives the same file.

    python examples/make_example.py
    python examples/make_example.py --snr-db 0 --clean /tmp/clean.flac -o /tmp/noisy.flac
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
TEXT = (
    "Good evening. It has been raining on this roof all day, "
    "and the lamp behind me hums. Now you should hear only the voice."
)
LEAD_IN_S, LEAD_OUT_S = 0.8, 0.8
SPEECH_DB = -24.0
HUM_HZ = 50.0

Audio = NDArray[np.float64]


def speak(text: str) -> Audio:
    """Read a text with espeak-ng; mono at 48 kHz with silence before and after."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["espeak-ng", "-v", "en-gb-x-rp", "-s", "165", "-w", str(path), text], check=True)
        speech, rate = soundfile.read(path)
    speech = soxr.resample(speech, rate, SAMPLE_RATE)
    return np.pad(speech, (round(LEAD_IN_S * SAMPLE_RATE), round(LEAD_OUT_S * SAMPLE_RATE)))


def shaped_noise(rng: np.random.Generator, num_samples: int, low_hz: float, high_hz: float) -> Audio:
    """Noise that falls by 3 dB per octave between two soft edges."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequency = np.fft.rfftfreq(num_samples, 1.0 / SAMPLE_RATE) + 1.0
    gain = frequency**-0.5 / (1.0 + (low_hz / frequency) ** 4) / (1.0 + (frequency / high_hz) ** 4)
    return np.fft.irfft(spectrum * gain, num_samples)


def rain(rng: np.random.Generator, num_samples: int, drops_per_s: float = 90.0) -> Audio:
    """A steady rush, rising and falling slowly, and single drops of many pitches over it."""
    rush = shaped_noise(rng, num_samples, 400.0, 9_000.0)
    rush /= np.sqrt(np.mean(rush**2))
    time = np.arange(num_samples) / SAMPLE_RATE
    rush *= 1.0 + 0.25 * np.sin(2 * np.pi * 0.23 * time + 1.0) + 0.15 * np.sin(2 * np.pi * 0.61 * time)
    drops = np.zeros(num_samples)
    length = SAMPLE_RATE // 50
    drop_time = np.arange(length) / SAMPLE_RATE
    for _ in range(rng.poisson(drops_per_s * num_samples / SAMPLE_RATE)):
        start = int(rng.integers(0, num_samples - length))
        pitch, decay = rng.uniform(1_500.0, 7_000.0), rng.uniform(0.001, 0.004)
        ring = np.sin(2 * np.pi * pitch * drop_time) * np.exp(-drop_time / decay)
        drops[start : start + length] += rng.lognormal(0.6, 0.7) * ring
    return rush + drops


def hum(num_samples: int) -> Audio:
    """Mains hum: 50 Hz and harmonics, the odd ones stronger."""
    time = np.arange(num_samples) / SAMPLE_RATE
    partials = (
        (1, 1.0),
        (2, 0.35),
        (3, 0.7),
        (4, 0.15),
        (5, 0.5),
        (7, 0.3),
        (9, 0.2),
        (11, 0.12),
        (13, 0.08),
    )
    parts = [level * np.sin(2 * np.pi * HUM_HZ * order * time + order) for order, level in partials]
    return np.sum(parts, axis=0)


def make(snr_db: float, seed: int) -> tuple[Audio, Audio]:
    """The noisy mixture and the clean speech in it, at the same level."""
    rng = np.random.default_rng(seed)
    speech = speak(TEXT)
    loud = speech[np.abs(speech) > 0.01 * np.abs(speech).max()]
    speech *= 10.0 ** (SPEECH_DB / 20.0) / np.sqrt(np.mean(loud**2))
    rain_part, hum_part = rain(rng, len(speech)), hum(len(speech))
    noise = rain_part / np.sqrt(np.mean(rain_part**2)) + 0.7 * hum_part / np.sqrt(np.mean(hum_part**2))
    noise *= 10.0 ** ((SPEECH_DB - snr_db) / 20.0) / np.sqrt(np.mean(noise**2))
    return speech + noise, speech


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("noisy_speech.flac"))
    parser.add_argument("--clean", type=Path, help="also write the speech alone to this file")
    parser.add_argument("--snr-db", type=float, default=5.0, help="speech above noise, dB (default 5)")
    parser.add_argument("--seed", type=int, default=2)
    args = parser.parse_args()
    noisy, clean = make(args.snr_db, args.seed)
    soundfile.write(args.output, noisy, SAMPLE_RATE, subtype="PCM_16")
    if args.clean:
        soundfile.write(args.clean, clean, SAMPLE_RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()
