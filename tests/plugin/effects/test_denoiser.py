"""The plugin's Denoiser: alignment, streaming, settings, copies, meters."""

from __future__ import annotations

import copy
import inspect
import itertools
import json
import math
import pickle
import threading
from typing import Any

import numpy as np
import pytest

from hushgate import Denoiser
from hushgate.engine import PARAMETERS, ModelError, load_model
from tests.helpers.seeded_noise import noise

RATE = 48_000

OTHER_VALUES: dict[str, Any] = {
    "mix": 0.25,
    "attenuation_limit_db": 18.0,
    "hum_reduction_db": 24.0,
    "gate_threshold_db": -45.0,
    "gate_floor_db": -30.0,
    "gate_hysteresis_db": 3.0,
    "attack_ms": 5.0,
    "hold_ms": 20.0,
    "release_ms": 250.0,
    "presence_db": 6.0,
    "output": "residual",
    "channel_link": "independent",
}


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_whole_recordings_come_back_aligned_and_as_long(identity: str, rate: int) -> None:
    sound = noise(2, rate // 2 + 137)
    np.testing.assert_allclose(Denoiser(identity)(sound, rate), sound, atol=1e-5)
    np.testing.assert_array_equal(Denoiser(identity, mix=0.0)(sound, rate), sound)


@pytest.mark.parametrize("num_samples", [1, 2, 100, 1535, 1536, 1537])
def test_recordings_shorter_than_the_latency_come_back_whole(identity: str, num_samples: int) -> None:
    sound = noise(num_samples)
    np.testing.assert_allclose(Denoiser(identity)(sound, RATE), sound, atol=1e-5)


@pytest.mark.parametrize("buffer_size", [1, 7, 480, 511, 4096, 1_000_000])
def test_buffer_size_does_not_change_the_sound(stateful: str, buffer_size: int) -> None:
    sound = noise(2, 5000)
    expected = Denoiser(stateful)(sound, RATE)
    np.testing.assert_allclose(Denoiser(stateful)(sound, RATE, buffer_size), expected, atol=1e-5)


@pytest.mark.parametrize("size", [1, 64, 480, 511, 4096])
def test_streamed_equals_whole(stateful: str, size: int) -> None:
    sound = noise(2, 9000)
    denoiser = Denoiser(stateful)
    expected = denoiser(sound, RATE)
    denoiser.reset()
    padded = np.pad(sound, ((0, 0), (0, denoiser.latency_samples)))
    # Blocks grow in the middle, where pedalboard's own plugins would lose their memory.
    edges = [0, 3, *range(3 + size, 5000, size), *range(5000, padded.shape[1], 2 * size), padded.shape[1]]
    parts = [denoiser(padded[:, start:end], RATE, reset=False) for start, end in itertools.pairwise(edges)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, atol=1e-5)


def test_reset_equals_a_new_object(stateful: str) -> None:
    used = Denoiser(stateful)
    used(noise(2, 4000, seed=1), RATE, reset=False)
    used.reset()
    sound = noise(2, 4000)
    np.testing.assert_array_equal(
        used(sound, RATE, reset=False), Denoiser(stateful)(sound, RATE, reset=False)
    )


def test_another_rate_or_channel_count_starts_afresh(stateful: str) -> None:
    sound = noise(2, 4000)
    for change in (lambda d: d(sound, 44_100, reset=False), lambda d: d(sound[0], RATE, reset=False)):
        denoiser = Denoiser(stateful)
        change(denoiser)  # type: ignore[no-untyped-call]
        np.testing.assert_array_equal(
            denoiser(sound, RATE, reset=False), Denoiser(stateful)(sound, RATE, reset=False)
        )


def test_a_refused_call_leaves_the_stream_alone(stateful: str) -> None:
    sound = noise(2, 6000)
    expected = Denoiser(stateful)
    denoiser = Denoiser(stateful)
    for start in (0, 3000):
        block = sound[:, start : start + 3000]
        for arguments, options in (
            ((block, 0), {}),
            ((block, RATE), {"buffer_size": 0}),
            ((block.astype(np.int16), RATE), {}),
            ((np.zeros((2, 3, 4)), RATE), {}),
        ):
            with pytest.raises((TypeError, ValueError)):
                denoiser(*arguments, **options)  # type: ignore[arg-type]
        np.testing.assert_array_equal(denoiser(block, RATE, reset=False), expected(block, RATE, reset=False))


def test_latency_is_zero_before_the_first_block_and_constant_from_then_on(identity: str) -> None:
    denoiser = Denoiser(identity)
    assert denoiser.latency_samples == denoiser.reported_latency_samples == 0
    denoiser(noise(100), 44_100)
    assert denoiser.latency_samples == denoiser.latency_samples_at(44_100) == 1408
    denoiser.reset()
    assert denoiser.reported_latency_samples == 1408
    denoiser(noise(100), RATE, buffer_size=1)
    assert denoiser.latency_samples == 1536


def test_an_impulse_arrives_after_the_reported_latency(identity: str) -> None:
    denoiser = Denoiser(identity)
    impulse = np.zeros(8000, np.float32)
    impulse[100] = 1.0
    streamed = denoiser(impulse, RATE, reset=False)
    missing = len(impulse) - len(streamed)
    assert missing == denoiser.latency_samples
    assert np.argmax(np.abs(streamed)) == 100  # what was held back stood before it


def test_signature_defaults_are_those_of_the_engine() -> None:
    signature = inspect.signature(Denoiser)
    defaults = {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if name not in ("model", "engine", "device")
    }
    assert [signature.parameters[name].default for name in ("engine", "device")] == ["auto", "cpu"]
    assert defaults == {name: parameter.default for name, parameter in PARAMETERS.items()}
    assert all(
        parameter.kind is parameter.KEYWORD_ONLY
        for name, parameter in signature.parameters.items()
        if name != "model"
    )


def test_every_parameter_is_a_documented_property_and_reads_what_was_given(identity: str) -> None:
    assert OTHER_VALUES.keys() == PARAMETERS.keys()
    denoiser = Denoiser(identity, **OTHER_VALUES)
    for name, value in OTHER_VALUES.items():
        assert getattr(denoiser, name) == value
        assert PARAMETERS[name].description in getattr(Denoiser, name).__doc__
        assert name in Denoiser.__doc__  # type: ignore[operator]
        setattr(denoiser, name, PARAMETERS[name].default)
        assert getattr(denoiser, name) == PARAMETERS[name].default


@pytest.mark.parametrize("name", [name for name, parameter in PARAMETERS.items() if not parameter.choices])
def test_a_refused_value_names_the_range_and_leaves_the_old_one(identity: str, name: str) -> None:
    denoiser = Denoiser(identity, **{name: OTHER_VALUES[name]})
    for value in (math.nan, 1e9, -1e9, math.inf):
        with pytest.raises(ValueError, match=rf"{name} must be between .* \(got {value}\)"):
            setattr(denoiser, name, value)
    with pytest.raises(TypeError, match=f"{name} must be"):
        setattr(denoiser, name, "loud")
    assert getattr(denoiser, name) == OTHER_VALUES[name]
    with pytest.raises(ValueError, match=f"{name} must be"):
        Denoiser(identity, **{name: 1e9})  # type: ignore[arg-type]


def test_unknown_parameters_and_readings_cannot_be_set(identity: str) -> None:
    with pytest.raises(TypeError):
        Denoiser(identity, strength=1.0)  # type: ignore[call-arg]
    denoiser = Denoiser(identity)
    for name in ("gain_reduction_db", "presence", "num_nonfinite", "latency_samples", "model"):
        with pytest.raises(AttributeError):
            setattr(denoiser, name, 1)
        assert getattr(Denoiser, name).__doc__


def test_repr_has_pedalboards_form_and_every_setting(identity: str) -> None:
    denoiser = Denoiser(identity, mix=0.5)
    text = repr(denoiser)
    assert text == repr(denoiser)
    assert text.startswith(f"<hushgate.Denoiser model={identity} mix=0.5 attenuation_limit_db=None ")
    assert text.endswith(f" at {hex(id(denoiser))}>")
    assert all(f" {name}=" in text for name in PARAMETERS)


@pytest.mark.parametrize(
    "clone",
    [
        copy.copy,
        copy.deepcopy,
        lambda denoiser: pickle.loads(pickle.dumps(denoiser)),
        lambda denoiser: Denoiser.from_dict(denoiser.to_dict()),
    ],
    ids=["copy", "deepcopy", "pickle", "dict"],
)
def test_copies_carry_the_settings_and_no_sound(stateful: str, clone: Any) -> None:
    original = Denoiser(stateful, **OTHER_VALUES)
    original(noise(2, 4000, seed=1), RATE, reset=False)
    copied = clone(original)
    assert copied.to_dict() == original.to_dict()
    sound = noise(2, 4000)
    fresh = Denoiser(stateful, **OTHER_VALUES)
    np.testing.assert_array_equal(copied(sound, RATE, reset=False), fresh(sound, RATE, reset=False))
    copied.mix = 1.0
    assert original.mix == 0.25


def test_to_dict_holds_plain_values_and_from_dict_defaults_the_rest(identity: str) -> None:
    settings = Denoiser(identity, attenuation_limit_db=12).to_dict()
    assert json.loads(json.dumps(settings)) == settings
    assert Denoiser.from_dict({"model": identity, "mix": 0.5}).to_dict() == {
        **Denoiser(identity).to_dict(),
        "mix": 0.5,
    }
    with pytest.raises(ValueError, match=r"'strength' is no setting of Denoiser\. Known: model, mix"):
        Denoiser.from_dict({"model": identity, "strength": 1.0})


def test_a_loaded_model_may_be_given(identity: str) -> None:
    denoiser = Denoiser(load_model(identity))
    assert pickle.loads(pickle.dumps(denoiser)).model == denoiser.model == identity
    assert denoiser.model_info.name == "tiny"


def test_a_missing_model_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx"):
        Denoiser("folder/nowhere.onnx")
    with pytest.raises(ModelError, match=r"nobody.*Shipped: "):
        Denoiser("nobody")


def test_meters_read_what_passed(models: Any) -> None:
    denoiser = Denoiser(models / "half.onnx")
    denoiser(np.full(10_000, 0.5, np.float32), RATE, reset=False)
    assert denoiser.input_peak_db == pytest.approx(-6.02, abs=0.01)
    assert denoiser.output_peak_db == pytest.approx(-12.04, abs=0.1)
    assert denoiser.gain_reduction_db == pytest.approx(6.02, abs=0.1)
    denoiser(np.array([math.nan, math.inf, 0.1], np.float32), RATE, reset=False)
    assert denoiser.num_nonfinite == 2


def test_settings_and_readings_from_other_threads_while_sound_runs(stateful: str) -> None:
    denoiser = Denoiser(stateful)
    stop = threading.Event()
    faults: list[BaseException] = []

    def meddle(seed: int) -> None:
        random = np.random.default_rng(seed)
        try:
            while not stop.is_set():
                denoiser.mix = float(random.random())
                denoiser.gate_threshold_db = float(random.uniform(-100.0, 0.0))
                repr(denoiser)
                assert denoiser.gain_reduction_db >= 0.0
                assert 0.0 <= denoiser.presence <= 1.0
                assert denoiser.latency_samples in (0, 1536)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=meddle, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    try:
        outputs = [denoiser(noise(2, 480, seed=seed), RATE, reset=False) for seed in range(200)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not faults
    assert np.isfinite(np.concatenate(outputs, axis=1)).all()


def test_two_threads_on_one_object_wait_for_each_other(stateful: str) -> None:
    denoiser = Denoiser(stateful)
    sound = noise(2, 30_000)
    expected = denoiser(sound, RATE)
    results: list[np.ndarray] = []

    def work() -> None:
        results.extend(denoiser(sound, RATE, buffer_size=512) for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    for result in results:
        np.testing.assert_allclose(result, expected, atol=1e-5)
