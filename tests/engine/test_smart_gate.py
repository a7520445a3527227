"""The gate inside the denoiser, measured on sound: in dB and ms, at every sample rate.

The model keeps what lies below 2 kHz. So a low tone is target, and noise above that is what the
model takes away.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hushgate.engine import BlockDenoiser, Model
from tests.helpers.sounds import RATES, Audio, decibels, level_of_tone, noise, rms, run_aligned, sine


def gated(model: Model, audio: Audio, rate: float, **settings: Any) -> Audio:
    defaults = {"gate_threshold_db": -40.0, "presence_db": -60.0}
    denoiser = BlockDenoiser(model, **{**defaults, **settings})
    denoiser.prepare(rate, 4096, audio.shape[0])
    return run_aligned(denoiser, audio)


def taken_noise(rng: np.random.Generator, num_samples: int, rate: float, level_db: float) -> Audio:
    """Noise above 2.3 kHz, which the model takes away, with the power of a sine of that peak level."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    spectrum[np.fft.rfftfreq(num_samples, 1 / rate) < 2300.0] = 0.0
    sound = np.fft.irfft(spectrum, n=num_samples)
    sound *= 10 ** (level_db / 20) / math.sqrt(2) / np.sqrt(np.mean(sound**2))
    return sound.astype(np.float32)[None]


def tone_gain_db(out: Audio, audio: Audio, rate: float, frequency_hz: float) -> NDArray[np.float64]:
    """Gain over time at one frequency, dB, seen through 16 ms."""
    before, after = (level_of_tone(sound, rate, frequency_hz, 0.016) for sound in (audio, out))
    return np.asarray(decibels(after / before))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency", [200.0, 1333.0])
def test_the_threshold_is_the_peak_level_of_a_sine_in_dbfs(
    rate: int, frequency: float, keeps_low: Model
) -> None:
    for level_db, opens in ((-30.5, False), (-29.5, True)):
        audio = sine(rate, frequency, 1.0, 10 ** (level_db / 20))
        out = gated(keeps_low, audio, rate, gate_threshold_db=-30.0)
        middle = slice(round(0.4 * rate), round(0.6 * rate))
        gain = decibels(rms(out[:, middle]) / rms(audio[:, middle]))
        assert gain == pytest.approx(0.0 if opens else -80.0, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_hold_and_release_are_right_in_ms_at_every_rate(rate: int, keeps_low: Model) -> None:
    """A soft tone shows the gain; a loud one opens the gate until it stops at 0.5 s."""
    stop, hold, release, floor = 0.5, 0.2, 0.2, -60.0
    bed = sine(rate, 1500.0, 1.5, 1e-3)
    audio = bed + np.where(np.arange(bed.shape[1]) < stop * rate, sine(rate, 300.0, 1.5, 0.1), 0.0)
    out = gated(
        keeps_low,
        audio.astype(np.float32),
        rate,
        hold_ms=1000 * hold,
        release_ms=1000 * release,
        gate_floor_db=floor,
    )
    gain = tone_gain_db(out, bed, rate, 1500.0)
    assert gain[round(0.3 * rate)] == pytest.approx(0.0, abs=0.5)
    assert gain[round((stop + hold - 0.02) * rate)] == pytest.approx(0.0, abs=0.5)
    for level_db in (-20.0, -37.9, -50.0):
        expected = stop + hold - release * math.log(1.0 - level_db / floor)
        reached = np.argmax(gain[round((stop + 0.1) * rate) :] < level_db) / rate + stop + 0.1
        # Frames see the stop up to one frame late, and the gain moves once per hop of 16 ms.
        assert reached == pytest.approx(expected, abs=0.026), level_db


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
def test_attack_is_right_in_ms_at_every_rate(rate: int, keeps_low: Model) -> None:
    start, attack = 0.3, 0.2
    bed = sine(rate, 1500.0, 1.2, 1e-3)
    audio = bed + np.where(np.arange(bed.shape[1]) >= start * rate, sine(rate, 300.0, 1.2, 0.1), 0.0)
    out = gated(keeps_low, audio.astype(np.float32), rate, attack_ms=1000 * attack)
    gain = 10 ** (tone_gain_db(out, bed, rate, 1500.0) / 20)
    reached = np.argmax(gain > 1.0 - math.exp(-1.0)) / rate
    # The frame in which the sound begins opens the gate, and it begins up to 32 ms before the sound.
    assert start + attack - 0.034 < reached < start + attack + 0.004


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("onset_ms", [500.0, 503.0, 507.0, 511.0, 515.0])
def test_plucks_pass_whole_and_the_silence_between_is_closed(
    rate: int, onset_ms: float, keeps_low: Model, rng: np.random.Generator
) -> None:
    """The figures that the guitar gate must reach, with a model that does its part.

    Two decaying plucks, 0.6 s and 60 dB long, with noise 15 dB below them; wherever the first lies
    within a frame, it passes with its edge.
    """
    num_samples = round(2.6 * rate)
    time = np.arange(num_samples) / rate
    clean = np.zeros(num_samples)
    onsets = [onset_ms / 1000.0, onset_ms / 1000.0 + 1.2]
    for onset in onsets:
        since = np.maximum(time - onset, 0.0)
        strings = sum(np.sin(2 * np.pi * 196.0 * n * since) / n for n in range(1, 8))
        clean += np.where(time >= onset, 0.3 * strings * 10 ** (-60 / 20 * since / 0.6), 0.0)
    clean = clean[None].astype(np.float32)
    noise_db = 20 * math.log10(rms(clean[:, round(onsets[0] * rate) :]) * math.sqrt(2)) - 15.0  # type: ignore[arg-type]
    added = taken_noise(rng, num_samples, rate, noise_db)
    added += noise(rng, 1, num_samples, rms(added) * 10 ** (-20 / 20))  # what the model misses
    settings = {"gate_threshold_db": -45.0, "presence_db": 0.0, "hold_ms": 60.0, "release_ms": 30.0}
    out = gated(keeps_low, clean + added, rate, **settings)  # type: ignore[arg-type]
    ungated = gated(keeps_low, clean + added, rate, gate_threshold_db=-math.inf)  # type: ignore[arg-type]

    def change_db(start_s: float, stop_s: float, reference: Audio) -> float:
        part = slice(round(start_s * rate), round(stop_s * rate))
        return float(decibels(rms(out[:, part]) / rms(reference[:, part])))

    assert change_db(0.0, onsets[0] - 0.05, clean + added) <= -60.0  # type: ignore[arg-type]
    for onset in onsets:
        assert abs(change_db(onset, onset + 0.05, ungated)) < 1.0
        assert abs(change_db(onset, onset + 0.3, ungated)) < 1.0
        assert abs(change_db(onset, onset + 0.002, ungated)) < 1.0, "the first edge of the attack"
        # -60 dBFS per 0.6 s: at 0.3 s the string is 30 dB down and still above the threshold.
        assert change_db(onset + 0.25, onset + 0.35, ungated) > -5.0
    assert change_db(onsets[0] + 0.95, onsets[1] - 0.05, clean + added) <= -60.0  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_the_smart_gate_opens_for_what_stands_out_and_not_for_what_is_loud(
    rate: int, keeps_low: Model, rng: np.random.Generator
) -> None:
    """A tone under noise that is 10 dB stronger: loud enough, but no target. Then the noise ends."""
    num_samples = 2 * rate
    masked = np.arange(num_samples) < rate
    tone = sine(rate, 440.0, 2.0, 0.1)
    audio = tone + np.where(masked, taken_noise(rng, num_samples, rate, -10.0), 0.0).astype(np.float32)

    def gain_at(seconds: float, **settings: float) -> float:
        out = gated(keeps_low, audio, rate, **settings)
        return float(tone_gain_db(out, tone, rate, 440.0)[round(seconds * rate)])

    assert gain_at(0.8, presence_db=0.0) < -60.0
    assert gain_at(0.8, presence_db=-8.0) < -60.0
    assert gain_at(0.8, presence_db=-12.0) == pytest.approx(0.0, abs=0.1)
    assert gain_at(0.8, presence_db=-60.0) == pytest.approx(0.0, abs=0.1)
    # The noise level falls by 87 dB in a second: 10 dB in 115 ms, and a frame more until it is seen.
    assert gain_at(1.2, presence_db=0.0) == pytest.approx(0.0, abs=0.1)


def test_noise_alone_never_makes_the_gate_flutter(keeps_low: Model, rng: np.random.Generator) -> None:
    """White noise reaches the threshold also below 2 kHz, but most of it lies above."""
    rate = 48_000
    audio = noise(rng, 1, 10 * rate, 0.3)
    out = gated(keeps_low, audio, rate, gate_threshold_db=-60.0, presence_db=0.0)
    assert decibels(rms(out) / rms(audio)) < -75.0


def test_gaps_in_the_noise_do_not_make_the_gate_flutter(keeps_low: Model, rng: np.random.Generator) -> None:
    """Noise 10 dB above the tone that pauses for 48 ms, longer than a frame, five times a second."""
    rate = 48_000
    tone = sine(rate, 440.0, 3.0, 0.1)
    time = np.arange(tone.shape[1]) / rate
    audio = tone + np.where(time % 0.2 > 0.048, taken_noise(rng, tone.shape[1], rate, -10.0), 0.0)
    out = gated(keeps_low, audio.astype(np.float32), rate, presence_db=0.0)
    # Only the pause at the very start, before any noise was heard, opens the gate.
    assert tone_gain_db(out, tone, rate, 440.0)[rate // 2 : -rate // 10].max() < -60.0


def test_a_steady_tone_in_noise_never_makes_the_gate_flutter(
    keeps_low: Model, rng: np.random.Generator
) -> None:
    rate = 48_000
    tone = sine(rate, 440.0, 5.0, 0.1)
    audio = tone + taken_noise(rng, tone.shape[1], rate, -26.0)  # 6 dB below the tone
    out = gated(keeps_low, audio, rate, presence_db=3.0, hold_ms=0.0, release_ms=0.0)
    gain = tone_gain_db(out, tone, rate, 440.0)[round(0.2 * rate) : round(4.8 * rate)]
    assert np.abs(gain).max() < 0.1


def test_closing_takes_hysteresis_below_the_threshold(keeps_low: Model) -> None:
    rate = 44_100
    tone = sine(rate, 440.0, 4.0)
    levels = np.interp(np.arange(tone.shape[1]) / rate, [0.0, 2.0, 4.0], [-60.0, -20.0, -60.0])
    audio = (tone * 10 ** (levels / 20)).astype(np.float32)
    for hysteresis in (0.0, 6.0, 15.0):
        out = gated(
            keeps_low, audio, rate, gate_hysteresis_db=hysteresis, hold_ms=0.0, release_ms=0.0, attack_ms=0.0
        )
        is_open = tone_gain_db(out, audio, rate, 440.0)[2000:-2000] > -20.0
        opened = levels[2000 + int(np.argmax(is_open))]
        closed = levels[len(levels) - 2000 - int(np.argmax(is_open[::-1]))]
        assert opened == pytest.approx(-40.0, abs=0.6)
        assert closed == pytest.approx(-40.0 - hysteresis, abs=0.6)


def test_linked_channels_open_together_and_independent_ones_alone(keeps_low: Model) -> None:
    rate = 48_000
    loud, soft = sine(rate, 440.0, 1.0, 0.1), sine(rate, 440.0, 1.0, 1e-3)
    audio = np.concatenate([soft, loud])
    middle = slice(rate // 2, rate // 2 + 4800)

    def gains(link: str) -> list[float]:
        out = gated(keeps_low, audio, rate, channel_link=link)
        return [float(decibels(rms(out[c, middle]) / rms(audio[c, middle]))) for c in range(2)]

    assert gains("linked") == pytest.approx([0.0, 0.0], abs=0.1)
    assert gains("independent") == pytest.approx([-80.0, 0.0], abs=0.1)


def test_a_loud_channel_counts_as_much_in_stereo_as_alone(keeps_low: Model) -> None:
    """One of two channels just above the threshold opens the linked gate; the silent one costs nothing."""
    rate = 48_000
    audio = np.concatenate([sine(rate, 440.0, 1.0, 10 ** (-39.5 / 20)), np.zeros((1, rate), np.float32)])
    out = gated(keeps_low, audio, rate)
    middle = slice(rate // 2, rate // 2 + 4800)
    assert decibels(rms(out[0, middle]) / rms(audio[0, middle])) == pytest.approx(0.0, abs=0.1)
