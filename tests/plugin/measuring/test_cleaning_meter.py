"""Cleaning meter: the noise floor is that of known noise, whatever the blocks; silence is no noise."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.measuring.cleaning_meter import CleaningFigures, CleaningMeter
from tests.helpers.blocks import BLOCK_SIZES, cut

RATE = 48_000
NOISE_DB = -40.0


def voice(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Words of 0.4 s: harmonics of a moving pitch under an envelope, 0.4 s apart, -20 dBFS."""
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = np.cumsum(120.0 + 20.0 * np.sin(2 * np.pi * 0.7 * time)) / RATE
    sound = np.sum([np.sin(2 * np.pi * k * pitch + k) / k for k in range(1, 40)], axis=0)
    envelope = np.clip(np.sin(2 * np.pi * time / 0.8), 0.0, None) ** 0.5
    return scaled(sound * envelope, -20.0)


def music(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Chords below 4 kHz that never pause, -20 dBFS."""
    time = np.arange(round(seconds * RATE)) / RATE
    roots = np.repeat([110.0, 146.8, 164.8, 98.0], len(time) // 4 + 1)[: len(time)]
    phase = np.cumsum(roots) / RATE
    steps = (1, 1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 20)
    return scaled(np.sum([np.sin(2 * np.pi * k * phase) / k for k in steps], axis=0), -20.0)


def guitar(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Plucked notes, 1 s each, that have died away after 0.6 s, -20 dBFS."""
    note = np.arange(RATE) / RATE
    notes = []
    for _ in range(round(seconds)):
        pitch = rng.choice([82.4, 110.0, 146.8, 196.0, 246.9])
        tone = np.zeros(RATE)
        for k in range(1, 20):
            tone += np.sin(2 * np.pi * k * pitch * note) * np.exp(-note * (6 + k)) / k
        notes.append(tone * (note < 0.6))
    return scaled(np.concatenate(notes), -20.0)


def scaled(sound: np.ndarray, level_db: float) -> np.ndarray:
    gain: float = 10.0 ** (level_db / 20.0) / np.sqrt(np.mean(sound**2))
    return sound * gain


def wiener(target: np.ndarray, noise: np.ndarray, floor: float = 0.01) -> np.ndarray:
    """What a denoiser that knows the target makes of the mixture; at least `floor` of it stays."""
    size, hop = 1024, 512
    window = np.sqrt(np.hanning(size + 1)[:-1])
    out = np.zeros(len(target) + size)
    for start in range(0, len(target) - size, hop):
        here = slice(start, start + size)
        clean, rest = np.fft.rfft(target[here] * window), np.fft.rfft(noise[here] * window)
        mask = np.maximum(np.abs(clean) ** 2 / (np.abs(clean) ** 2 + np.abs(rest) ** 2 + 1e-12), floor)
        out[here] += np.fft.irfft(mask * (clean + rest)) * window
    return out[: len(target)]


def measured(before: np.ndarray, after: np.ndarray, sizes: tuple[int, ...] = (8192,)) -> CleaningFigures:
    meter = CleaningMeter(RATE)
    both = np.stack([before, after]).astype(np.float32)
    for block in cut(both, sizes):
        meter.update(block[:1])
        meter.compare(block[1:])
    return meter.figures()


@pytest.mark.parametrize("colour", ["white", "pink"])
@pytest.mark.parametrize("target", [voice, music, guitar])
def test_noise_floor_is_that_of_the_noise_within_1_db(
    target: object, colour: str, rng: np.random.Generator
) -> None:
    clean = target(8.0, rng)  # type: ignore[operator]
    spectrum = np.fft.rfft(rng.standard_normal(len(clean)))
    if colour == "pink":
        spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(len(clean), 1 / RATE), 20.0))
    noise = scaled(np.fft.irfft(spectrum, len(clean)), NOISE_DB)
    figures = measured(clean + noise, wiener(clean, noise))
    assert figures.noise is not None
    powers = np.abs(np.fft.rfft(noise)) ** 2
    heard = np.fft.rfftfreq(len(noise), 1 / RATE) >= figures.noise.from_hz
    truth = NOISE_DB + 10.0 * np.log10(powers[heard].sum() / powers.sum())
    assert figures.noise.before_db == pytest.approx(truth, abs=1.0)
    assert (figures.noise.seconds == 0.0) == (target is music)
    if target is music:  # in single bands nobody can tell what is left of the noise from the target
        assert figures.noise.after_db is None
        assert figures.noise_unknown == "not measured: the sound never pauses"
    else:
        assert figures.noise.after_db == pytest.approx(truth - 40.0, abs=1.0)
    assert figures.target_change_db == pytest.approx(0.0, abs=0.3)


def test_noise_left_that_varies_has_a_range_and_no_figure(rng: np.random.Generator) -> None:
    clean = voice(8.0, rng)
    noise = scaled(rng.standard_normal(len(clean)), NOISE_DB)
    # Half of the time 30 dB of the noise go, half of the time 50.
    gains = np.repeat(rng.choice([10.0**-1.5, 10.0**-2.5], len(clean) // 4800), 4800)
    figures = measured(clean + noise, clean + noise * np.resize(gains, len(clean)))
    assert figures.noise is not None
    assert figures.noise.before_db == pytest.approx(NOISE_DB, abs=1.0)
    assert figures.noise.after_db is None
    assert figures.noise_removed_db is None
    assert figures.noise.after_range_db is not None
    low, high = figures.noise.after_range_db
    assert (low, high) == pytest.approx((NOISE_DB - 50.0, NOISE_DB - 30.0), abs=1.0)
    assert figures.noise_unknown == f"varies, mostly {low:.0f} to {high:.0f} dBFS"
    louder = figures.turned_up(10.0)
    assert louder.noise_unknown == f"varies, mostly {low + 10.0:.0f} to {high + 10.0:.0f} dBFS"


@pytest.mark.parametrize("sizes", BLOCK_SIZES)
def test_figures_do_not_depend_on_blocks(sizes: tuple[int, ...], rng: np.random.Generator) -> None:
    clean = voice(3.0, rng)
    noise = 0.01 * rng.standard_normal(len(clean))
    after = wiener(clean, noise)
    figures, expected = measured(clean + noise, after, sizes), measured(clean + noise, after)
    assert figures.noise == expected.noise
    assert (figures.target_change_db, figures.target_changed) == (
        expected.target_change_db,
        expected.target_changed,
    )
    assert figures.level_after_dbfs == pytest.approx(expected.level_after_dbfs, abs=1e-3)
    assert figures.peak_after_dbfs == expected.peak_after_dbfs


def test_digital_silence_is_left_out(rng: np.random.Generator) -> None:
    clean = voice(8.0, rng)
    noise = 0.01 * rng.standard_normal(len(clean))
    mixed, after = clean + noise, wiener(clean, noise)
    half = np.zeros_like(mixed)
    whole = measured(mixed, after)
    muted = measured(np.concatenate([half, mixed, half]), np.concatenate([half, after, half]))
    assert whole.noise is not None
    assert muted.noise is not None
    assert muted.noise.before_db == pytest.approx(whole.noise.before_db, abs=0.2)
    assert muted.noise.after_db == pytest.approx(whole.noise.after_db, abs=0.5)


def test_a_target_that_suffers_is_said(rng: np.random.Generator) -> None:
    clean = voice(8.0, rng)
    noise = 0.003 * rng.standard_normal(len(clean))
    dull = np.fft.rfft(clean)
    dull[np.fft.rfftfreq(len(clean), 1 / RATE) > 1000.0] *= 0.1
    kept = measured(clean + noise, wiener(clean, noise))
    lost = measured(clean + noise, wiener(np.fft.irfft(dull, len(clean)), noise))
    assert kept.target_changed is not None
    assert lost.target_changed is not None
    assert kept.target_changed < 0.1
    assert lost.target_changed > 0.2


@pytest.mark.parametrize(
    ("seconds", "gain", "reason"),
    [
        (0.2, 0.1, "too short"),
        (4.0, 0.5, "no pause in which something was removed"),
        (4.0, 0.0, "digital silence"),
    ],
)
def test_says_why_noise_was_not_measured(
    seconds: float, gain: float, reason: str, rng: np.random.Generator
) -> None:
    sound = rng.standard_normal(round(seconds * RATE)) * (0.1 if gain else 0.0)
    figures = measured(sound, gain * sound)
    assert figures.noise is None
    assert figures.noise_unknown == reason


def test_memory_does_not_grow_with_the_recording(rng: np.random.Generator) -> None:
    meter = CleaningMeter(8_000)
    block = (0.1 * rng.standard_normal((1, 400_000))).astype(np.float32)
    sizes = []
    for _ in range(40):  # 33 minutes, beyond what is kept without gaps
        meter.update(block)
        meter.compare(block * np.float32(0.1))
        sizes.append(sum(store._rows.nbytes for store in (meter._frames, meter._spectra)))
    assert len(set(sizes)) == 1
    figures = meter.figures()
    assert figures.level_before_dbfs == pytest.approx(-20.0, abs=0.1)
