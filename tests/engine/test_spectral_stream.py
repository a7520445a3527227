"""Frames, overlap-add and delay, with models that leave the sound alone or change it simply."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hushgate.engine import Model, SpectralStream, load_model
from tests.helpers import tiny_models
from tests.helpers.sounds import RATES, assert_close, decibels, level_of_tone, noise, sine


def prepared(model: Model, rate: float, num_channels: int = 1, **settings: str) -> SpectralStream:
    stream = SpectralStream(model, **settings)
    stream.prepare(rate, 512, num_channels)
    return stream


@pytest.mark.level(1)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("overlap", [2, 3, 4])
def test_a_mask_of_ones_is_a_pure_delay_of_latency_samples(
    rate: int, overlap: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    model = load_model(tiny_models.identity(overlap=overlap, frame_ms=24.0).save(tmp_path / "m.onnx"))
    stream = prepared(model, rate, 2)
    latency = stream.latency_samples
    assert latency == stream.frame_size == model.latency_samples(rate)
    audio = noise(rng, 2, 5 * stream.frame_size + 17, 0.3)
    out = stream.process(audio)
    assert_close(out[:, latency:], audio[:, :-latency], abs=1e-6)
    assert_close(out[:, :latency], 0.0, abs=1e-6)


@pytest.mark.parametrize("lookahead", [0, 1, 3, 40])
@pytest.mark.parametrize("block_size", [1, 100, 512, 100_000])
def test_an_impulse_arrives_at_latency_samples_with_any_lookahead(
    lookahead: int, block_size: int, tmp_path: Path
) -> None:
    model = load_model(tiny_models.identity(lookahead_frames=lookahead).save(tmp_path / "m.onnx"))
    stream = prepared(model, 8000)
    assert stream.latency_samples == stream.frame_size + lookahead * stream.hop_size
    audio = np.zeros((1, stream.latency_samples + 700), np.float32)
    audio[0, 300] = 1.0
    out = np.concatenate(
        [stream.process(audio[:, i : i + block_size]) for i in range(0, audio.shape[1], block_size)], axis=1
    )
    expected = np.zeros_like(audio)
    expected[0, 300 + stream.latency_samples] = 1.0
    assert_close(out, expected, abs=1e-6)


def test_a_mask_with_lookahead_lands_on_the_frame_it_belongs_to(tmp_path: Path) -> None:
    """A mask that answers at once, declared to be two frames late, must act two frames early."""
    rate, onset = 16_000, 8192
    audio = sine(rate, 1000.0, 1.0, 0.8)
    audio[:, :onset] *= 0.01
    turned_down_from = []
    for lookahead in (0, 2):
        path = tiny_models.level_dependent(lookahead_frames=lookahead).save(tmp_path / f"{lookahead}.onnx")
        stream = prepared(load_model(path), rate)
        out = stream.process(audio)[:, stream.latency_samples :]
        gain = (
            level_of_tone(out, rate, 1000.0, 0.004)
            / level_of_tone(audio, rate, 1000.0, 0.004)[: out.shape[1]]
        )
        turned_down_from.append(int(np.argmax(gain[1000:] < 0.8)))
    assert turned_down_from[0] - turned_down_from[1] == pytest.approx(2 * stream.hop_size, abs=40)


@pytest.mark.parametrize("rate", RATES)
def test_the_same_mask_acts_on_the_same_hertz_at_every_rate(rate: int, keeps_low: Model) -> None:
    """The model keeps what lies below 2 kHz: 1.5 kHz passes, 3 kHz and all above it go."""
    stream = prepared(keeps_low, rate)
    for frequency, passes in ((1500.0, True), (3000.0, False), (0.45 * rate, False)):
        audio = sine(rate, frequency, 0.4, 0.5)
        stream.reset()
        out = stream.process(audio)
        level = level_of_tone(out, rate, frequency, 0.1)[round(0.25 * rate)]
        if passes:
            assert decibels(level / 0.5) == pytest.approx(0.0, abs=0.1)
        else:
            assert decibels(level / 0.5) < -50.0


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_the_air_above_the_model_stays_alive_through_upper_gain(rate: int, tmp_path: Path) -> None:
    model = load_model(tiny_models.constant_mask(0.25, upper=[0.5]).save(tmp_path / "m.onnx"))
    stream = prepared(model, rate)
    for frequency, gain in ((4000.0, 0.25), (12_000.0, 0.5), (0.48 * rate, 0.5)):
        stream.reset()
        out = stream.process(sine(rate, frequency, 0.4, 0.5))
        assert level_of_tone(out, rate, frequency, 0.1)[round(0.25 * rate)] == pytest.approx(
            0.5 * gain, rel=0.01
        )


def test_frame_gains_multiply_frames_and_receive_both_spectra(
    identity: Model, rng: np.random.Generator
) -> None:
    seen: list[tuple[tuple[int, ...], bool]] = []

    def half(noisy: np.ndarray, target: np.ndarray) -> np.ndarray:
        seen.append((noisy.shape, np.array_equal(noisy, target)))
        return np.full((1, noisy.shape[1]), 0.5, np.float32)

    stream = SpectralStream(identity)
    stream.prepare(16_000, 512, 2)
    audio = noise(rng, 2, 4096)
    out = stream.process(audio, half)
    assert_close(out[:, 512:], 0.5 * audio[:, :-512], abs=1e-6)
    assert seen == [((2, 16, 257), True)]


def test_preparing_again_keeps_the_sound_unless_the_format_changes(
    identity: Model, rng: np.random.Generator
) -> None:
    audio = noise(rng, 2, 2048)
    stream = prepared(identity, 16_000, 2)
    expected = stream.process(audio)
    stream.reset()
    first = stream.process(audio[:, :1000])
    stream.prepare(16_000, 9999, 2)
    assert np.array_equal(np.concatenate([first, stream.process(audio[:, 1000:])], axis=1), expected)
    stream.prepare(8_000, 512, 2)
    assert not stream.process(np.zeros((2, 2048), np.float32)).any()


def test_a_stream_that_is_not_prepared_says_so(identity: Model) -> None:
    stream = SpectralStream(identity)
    stream.reset()
    with pytest.raises(RuntimeError, match="prepare must be called first"):
        stream.process(np.zeros((1, 10), np.float32))
