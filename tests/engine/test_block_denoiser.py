"""The promises of the effect, kept by every model that ships and by every kind that could."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hushgate.engine import PARAMETERS, BlockDenoiser, Model, load_model
from tests.helpers import tiny_models
from tests.helpers.sounds import RATES, Audio, largest_difference, noise, rms, run, run_aligned, sine

BLOCK_SIZES = (7, 64, 480, 511, 4096, 100_000)
GATED: dict[str, Any] = {"gate_threshold_db": -30.0, "hold_ms": 20.0, "release_ms": 30.0, "presence_db": -3.0}


def prepared(model: Model, rate: float = 48_000, num_channels: int = 2, **parameters: Any) -> BlockDenoiser:
    denoiser = BlockDenoiser(model, **parameters)
    denoiser.prepare(rate, 512, num_channels)
    return denoiser


def bursts(rng: np.random.Generator, rate: float, seconds: float, num_channels: int = 2) -> Audio:
    """Tones in noise that come and go, different in each channel."""
    num_samples = round(rate * seconds)
    time = np.arange(num_samples) / rate
    audio = noise(rng, num_channels, num_samples, 0.01)
    for channel in range(num_channels):
        tone = np.sin(2 * np.pi * (300.0 + 170.0 * channel) * time) * (np.sin(2 * np.pi * 3.0 * time) > 0)
        audio[channel] += (0.2 * tone).astype(np.float32)
    return audio


# -- time -----------------------------------------------------------------------------------------


@pytest.mark.level(5)
@pytest.mark.parametrize("link", ["linked", "independent"])
def test_output_does_not_depend_on_block_size(any_model: Model, link: str, rng: np.random.Generator) -> None:
    denoiser = prepared(any_model, channel_link=link, **GATED)
    audio = bursts(rng, 48_000, 0.7)
    whole = run(denoiser, audio, audio.shape[1])
    assert rms(whole) > 1e-4
    for block_size in BLOCK_SIZES:
        denoiser.reset()
        assert largest_difference(run(denoiser, audio, block_size), whole) <= 1e-5, block_size
    denoiser.reset()
    sizes = iter(rng.integers(0, 3000, 10_000))
    assert largest_difference(run(denoiser, audio, sizes), whole) <= 1e-5


@pytest.mark.level(5)
def test_output_does_not_depend_on_blocks_of_one_sample(any_model: Model, rng: np.random.Generator) -> None:
    denoiser = prepared(any_model, 16_000, **GATED)
    audio = bursts(rng, 16_000, 0.3)
    whole = run(denoiser, audio, audio.shape[1])
    denoiser.reset()
    assert largest_difference(run(denoiser, audio, 1), whole) <= 1e-5


@pytest.mark.level(5)
@pytest.mark.parametrize("block_size", [1, 64, 511, 100_000])
def test_moving_settings_sound_the_same_at_every_block_size(
    block_size: int, stateful: Model, rng: np.random.Generator
) -> None:
    """Changes come at set times; between them the block size must not matter. They come on a grid of
    frames for the gate and the link, which act from the next frame on."""
    rate, step = 16_000, 256 * 3
    audio = bursts(rng, rate, 0.5)
    changes: list[tuple[str, Any]] = [
        ("mix", 0.3),
        ("output", "residual"),
        ("gate_threshold_db", -30.0),
        ("attenuation_limit_db", 6.0),
        ("channel_link", "independent"),
        ("gate_floor_db", -20.0),
        ("mix", 1.0),
        ("output", "denoised"),
        ("channel_link", "linked"),
    ]

    def render(size: int) -> Audio:
        denoiser = prepared(stateful, rate)
        parts = []
        for start, change in zip(range(0, audio.shape[1], step), [("mix", 1.0), *changes], strict=False):
            setattr(denoiser, *change)
            parts.append(run(denoiser, audio[:, start : start + step], size))
        return np.concatenate(parts, axis=1)

    assert render(block_size) == pytest.approx(render(audio.shape[1]), abs=1e-5)


@pytest.mark.level(8)
def test_blocks_larger_than_prepared_are_accepted(any_model: Model, rng: np.random.Generator) -> None:
    audio = bursts(rng, 48_000, 0.2)
    small, large = BlockDenoiser(any_model), BlockDenoiser(any_model)
    small.prepare(48_000, 64, 2)
    large.prepare(48_000, 100_000, 2)
    assert largest_difference(run(small, audio, 128), run(large, audio, 9600)) <= 1e-5


@pytest.mark.level(1)
@pytest.mark.parametrize("rate", RATES)
def test_latency_is_an_int_and_equals_the_measured_one(
    any_model: Model, rate: int, rng: np.random.Generator
) -> None:
    """Sound comes out most like itself `latency_samples` later, and nothing comes before it.

    A mask changes sound, but not its time: the correlation must peak at the reported delay.
    """
    denoiser = prepared(any_model, rate, 1)
    latency = denoiser.latency_samples
    assert type(latency) is int
    assert latency == any_model.latency_samples(rate) > 0
    # Slow noise, below 2 kHz, which no model removes completely, and at a moderate level.
    audio = noise(rng, 1, 4 * latency + rate, 0.05)
    spectrum = np.fft.rfft(audio)
    spectrum[:, np.fft.rfftfreq(audio.shape[1], 1 / rate) > 1800.0] = 0.0
    audio = np.fft.irfft(spectrum, n=audio.shape[1]).astype(np.float32)
    # And plucked strings of many pitches, for those that keep nothing else.
    time = np.arange(audio.shape[1]) / rate
    for start_s in np.linspace(2 * latency / rate, time[-1], 9)[:-1]:
        since = np.maximum(time - start_s, 0.0)
        frequency_hz = rng.uniform(90.0, 400.0)
        for number in range(1, int(1800.0 / frequency_hz) + 1):
            decay = np.exp(-since * (3.0 + number)) * (time > start_s)
            audio += 0.1 / number * decay * np.sin(2.0 * np.pi * number * frequency_hz * since)
    audio[:, : 2 * latency] = 0.0
    out = run(denoiser, audio, 4096)
    size = 2 * audio.shape[1]
    correlation = np.fft.irfft(np.fft.rfft(out, size) * np.conj(np.fft.rfft(audio, size)))[0]
    assert abs(int(np.argmax(correlation)) - latency) <= round(rate / 8000)
    assert np.abs(out[:, : 2 * latency]).max() < 1e-6 + 0.2 * np.abs(out).max()


def test_an_impulse_arrives_at_latency_samples(identity: Model) -> None:
    for rate in RATES:
        denoiser = prepared(identity, rate, 1)
        audio = np.zeros((1, 3 * denoiser.latency_samples), np.float32)
        audio[0, 100] = 1.0
        out = run(denoiser, audio, 512)
        assert int(np.argmax(np.abs(out))) == 100 + denoiser.latency_samples
        out[0, 100 + denoiser.latency_samples] -= 1.0
        assert np.abs(out).max() < 1e-6


def test_flush_returns_the_last_latency_samples_and_resets(
    any_model: Model, rng: np.random.Generator
) -> None:
    denoiser = prepared(any_model)
    audio = bursts(rng, 48_000, 0.3)
    zeros = np.zeros((2, denoiser.latency_samples), np.float32)
    expected = run(denoiser, np.concatenate([audio, zeros], axis=1), 4096)
    denoiser.reset()
    out = run(denoiser, audio, 1000)
    tail = denoiser.flush()
    assert tail.shape == (2, denoiser.latency_samples)
    assert largest_difference(np.concatenate([out, tail], axis=1), expected) <= 1e-5
    assert largest_difference(run(denoiser, audio, 4096), expected[:, : audio.shape[1]]) <= 1e-5


# -- memory ---------------------------------------------------------------------------------------


@pytest.mark.level(1)
def test_reset_equals_a_new_object_and_two_runs_agree(any_model: Model, rng: np.random.Generator) -> None:
    audio = bursts(rng, 44_100, 0.4)
    used = prepared(any_model, 44_100, **GATED)
    run(used, noise(rng, 2, 30_011, 0.5), 777)
    used.mix = 0.5
    run(used, audio[:, :100], 10)  # in the middle of a ramp
    used.mix = 1.0
    used.reset()
    fresh = prepared(any_model, 44_100, **GATED)
    assert np.array_equal(run(used, audio, 480), run(fresh, audio, 480))
    assert used.gain_reduction_db == fresh.gain_reduction_db
    assert used.num_nonfinite == 0


def test_reset_closes_an_open_gate_without_any_setting_having_moved(
    identity: Model, rng: np.random.Generator
) -> None:
    soft, loud = noise(rng, 1, 8_000, 1e-3), noise(rng, 1, 8_000, 0.3)
    denoiser = prepared(identity, 16_000, 1, gate_threshold_db=-30.0, hold_ms=5000.0)
    expected = run(denoiser, soft, 480)
    run(denoiser, loud, 480)
    denoiser.reset()
    assert np.array_equal(run(denoiser, soft, 480), expected)
    assert rms(expected) < 1e-6


@pytest.mark.level(6)
def test_changing_rate_and_channels_without_reset_starts_afresh(
    any_model: Model, rng: np.random.Generator
) -> None:
    denoiser = prepared(any_model, 44_100, 2)
    expected: dict[tuple[int, int], Audio] = {}
    for rate, channels in [(44_100, 2), (96_000, 2), (44_100, 1), (8_000, 6), (44_100, 2)]:
        denoiser.prepare(rate, 300, channels)
        audio = bursts(np.random.default_rng(1), rate, 0.2, channels)
        out = run(denoiser, audio, 333)
        assert np.array_equal(expected.setdefault((rate, channels), out), out)
        run(denoiser, noise(rng, channels, 500), 100)
        if (rate, channels) == (44_100, 2):
            denoiser.reset()


def test_preparing_the_same_format_again_keeps_the_sound(any_model: Model, rng: np.random.Generator) -> None:
    audio = bursts(rng, 16_000, 0.3)
    whole = run(prepared(any_model, 16_000), audio, 480)
    denoiser = prepared(any_model, 16_000)
    parts = []
    for start in range(0, audio.shape[1], 480):
        denoiser.prepare(16_000, 100 + start, 2)
        parts.append(denoiser.process(audio[:, start : start + 480]))
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_copies_and_pickles_go_on_by_themselves(stateful: Model, rng: np.random.Generator) -> None:
    audio = bursts(rng, 16_000, 0.5)
    denoiser = prepared(stateful, 16_000, **GATED)
    run(denoiser, audio[:, :3000], 480)
    copies = [copy.deepcopy(denoiser), pickle.loads(pickle.dumps(denoiser))]
    expected = run(denoiser, audio[:, 3000:], 480)
    for other in copies:
        assert other.model is denoiser.model
        assert np.array_equal(run(other, audio[:, 3000:], 480), expected)


# -- mix, limit, residual ---------------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES)
def test_mix_0_is_the_aligned_input_bit_for_bit(
    any_model: Model, rate: int, rng: np.random.Generator
) -> None:
    audio = noise(rng, 2, 3 * any_model.latency_samples(rate), 1.0)
    out = run_aligned(prepared(any_model, rate, mix=0.0, **GATED), audio)
    assert np.array_equal(out, audio)


def test_mix_0_is_reached_exactly_after_a_ramp(any_model: Model, rng: np.random.Generator) -> None:
    denoiser = prepared(any_model)
    audio = bursts(rng, 48_000, 0.3)
    run(denoiser, audio, 480)
    denoiser.mix = 0.0
    out = run(denoiser, audio, 480)
    latency, ramp = denoiser.latency_samples, 960
    delayed = np.concatenate([audio[:, -latency:], audio], axis=1)[:, : audio.shape[1]]
    assert np.array_equal(out[:, ramp:], delayed[:, ramp:])


def test_denoised_and_residual_sum_to_the_aligned_input(any_model: Model, rng: np.random.Generator) -> None:
    audio = bursts(rng, 48_000, 0.4)
    for settings in ({}, {"mix": 0.6}, {"attenuation_limit_db": 12.0}, {"mix": 0.0}, GATED):
        denoised = run_aligned(prepared(any_model, **settings), audio)
        residual = run_aligned(prepared(any_model, output="residual", **settings), audio)
        assert denoised + residual == pytest.approx(audio, abs=1e-6)


def test_mix_and_limit_blend_the_aligned_input_with_the_wet_sound(
    any_model: Model, rng: np.random.Generator
) -> None:
    audio = bursts(rng, 48_000, 0.4)
    wet = run_aligned(prepared(any_model, **GATED), audio)
    for mix, limit in ((0.5, None), (1.0, 12.0), (0.25, 6.0)):
        kept = 0.0 if limit is None else 10 ** (-limit / 20)
        expected = (1 - mix) * audio + mix * (kept * audio + (1 - kept) * wet)
        out = run_aligned(prepared(any_model, mix=mix, attenuation_limit_db=limit, **GATED), audio)
        assert largest_difference(out, expected) <= 1e-6


@pytest.mark.parametrize("limit", [0.0, 3.0, 20.0, 120.0])
def test_nothing_is_turned_down_by_more_than_the_limit(limit: float, tmp_path: Path) -> None:
    mute = load_model(tiny_models.constant_mask(0.0).save(tmp_path / "mute.onnx"))
    audio = sine(48_000, 1000.0, 0.3, 0.5)
    for gate in (-np.inf, 0.0):
        out = run_aligned(
            prepared(mute, 48_000, 1, attenuation_limit_db=limit, gate_threshold_db=gate), audio
        )
        assert 20 * np.log10(rms(out) / rms(audio)) == pytest.approx(-limit, abs=0.001)


@pytest.mark.level(3)
def test_settings_move_without_clicks(tmp_path: Path) -> None:
    """A 100 Hz sine against a muting mask: no step between two samples may exceed the sine's own
    by more than a ramp of 20 ms adds."""
    mute = load_model(tiny_models.constant_mask(0.0).save(tmp_path / "mute.onnx"))
    rate, amplitude = 48_000, 0.5
    audio = sine(rate, 100.0, 2.0, amplitude)
    denoiser = prepared(mute, rate, 1)
    changes: Iterator[tuple[str, Any]] = itertools.cycle(
        [
            ("mix", 0.0),
            ("output", "residual"),
            ("mix", 1.0),
            ("attenuation_limit_db", 6.0),
            ("output", "denoised"),
            ("attenuation_limit_db", None),
            ("mix", 0.5),
        ]
    )
    parts = []
    for start in range(0, audio.shape[1], 700):
        setattr(denoiser, *next(changes))
        parts.append(denoiser.process(audio[:, start : start + 700]))
    steps = np.abs(np.diff(np.concatenate(parts, axis=1)))
    own_step = 2 * np.pi * 100.0 / rate * amplitude
    assert steps.max() < own_step + 2 * amplitude / (0.020 * rate)


@pytest.mark.level(3)
def test_random_settings_every_32_samples_stay_finite(any_model: Model, rng: np.random.Generator) -> None:
    denoiser = prepared(any_model)
    for _ in range(300):
        for name in rng.choice(list(PARAMETERS), 3):
            parameter = PARAMETERS[name]
            values = [*parameter.special, *(parameter.choices or (parameter.minimum, parameter.maximum))]
            if parameter.choices is None:
                values.append(rng.uniform(parameter.minimum, parameter.maximum))
            setattr(denoiser, name, values[rng.integers(len(values))])
        out = denoiser.process(noise(rng, 2, 32, 0.3))
        assert np.isfinite(out).all()
        assert np.abs(out).max() < 20.0


def test_settings_made_before_the_sound_need_no_ramp(any_model: Model, rng: np.random.Generator) -> None:
    audio = bursts(rng, 48_000, 0.2)
    late = prepared(any_model)
    late.mix, late.gate_threshold_db, late.channel_link = 0.25, -40.0, "independent"
    early = prepared(any_model, mix=0.25, gate_threshold_db=-40.0, channel_link="independent")
    assert np.array_equal(run(late, audio, 480), run(early, audio, 480))


# -- channels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["linked", "independent"])
def test_dual_mono_is_the_mono_result_in_both_channels(
    any_model: Model, link: str, rng: np.random.Generator
) -> None:
    audio = bursts(rng, 44_100, 0.3, 1)
    mono = run(prepared(any_model, 44_100, 1, **GATED), audio, 480)
    dual = run(prepared(any_model, 44_100, 2, channel_link=link, **GATED), np.repeat(audio, 2, axis=0), 480)
    assert dual == pytest.approx(np.repeat(mono, 2, axis=0), abs=1e-6)


def test_independent_channels_do_not_hear_each_other(any_model: Model, rng: np.random.Generator) -> None:
    audio = bursts(rng, 44_100, 0.3, 3)
    together = run(prepared(any_model, 44_100, 3, channel_link="independent", **GATED), audio, 480)
    for channel in range(3):
        alone = run(prepared(any_model, 44_100, 1, **GATED), audio[channel : channel + 1], 480)
        assert together[channel] == pytest.approx(alone[0], abs=1e-5)


def test_linked_channels_keep_their_balance(any_model: Model, rng: np.random.Generator) -> None:
    """One mask for both: a channel that is half the other stays half the other."""
    audio = bursts(rng, 44_100, 0.3, 1)
    out = run(prepared(any_model, 44_100, 2, **GATED), np.concatenate([audio, -0.5 * audio]), 480)
    assert largest_difference(out[1], -0.5 * out[0]) <= 1e-6


def test_linked_channels_in_opposite_phase_are_not_lost(any_model: Model, rng: np.random.Generator) -> None:
    audio = bursts(rng, 44_100, 0.3, 1)
    mono = run(prepared(any_model, 44_100, 1), audio, 480)
    opposite = run(prepared(any_model, 44_100, 2), np.concatenate([audio, -audio]), 480)
    assert opposite == pytest.approx(np.concatenate([mono, -mono]), abs=1e-6)


@pytest.mark.level(4)
def test_any_number_of_channels_and_back_to_the_first(any_model: Model) -> None:
    denoiser = BlockDenoiser(any_model)
    results = []
    for channels in (1, 2, 6, 1):
        denoiser.prepare(48_000, 512, channels)
        audio = bursts(np.random.default_rng(5), 48_000, 0.1, channels)
        results.append(run(denoiser, audio, 512))
        assert results[-1].shape == audio.shape
        assert denoiser.num_channels == channels
    assert np.array_equal(results[0], results[-1])


# -- silence and bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"mix": 0.5}, {"output": "residual"}, GATED])
def test_silence_stays_silence_also_after_sound(
    any_model: Model, settings: dict[str, Any], rng: np.random.Generator
) -> None:
    denoiser = prepared(any_model, **settings)
    silence = np.zeros((2, 20_000), np.float32)
    assert not run(denoiser, silence, 511).any()
    run(denoiser, noise(rng, 2, 5000, 0.5), 511)
    # The last frame with sound may carry it to its end, a frame after the sound.
    assert not run(denoiser, silence, 511)[:, 2 * denoiser.latency_samples :].any()


@pytest.mark.level(3)
def test_fading_sound_gives_no_denormals(any_model: Model, rng: np.random.Generator) -> None:
    """Sound that fades by 700 dB, into the denormal range of float32 and past it."""
    audio = noise(rng, 2, 48_000) * np.logspace(0, -44, 48_000).astype(np.float32)
    out = run(prepared(any_model), audio, 480)
    assert not ((out != 0.0) & (np.abs(out) < np.finfo(np.float32).tiny)).any()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_not_finite_count_as_zero_and_are_counted(
    any_model: Model, bad: float, rng: np.random.Generator
) -> None:
    audio = bursts(rng, 48_000, 0.3)
    zeroed, spoiled = audio.copy(), audio.copy()
    for part in (np.s_[0, 5000:5010], np.s_[:, 9000:9001]):
        zeroed[part] = 0.0
        spoiled[part] = bad
    before = spoiled.copy()
    for settings in ({}, {"mix": 0.0}, {"output": "residual"}):
        denoiser = prepared(any_model, **settings)
        expected = run(denoiser, zeroed, 511)
        assert denoiser.num_nonfinite == 0
        denoiser.reset()
        assert np.array_equal(run(denoiser, spoiled, 511), expected)
        assert denoiser.num_nonfinite == 12
    assert np.array_equal(spoiled, before, equal_nan=True), "the input must not be written to"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("level", [1e3, 1e8, 1e12])
def test_absurdly_loud_sound_leaves_no_trace_in_the_state(
    any_model: Model, level: float, rng: np.random.Generator
) -> None:
    denoiser = prepared(any_model)
    loud = np.clip(noise(rng, 2, 10_000, level), -level, level)
    assert np.isfinite(run(denoiser, loud, 511)).all()
    quiet = bursts(rng, 48_000, 0.5)
    out = run(denoiser, quiet, 511)
    assert np.isfinite(out).all()
    assert np.abs(out[:, 2 * denoiser.latency_samples :]).max() < 2.0


def test_a_model_that_breaks_down_costs_frames_but_not_the_stream(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    model = load_model(tiny_models.overflowing().save(tmp_path / "m.onnx"))
    audio = bursts(rng, 48_000, 1.0)
    audio[:, 20_000:20_100] *= np.float32(1e9)
    results = []
    for block_size in (64, 480, 48_000):
        denoiser = prepared(model)
        results.append(run_aligned(denoiser, audio, block_size))
        assert denoiser.num_faulty_frames == 0  # run_aligned resets at the end
        denoiser.process(audio[:, :30_000])
        assert 0 < denoiser.num_faulty_frames <= 3
    for out in results:
        assert out == pytest.approx(results[0], abs=1e-5)
        assert largest_difference(out[:, :18_000], audio[:, :18_000]) <= 1e-5
        assert largest_difference(out[:, 23_000:], audio[:, 23_000:]) <= 1e-5
        assert not out[:, 20_000:20_100].any()


@pytest.mark.level(6)
def test_a_refused_prepare_leaves_everything_as_it_was(identity: Model, rng: np.random.Generator) -> None:
    audio = noise(rng, 2, 4000)
    expected = run(prepared(identity, 16_000), audio, 500)
    denoiser = BlockDenoiser(identity)
    bad: list[tuple[type[Exception], str, tuple[Any, Any, Any]]] = [
        (ValueError, "sample_rate", (0, 512, 2)),
        (ValueError, "sample_rate", (-48_000, 512, 2)),
        (ValueError, "sample_rate", (float("nan"), 512, 2)),
        (ValueError, "sample_rate", (float("inf"), 512, 2)),
        (TypeError, "sample_rate", ("48000", 512, 2)),
        (ValueError, "max_block_size", (48_000, 0, 2)),
        (TypeError, "max_block_size", (48_000, 12.5, 2)),
        (ValueError, "num_channels", (48_000, 512, 0)),
        (ValueError, "num_channels", (48_000, 512, -1)),
        (ValueError, "num_channels", (48_000, 512, 100_000)),
        (TypeError, "num_channels", (48_000, 512, None)),
    ]
    for error, name, arguments in bad:
        with pytest.raises(error, match=rf"^{name} must be .* \(got "):
            denoiser.prepare(*arguments)
    with pytest.raises(RuntimeError, match="not prepared"):
        _ = denoiser.latency_samples
    assert repr(denoiser)
    denoiser.prepare(16_000, 512, 2)
    first = denoiser.process(audio[:, :1000])
    for error, _, arguments in bad:
        with pytest.raises(error):
            denoiser.prepare(*arguments)
    rest = run(denoiser, audio[:, 1000:], 500)
    assert np.array_equal(np.concatenate([first, rest], axis=1), expected)


def test_blocks_that_do_not_fit_are_refused_and_the_sound_goes_on(
    identity: Model, rng: np.random.Generator
) -> None:
    with pytest.raises(RuntimeError, match="prepare must be called first"):
        BlockDenoiser(identity).process(np.zeros((1, 8), np.float32))
    denoiser = prepared(identity, 16_000, 2)
    audio = noise(rng, 2, 3000)
    expected = run(denoiser, audio, 1000)
    denoiser.reset()
    parts = []
    for start in range(0, 3000, 1000):
        parts.append(denoiser.process(audio[:, start : start + 1000]))
        for shape in ((1, 8), (8,), (3, 8), (2, 8, 1)):
            with pytest.raises(ValueError, match=r"block must have shape \(2, samples\)"):
                denoiser.process(np.zeros(shape, np.float32))
        with pytest.raises(TypeError, match=r"float32 \(got int16\)"):
            denoiser.process(np.zeros((2, 8), np.int16))
        with pytest.raises(TypeError, match=r"float32 \(got list\)"):
            denoiser.process([[0.0], [0.0]])  # type: ignore[arg-type]
        assert denoiser.process(np.zeros((2, 0), np.float32)).shape == (2, 0)
    assert np.array_equal(np.concatenate(parts, axis=1), expected)


@pytest.mark.filterwarnings("error")
def test_any_layout_and_float_type_is_read_and_never_written(
    stateful: Model, rng: np.random.Generator
) -> None:
    audio = noise(rng, 2, 4000)
    expected = run(prepared(stateful, 16_000), audio, 1000)
    variants = [
        np.asfortranarray(audio),
        np.repeat(audio, 2, axis=1)[:, ::2],
        audio.astype(np.float64),
        audio.astype(">f4"),
    ]
    for variant in variants:
        before = variant.copy()  # type: ignore[attr-defined]
        variant.setflags(write=False)  # type: ignore[attr-defined]
        out = run(prepared(stateful, 16_000), variant, 1000)  # type: ignore[arg-type]
        assert out.dtype == np.float32
        assert np.array_equal(out, expected)
        assert np.array_equal(variant, before)  # type: ignore[arg-type]
    huge = np.full((2, 4), 1e300)
    assert not prepared(stateful, 16_000).process(huge).any()


def test_what_process_returns_belongs_to_the_caller(any_model: Model, rng: np.random.Generator) -> None:
    audio = bursts(rng, 48_000, 0.2)
    changes: list[dict[str, Any]] = [{}, {"mix": 0.0}, {"mix": 0.5}]
    for settings in changes:
        expected = run(prepared(any_model, **settings), audio, 480)
        denoiser, parts = prepared(any_model, **settings), []
        for start in range(0, audio.shape[1], 480):
            block = audio[:, start : start + 480].copy()
            out = denoiser.process(block)
            parts.append(out.copy())
            out[:] = 1e6
            block[:] = 1e6
        assert np.array_equal(np.concatenate(parts, axis=1), expected)


# -- meters -----------------------------------------------------------------------------------------


def test_meters_read_what_happens(tmp_path: Path) -> None:
    half = load_model(tiny_models.constant_mask(0.5).save(tmp_path / "half.onnx"))
    denoiser = prepared(half, 48_000, 1)
    assert (denoiser.gain_reduction_db, denoiser.presence) == (0.0, 0.0)
    assert denoiser.input_peak_db == denoiser.output_peak_db == -200.0
    run(denoiser, sine(48_000, 1000.0, 0.2, 0.5), 480)
    assert denoiser.gain_reduction_db == pytest.approx(6.02, abs=0.01)
    assert denoiser.presence == pytest.approx(0.25, abs=0.01)
    assert denoiser.input_peak_db == pytest.approx(-6.02, abs=0.01)
    assert denoiser.output_peak_db == pytest.approx(-12.04, abs=0.01)
    denoiser.gate_threshold_db = 0.0
    run(denoiser, sine(48_000, 1000.0, 2.0, 0.5), 480)
    assert denoiser.gain_reduction_db == pytest.approx(6.02 + 80.0, abs=0.1)
    denoiser.reset()
    assert denoiser.gain_reduction_db == 0.0


def test_presence_is_the_models_own_when_it_has_an_opinion(tiny_folder: Path) -> None:
    denoiser = prepared(load_model(tiny_folder / "presence.onnx"), 16_000, 1)
    run(denoiser, sine(16_000, 1000.0, 0.2, 0.9), 480)
    loud = denoiser.presence
    run(denoiser, sine(16_000, 1000.0, 0.2, 0.01), 480)
    assert 0.9 < loud <= 1.0
    assert 0.0 <= denoiser.presence < 0.1
