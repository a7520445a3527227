"""The native engine against onnxruntime and numpy: networks, sound, settings, readings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hushgate.engine import PARAMETERS, BlockDenoiser, available_models, load_model
from hushgate.engine.native import compile_model
from hushgate.engine.native.library import NativeLibrary, NativePath, _read
from hushgate.engine.parameters import ParameterValues

Audio = NDArray[np.float32]

MODELS = available_models()
RATES = (8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)
# Rates and channels take turns, so that every model meets all of both.
FORMATS = [
    (name, rate, (1, 2, 6)[(index + number) % 3])
    for index, name in enumerate(MODELS)
    for number, rate in enumerate(RATES)
]
KERNELS = ("base", "avx2", "avx512")
# Settings one after the other, a tenth of a second each: every parameter moves while sound runs.
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"gate_threshold_db": -45.0, "attack_ms": 20.0, "hold_ms": 10.0},
    {"mix": 0.6, "hum_reduction_db": 40.0, "release_ms": 40.0, "gate_floor_db": -30.0},
    {"channel_link": "independent", "attenuation_limit_db": 12.0},
    {"output": "residual", "presence_db": 3.0, "gate_hysteresis_db": 2.0},
    {"channel_link": "linked", "output": "denoised", "presence_db": -60.0},
)


def sound(rate: float, num_channels: int, *, is_wide: bool = False, seconds: float = 0.6) -> Audio:
    """Bursts of a harmonic tone in noise: in the middle, or different in every channel."""
    rng = np.random.default_rng(1)
    time_s = np.arange(round(rate * seconds)) / rate
    tone = sum(np.sin(2 * np.pi * 196.0 * k * time_s + k) / k for k in range(1, 15) if 196 * k < rate / 2)
    burst = 0.2 * np.sin(2 * np.pi * 3.0 * time_s) ** 2 * tone
    noise = 0.02 * rng.standard_normal((num_channels if is_wide else 1, len(time_s)))
    gains = np.linspace(0.5, 1.0, num_channels)[:, None] if is_wide else np.ones((num_channels, 1))
    return (gains * burst + noise).astype(np.float32)


def run_settings(denoiser: BlockDenoiser, audio: Audio, rate: float, block: int) -> Audio:
    """Stream a sound in blocks through all of `SETTINGS`."""
    denoiser.prepare(rate, block, len(audio))
    parts = []
    for index, settings in enumerate(SETTINGS):
        for name, value in settings.items():
            setattr(denoiser, name, value)
        begin, end = (round(rate * 0.1 * (index + offset)) for offset in (0, 1))
        parts += [denoiser.process(audio[:, at : min(at + block, end)]) for at in range(begin, end, block)]
    return np.concatenate(parts, axis=1)


def needs_kernels(library: NativeLibrary, kernels: str) -> None:
    if kernels not in library.kernels:
        pytest.skip(f"this processor does not run the kernels {kernels}")


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("name", MODELS)
def test_masks_are_those_of_onnxruntime(
    name: str, kernels: str, library: NativeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_kernels(library, kernels)
    model = load_model(name)
    handle = _read(library, model)
    monkeypatch.setattr(compile_model, "TOLERANCE", 5e-5)
    compile_model.compare(
        model, lambda spectrum, levels: library.run_network(handle, spectrum, levels, kernels)
    )


@pytest.mark.parametrize(("name", "rate", "num_channels"), FORMATS)
def test_output_is_that_of_the_onnx_engine_while_every_parameter_moves(
    name: str, rate: int, num_channels: int, native: NativeLibrary
) -> None:
    assert {key for settings in SETTINGS for key in settings} == native.parameters.keys()
    audio = sound(rate, num_channels)
    expected = run_settings(BlockDenoiser(name, engine="onnx"), audio, rate, 8_192)
    found = run_settings(BlockDenoiser(name, engine="native"), audio, rate, 441)
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_recording_whose_beginning_was_learnt_begins_as_with_the_onnx_engine(
    name: str, native: NativeLibrary
) -> None:
    audio, outputs = sound(48_000, 1), []
    for engine in ("onnx", "native"):
        denoiser = BlockDenoiser(name, engine=engine)
        denoiser.prepare(48_000, 8_192, 1)
        denoiser.learn()
        denoiser.process(audio)
        denoiser.reset()
        outputs.append(denoiser.process(audio))
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("num_channels", [2, 6])
@pytest.mark.parametrize("name", MODELS)
def test_output_in_wide_noise_is_that_of_the_onnx_engine(
    name: str, num_channels: int, native: NativeLibrary
) -> None:
    audio = sound(48_000, num_channels, is_wide=True)
    expected = run_settings(BlockDenoiser(name, engine="onnx"), audio, 48_000, 8_192)
    found = run_settings(BlockDenoiser(name, engine="native"), audio, 48_000, 480)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("name", "rate"), [("music", 44_100), ("voice", 32_000), ("guitar", 11_025)])
def test_output_is_the_same_at_every_width(
    name: str, rate: int, kernels: str, library: NativeLibrary
) -> None:
    needs_kernels(library, kernels)
    audio = sound(rate, 2, seconds=0.5)
    outputs = []
    for loops in (kernels, None):
        path = NativePath(library, _read(library, load_model(name)), loops)
        assert path.kernels == (loops or library.kernels[0])
        path.prepare(rate, 1, 2)
        path.configure(ParameterValues(gate_threshold_db=-40.0, mix=0.9))
        outputs.append(path.process(audio))
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_readings_are_those_of_the_onnx_engine(name: str, native: NativeLibrary) -> None:
    audio = sound(48_000, 2)
    audio[1, 1_000:1_003] = np.nan, np.inf, 2e12
    denoisers = [BlockDenoiser(name, engine="onnx"), BlockDenoiser(name, engine="native")]
    for denoiser in denoisers:
        denoiser.gate_threshold_db = -30.0
        denoiser.prepare(48_000, 4_800, 2)
    for at in range(0, audio.shape[1], 4_800):
        for denoiser in denoisers:
            denoiser.process(audio[:, at : at + 4_800])
        onnx, native_one = (
            [d.gain_reduction_db, d.presence, d.input_peak_db, d.output_peak_db] for d in denoisers
        )
        assert native_one == pytest.approx(onnx, abs=2e-3)
    assert [denoiser.num_nonfinite for denoiser in denoisers] == [3, 3]
    denoisers[1].reset()
    assert (denoisers[1].num_nonfinite, denoisers[1].gain_reduction_db) == (0, 0.0)


@pytest.mark.parametrize("gain_db", [-66.0, 34.0])
def test_very_quiet_and_very_loud_sound_is_that_of_the_onnx_engine(
    gain_db: float, native: NativeLibrary
) -> None:
    audio = sound(16_000, 2, seconds=1.0) * np.float32(10.0 ** (gain_db / 20.0))
    outputs = []
    for denoiser in (BlockDenoiser("voice", engine="onnx"), BlockDenoiser("voice", engine="native")):
        denoiser.prepare(16_000, 16_000, 2)
        first = denoiser.process(audio[:, :8_000])
        denoiser.channel_link = "independent"
        outputs.append(np.concatenate([first, denoiser.process(audio[:, 8_000:])], axis=1))
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=0.0, atol=1e-5 * np.abs(audio).max())


def test_names_and_defaults_are_those_of_the_table(library: NativeLibrary) -> None:
    assert list(library.parameters) == list(PARAMETERS)
    for name in library.parameters:
        parameter = PARAMETERS[name]
        if parameter.choices is not None:
            assert parameter.choices[int(library.default(name))] == parameter.default
        else:
            expected = np.inf if parameter.default is None else parameter.default
            assert library.default(name) == expected
