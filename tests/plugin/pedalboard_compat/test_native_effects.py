"""pedalboard's own effects: parameters, ranges and latencies, against the installed pedalboard."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np
import pedalboard
import pytest
from numpy.typing import NDArray

from hushgate import Chain
from hushgate.chain_graph.flatten import read_tree
from hushgate.chain_graph.latency import tree_latency
from hushgate.chain_graph.stages import NATIVE_BLOCK_SIZE, NativeStage, StreamFormat, prepare_native
from hushgate.pedalboard_compat.native_effects import NOT_STREAMABLE, describe_native, native_effects
from hushgate.pedalboard_compat.native_ranges import range_of
from tests.helpers.seeded_noise import noise

RATE = 48_000
NAMES = sorted(native_effects())


def test_effects_that_read_files_or_run_code_from_files_are_not_among_them() -> None:
    assert {"Gain", "Compressor", "HighpassFilter", "NoiseGate", "Reverb", "PitchShift"} <= set(NAMES)
    for name in ("Convolution", "VST3Plugin", "ExternalPlugin", "Plugin", "Pedalboard", "Mix", "Chain"):
        assert name not in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_settings_survive_being_read_and_made_again(name: str, rng: np.random.Generator) -> None:
    native = native_effects()[name]
    settings: dict[str, Any] = {}
    for parameter in native.parameters.values():
        if parameter.choices is not None:
            settings[parameter.name] = str(rng.choice(list(parameter.choices)))
        elif isinstance(parameter.default, bool):
            settings[parameter.name] = not parameter.default
        else:
            # pedalboard knows the ranges; one side of the default is always inside.
            default = float(parameter.default)
            for value in (round(default * 1.1, 2), round(default * 0.9, 2), default):
                with contextlib.suppress(ValueError):
                    native.make({parameter.name: value})
                    settings[parameter.name] = value
                    break
    effect = native.make(settings)
    described, values = describe_native(effect)
    assert described == name
    assert values == pytest.approx(settings)
    assert repr(native.make(values)).partition(" at ")[0] == repr(effect).partition(" at ")[0]


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("Compressor", {"ratio": 0.5}, "ratio must be between 1 and 1e[+]06"),
        (
            "Compressor",
            {"ratoi": 2.0},
            "'ratoi' is not a parameter of Compressor. Known: threshold_db",
        ),
        ("Gain", {"gain_db": float("nan")}, "gain_db must be between -80 and 80 dB"),
        ("Gain", {"gain_db": 10**400}, "gain_db must be between -80 and 80 dB"),
        ("Gain", {"gain_db": True}, "gain_db must be between -80 and 80 dB"),
        ("Gain", {"gain_db": "3"}, "gain_db must be between -80 and 80 dB"),
        ("BrickwallLimiter", {"true_peak": 1.0}, "true_peak must be true or false"),
        ("LadderFilter", {"mode": "HPF13"}, "mode must be one of 'LPF12', 'HPF12'"),
        ("PitchShift", {"semitones": 999}, "semitones must be between -48 and 48"),
    ],
)
def test_bad_settings_are_named_with_what_is_allowed(
    name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        native_effects()[name].make(settings)


def block_by_block(
    effect: pedalboard.Plugin, sound: NDArray[np.float32], sizes: list[int]
) -> NDArray[np.float32]:
    """As a chain runs it behind an effect with latency: prepared, then in blocks of any size."""
    form = StreamFormat(RATE, 1)
    prepare_native(effect, form)
    stage = NativeStage([effect], form)
    pieces, start = [], 0
    for size in sizes * (sound.shape[0] // sum(sizes)):
        pieces.append(stage.process(sound[np.newaxis, start : start + size], NATIVE_BLOCK_SIZE))
        start += size
    result: NDArray[np.float32] = np.concatenate(pieces, axis=1)[0]
    return result


@pytest.mark.parametrize("name", NAMES)
def test_those_that_pedalboard_cannot_run_block_by_block_are_known(name: str) -> None:
    """A failure here may be good news: pedalboard has changed, and the list with it."""
    kind = native_effects()[name].kind
    sound = noise(60_000)
    whole = kind()(sound, RATE)
    streamed = block_by_block(kind(), sound, [384, 480, 31])
    num_samples = min(len(streamed), 40_000)
    is_right = num_samples > 0 and np.allclose(streamed[:num_samples], whole[:num_samples], atol=1e-5)
    assert is_right == (name not in NOT_STREAMABLE)


@pytest.mark.parametrize("name", NAMES)
def test_a_prepared_plugin_is_as_a_new_one(name: str) -> None:
    kind = native_effects()[name].kind
    effect = kind()
    prepare_native(effect, StreamFormat(RATE, 1))
    np.testing.assert_array_equal(effect(noise(20_000), RATE), kind()(noise(20_000), RATE))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_STREAMABLE])
def test_measured_latency_is_what_a_stream_holds_back(name: str) -> None:
    effect = native_effects()[name].kind()
    latency = tree_latency(read_tree(Chain([effect])), RATE)
    effect.reset()
    assert effect(noise(5_000), RATE, reset=False).shape == (5_000 - latency,)


def test_latency_follows_the_settings() -> None:
    limiter = pedalboard.BrickwallLimiter(lookahead_ms=5.0)
    chain = Chain([limiter])
    assert chain.latency_samples_at(RATE) == 240
    limiter.lookahead_ms = 10.0
    assert chain.latency_samples_at(RATE) == 480
    assert chain.latency_samples_at(96_000) == 960


@pytest.mark.parametrize("name", NAMES)
def test_both_ends_of_every_range_give_finite_sound(name: str, rng: np.random.Generator) -> None:
    native = native_effects()[name]
    sound = (rng.standard_normal((2, 2400)) * 0.3).astype(np.float32)
    for parameter in native.parameters.values():
        if parameter.choices is not None or isinstance(parameter.default, bool):
            continue
        allowed = range_of(parameter.name)
        for value in (allowed.lowest, allowed.highest):
            with contextlib.suppress(ValueError):  # pedalboard's own range is narrower
                effect = native.make({parameter.name: value})
                assert np.isfinite(effect(sound, 48_000)).all(), (parameter.name, value)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("Phaser", {"rate_hz": 1e30}),
        ("Chorus", {"rate_hz": 1e30}),
        ("Chorus", {"feedback": 100.0}),
        ("HighpassFilter", {"cutoff_frequency_hz": -80.0}),
        ("Gain", {"gain_db": -1e30}),
        ("LadderFilter", {"drive": -1.0}),
        ("Compressor", {"attack_ms": math.nan}),
    ],
)
def test_values_beyond_the_physics_are_refused(name: str, settings: dict[str, float]) -> None:
    (parameter,) = settings
    with pytest.raises(ValueError, match=rf"{parameter} must be between .* and .* \(got "):
        native_effects()[name].make(settings)


def test_every_number_of_this_pedalboard_has_a_range() -> None:
    unknown = {
        parameter.name
        for native in native_effects().values()
        for parameter in native.parameters.values()
        if parameter.choices is None
        and not isinstance(parameter.default, bool)
        and range_of(parameter.name) is range_of("no such parameter")
    }
    assert unknown == set()
