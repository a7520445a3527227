"""Audio callback: its output, sample for sample."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from hushgate import Denoiser
from hushgate.engine import PARAMETERS
from hushgate.live import Tap
from hushgate.live.processing.callback import Processor
from hushgate.live.processing.trial_run import run_trial
from tests.helpers.live_fakes import RATE, Audio, Clock, LateEffect, SlowEffect
from tests.helpers.seeded_noise import noise

BLOCK = 256
FADE = 960  # 20 ms
# The sound fades in during the first 20 ms.
STEADY = slice(FADE, None)


def still() -> float:
    """A clock for tests in which nothing takes any time."""
    return 0.0


def make(effect, latency: int, *, num_channels: int = 1, clock=still, **options) -> Processor:  # type: ignore[no-untyped-def]
    return Processor(
        effect,
        sample_rate=RATE,
        num_channels=num_channels,
        block_size=BLOCK,
        reserve_s=BLOCK / RATE,
        latency_samples=latency,
        clock=clock,
        **options,
    )


def play(processor: Processor, sound: Audio, size: int = BLOCK, num_outputs: int | None = None) -> Audio:
    """The output for (channels, samples), processed in blocks, in the same layout."""
    out = np.full((sound.shape[1], num_outputs or sound.shape[0]), np.nan, np.float32)
    for start in range(0, sound.shape[1], size):
        part = slice(start, start + size)
        processor.process(np.ascontiguousarray(sound.T[part]), out[part])
    return out.T


def late(sound: Audio, latency: int) -> Audio:
    return np.concatenate([np.zeros((len(sound), latency), np.float32), sound], axis=1)[:, : sound.shape[1]]


# -- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 16, 255, 256, 1000])
@pytest.mark.parametrize("latency", [0, 100, 1536])
def test_output_is_the_effect_late_by_its_latency_at_every_block_size(size: int, latency: int) -> None:
    sound = noise(1, 6000)
    out = play(make(LateEffect(latency), latency), sound, size)
    np.testing.assert_array_equal(out[:, STEADY], late(-sound, latency)[:, STEADY])


@pytest.mark.parametrize("num_channels", [1, 2])
def test_denoiser_gives_the_same_samples_as_offline(stateful: str, num_channels: int) -> None:
    sound = noise(num_channels, 24_000)
    effect = Denoiser(stateful)
    shown = run_trial(effect, RATE, num_channels, BLOCK, BLOCK / RATE)
    out = play(make(effect, shown.latency_samples, num_channels=num_channels), sound)
    expected = late(Denoiser(stateful)(sound, RATE), shown.latency_samples)
    np.testing.assert_allclose(out[:, STEADY], expected[:, STEADY], atol=1e-5)


def test_bypass_is_the_input_as_late_as_the_effect_bit_for_bit() -> None:
    sound = noise(2, 6000)
    processor = make(LateEffect(1536), 1536, num_channels=2)
    processor.bypass = True
    out = play(processor, sound)
    start = 2 * FADE + BLOCK  # it was set before the first block, yet is a change
    np.testing.assert_array_equal(out[:, start:], late(sound, 1536)[:, start:])


def test_an_effect_that_begins_to_hold_back_more_costs_one_gap_and_stays_aligned_with_bypass() -> None:
    sound = noise(1, 40_000)
    effect = LateEffect(100)
    processor = make(effect, 100)
    play(processor, sound[:, :10_240])
    effect.latency = 700
    out = play(processor, sound[:, 10_240:30_720])
    assert processor.num_gaps >= 1
    assert processor.latency_samples == 700
    num_gaps = processor.num_gaps
    np.testing.assert_array_equal(out[:, 4000:], -sound[:, 10_240 + 4000 - 700 : 30_720 - 700])
    processor.bypass = True
    out = play(processor, sound[:, 30_720:])
    np.testing.assert_array_equal(
        out[:, FADE + BLOCK :], sound[:, 30_720 + FADE + BLOCK - 700 : 40_000 - 700]
    )
    assert processor.num_gaps == num_gaps


def test_empty_block_changes_nothing() -> None:
    processor = make(LateEffect(10), 10)
    processor.process(np.empty((0, 1), np.float32), np.empty((0, 1), np.float32))
    assert processor.num_processed == 0


# -- beginning and end --------------------------------------------------------------------------


def test_sound_fades_in_and_out_and_ends_to_the_sample() -> None:
    tap = Tap(1, 20_000)
    processor = make(LateEffect(0), 0, num_samples=10_000, taps=[tap])
    out = play(processor, np.full((1, 12_000), -0.5, np.float32))
    assert processor.is_finished
    assert processor.num_processed == 10_000
    assert not out[:, 10_000:].any()
    assert np.abs(np.diff(out)).max() < 1.01 * 0.5 / FADE
    np.testing.assert_array_equal(out[:, FADE : 10_000 - FADE], 0.5)
    np.testing.assert_array_equal(tap.read(), out[:, :10_000])


def test_finish_fades_out_from_wherever_it_stands() -> None:
    processor = make(LateEffect(0), 0)
    first = play(processor, np.full((1, 4096), -0.5, np.float32))
    processor.finish()
    last = play(processor, np.full((1, 2048), -0.5, np.float32))
    assert processor.is_finished
    assert np.abs(np.diff(np.concatenate([first, last], axis=1)[0, FADE:])).max() < 1.01 * 0.5 / FADE
    assert not last[:, FADE:].any()


# -- channels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("num_channels", "num_outputs", "expected"),
    [
        (1, 2, lambda x: np.stack([x[0], x[0]])),
        (2, 1, lambda x: x.mean(axis=0, keepdims=True)),
        (2, 2, lambda x: x),
        (2, 4, lambda x: np.concatenate([x, np.zeros_like(x)])),
        (3, 2, lambda x: np.stack([x.mean(axis=0)] * 2)),
    ],
)
def test_channels_reach_the_outputs(num_channels, num_outputs, expected) -> None:  # type: ignore[no-untyped-def]
    sound = noise(num_channels, 2048)
    out = play(make(LateEffect(0), 0, num_channels=num_channels), sound, num_outputs=num_outputs)
    np.testing.assert_allclose(out[:, STEADY], expected(-sound)[:, STEADY], atol=1e-7)


def test_inputs_beyond_those_wanted_are_left_out() -> None:
    sound = noise(2, 2048)
    processor = make(LateEffect(0), 0, num_channels=1)
    out = play(processor, sound, num_outputs=1)
    np.testing.assert_array_equal(out[:, STEADY], -sound[:1, STEADY])


# -- overload -----------------------------------------------------------------------------------


def overloaded(latency: int = 700, block: int = BLOCK) -> tuple[Processor, SlowEffect, Clock]:
    clock = Clock()
    effect = SlowEffect(clock, 0.0, latency)
    return make(effect, latency, clock=clock), effect, clock


def test_overload_goes_over_to_the_dry_signal_without_a_click_and_calls_the_effect_no_more() -> None:
    processor, effect, _ = overloaded()
    time_s = np.arange(48_000) / RATE
    sound = (0.5 * np.sin(2 * np.pi * 100.0 * time_s)).astype(np.float32)[None]
    first = play(processor, sound[:, :12_032])
    effect.cost_s = 0.030  # blocks of 5.3 ms
    second = play(processor, sound[:, 12_032:24_064])
    calls = effect.num_calls
    third = play(processor, sound[:, 24_064:])
    assert processor.state == "overload"
    assert processor.num_overloads == 1
    assert effect.num_calls == calls
    out = np.concatenate([first, second, third], axis=1)
    np.testing.assert_array_equal(third, late(sound, 700)[:, 24_064:])
    # From -x to x within a block: at most the sine's own slope and the fade's.
    assert np.abs(np.diff(out)).max() < 2 * np.pi * 100.0 / RATE * 0.5 + 1.1 / BLOCK


def test_a_slow_effect_is_called_a_few_times_not_hundreds() -> None:
    processor, effect, _ = overloaded()
    effect.cost_s = 0.5
    play(processor, noise(1, 48_000))
    assert effect.num_calls <= 3


def test_effect_comes_back_after_listening_without_a_click() -> None:
    processor, effect, _ = overloaded()
    sound = np.full((1, 96_000), 0.25, np.float32)
    effect.cost_s = 0.030
    play(processor, sound[:, :12_032])
    assert processor.state == "overload"
    effect.cost_s = 0.0
    effect.reset()
    processor.resume()
    assert processor.state == "returning"  # type: ignore[comparison-overlap]
    listening = play(processor, sound[:, :9_984])
    assert processor.state == "returning"
    np.testing.assert_array_equal(listening, 0.25)
    back = play(processor, sound[:, :12_032])
    assert processor.state == "running"
    np.testing.assert_array_equal(back[:, -5000:], -0.25)
    assert np.abs(np.diff(np.concatenate([listening, back], axis=1))).max() < 1.01 * 0.5 / FADE


def test_effect_that_is_still_too_slow_is_given_up_again_and_nothing_was_heard_of_it() -> None:
    processor, effect, _ = overloaded()
    sound = np.full((1, 24_064), 0.25, np.float32)
    effect.cost_s = 0.030
    play(processor, sound)
    effect.reset()
    processor.resume()
    out = play(processor, sound)
    assert processor.state == "overload"
    assert processor.num_overloads == 2
    np.testing.assert_array_equal(out, 0.25)


def test_effect_that_fails_leaves_the_dry_signal_and_the_reason() -> None:
    class Failing(LateEffect):
        def process(self, *args, **options):  # type: ignore[no-untyped-def]
            if self.fails:
                raise RuntimeError("out of order")
            return super().process(*args, **options)

        fails = False

    effect = Failing(0)
    processor = make(effect, 0)
    sound = np.full((1, 4096), 0.25, np.float32)
    before = play(processor, sound)
    effect.fails = True
    after = play(processor, sound)
    assert str(processor.error) == "out of order"
    np.testing.assert_array_equal(after[:, BLOCK:], 0.25)
    assert np.abs(np.diff(np.concatenate([before, after], axis=1))).max() < 1.1 * 0.5 / BLOCK
    processor.resume()
    assert processor.state == "overload"  # it is not called again


# -- mishaps ------------------------------------------------------------------------------------


def test_dropouts_count_once_each_and_not_while_the_devices_start() -> None:
    processor = make(LateEffect(0), 0)
    block, out = np.zeros((BLOCK, 1), np.float32), np.zeros((BLOCK, 1), np.float32)
    for number in range(400):
        processor.process(block, out, number in (0, 5, 50, 200, 201, 202, 300))
    assert processor.num_dropouts == 2


def test_what_is_no_number_becomes_silence_on_the_way_in_and_out() -> None:
    class Broken(LateEffect):
        def process(self, input_array, *_args, **_options):  # type: ignore[no-untyped-def]
            assert np.isfinite(input_array).all()
            out = input_array.copy()
            out[:, 3] = np.nan
            return out

    sound = np.full((1, 4096), 0.25, np.float32)
    sound[0, 2000] = np.inf
    processor = make(Broken(), 0)
    out = play(processor, sound)
    assert np.isfinite(out).all()
    assert processor.num_nonfinite == 1 + 4096 // BLOCK
    assert out[0, 2000] == 0.0


def test_too_loud_is_limited_to_full_scale_and_counted() -> None:
    processor = make(LateEffect(0), 0)
    sound = np.zeros((1, 4096), np.float32)
    sound[0, 3000:3010] = 2.0
    out = play(processor, sound)
    assert out.min() == -1.0
    assert processor.num_clipped == 10


def test_a_reader_that_is_late_costs_sound_only_on_its_own_side() -> None:
    tap = Tap(1, 1000)
    sound = noise(1, 8192)
    processor = make(LateEffect(0), 0, taps=[tap])
    out = play(processor, sound)
    np.testing.assert_array_equal(out[:, STEADY], -sound[:, STEADY])
    assert tap.num_lost == 8192 - 3 * BLOCK


# -- everything moves ---------------------------------------------------------------------------


def random_value(name: str, rng: np.random.Generator) -> object:
    parameter = PARAMETERS[name]
    if parameter.choices:
        return str(rng.choice(parameter.choices))
    if parameter.special and rng.random() < 0.2:
        return next(iter(parameter.special))
    return float(rng.uniform(parameter.minimum, parameter.maximum))


@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=pytest.mark.level(10))])
def test_random_settings_from_another_thread_make_no_gap_and_no_click(
    stateful: str, rng: np.random.Generator, seconds: int
) -> None:
    """Every parameter, bypass too, moves all the time under a sine; no step is much larger than its own."""
    frequency, amplitude = 200.0, 0.25
    effect = Denoiser(stateful)
    latency = run_trial(effect, RATE, 1, BLOCK, BLOCK / RATE).latency_samples
    processor = make(effect, latency)
    done = threading.Event()
    changes = [0]

    def turn_knobs() -> None:
        names = list(PARAMETERS)
        while not done.is_set():
            for name in names:
                setattr(effect, name, random_value(name, rng))
                changes[0] += 1
            processor.bypass = bool(rng.random() < 0.2)
            time.sleep(0.0005)

    phase = np.arange(RATE) * (2 * np.pi * frequency / RATE)
    second = (amplitude * np.sin(phase)).astype(np.float32)[None]
    knobs = threading.Thread(target=turn_knobs)
    knobs.start()
    try:
        played = [play(processor, second) for _ in range(seconds)]
    finally:
        done.set()
        knobs.join()
    out = np.concatenate(played, axis=1)
    assert changes[0] > 10 * seconds
    assert np.isfinite(out).all()
    assert processor.error is None
    assert (processor.num_gaps, processor.num_overloads, processor.latency_samples) == (0, 0, latency)
    own_step = amplitude * 2 * np.pi * frequency / RATE
    assert np.abs(np.diff(out)).max() < 2.0 * own_step
