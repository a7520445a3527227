"""Hum removal in the core: the sound of `HumReducer`, in streams and in recordings that were learnt."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from hushgate.engine import BlockDenoiser, load_model
from hushgate.engine.block_denoiser import EngineName
from hushgate.engine.hum.hum_reducer import HumReducer
from hushgate.engine.native.library import NativeLibrary, NativePath, _read
from hushgate.engine.parameters import ParameterValues
from tests.native.test_parity import KERNELS, Audio, needs_kernels

# (rate, hum, channels, wide)
FORMATS = [
    (8_000, 50.0, 1, False),
    (11_025, 120.0, 2, True),
    (16_000, 60.0, 2, False),
    (44_100, 100.0, 6, True),
    (48_000, 50.0, 2, True),
    (88_200, 60.0, 1, False),
    (192_000, 100.0, 2, True),
]
EVERYDAY = 8_000


def music_in_hum(
    rate: int, hum_hz: float, num_channels: int, *, is_wide: bool, seconds: float = 11.0
) -> Audio:
    """Notes of decaying harmonics in a little noise, and hum that drifts; wide: panned, and noise in each."""
    rng = np.random.default_rng(3)
    time_s = np.arange(round(rate * seconds)) / rate
    audio = np.zeros((num_channels, len(time_s)))
    for index, step in enumerate(rng.integers(-12, 12, int(4 * seconds))):
        begin = index * rate // 4
        at_s = time_s[: min(len(time_s) - begin, rate * 6 // 10)]
        pitch = 220.0 * 2.0 ** (step / 12.0)
        tones = [np.sin(2 * np.pi * pitch * k * at_s + k) / k for k in range(1, 9) if pitch * k < 0.45 * rate]
        pan = (
            np.linspace(0.3, 1.0, num_channels)[:: 1 - 2 * (index % 2)] if is_wide else np.ones(num_channels)
        )
        audio[:, begin : begin + len(at_s)] += 0.15 * pan[:, None] * (np.exp(-4.0 * at_s) * sum(tones))
    phase = 2 * np.pi * (hum_hz + 0.03 + 0.0005 * time_s) * time_s
    lines = [np.sin(k * phase + k * k) / k**0.7 for k in range(1, 40) if k * hum_hz < min(3_000, 0.45 * rate)]
    gains = np.linspace(1.0, 0.4, num_channels) if is_wide else np.ones(num_channels)
    audio += 0.02 * gains[:, None] * sum(lines)
    audio += 0.001 * rng.standard_normal((num_channels if is_wide else 1, len(time_s)))
    return audio.astype(np.float32)


def native_path(
    library: NativeLibrary, rate: float, num_channels: int, kernels: str | None = None, **settings: Any
) -> NativePath:
    """The core as a remover of hum alone, unless settings say otherwise."""
    path = NativePath(library, _read(library, load_model("voice")), kernels)
    path.prepare(rate, 1, num_channels)
    path.configure(ParameterValues(**{"mix": 0.0, "hum_reduction_db": 40.0, **settings}))
    return path


def in_blocks(process: Any, audio: Audio, size: int) -> Audio:
    return np.concatenate(
        [process(audio[:, at : at + size]) for at in range(0, audio.shape[1], size)], axis=1
    )


@pytest.mark.parametrize(
    ("rate", "hum_hz", "num_channels", "is_wide"),
    [pytest.param(*row, marks=[] if row[0] == EVERYDAY else pytest.mark.level(7)) for row in FORMATS],
)
def test_what_remains_of_music_in_hum_is_that_of_python(
    rate: int, hum_hz: float, num_channels: int, is_wide: bool, library: NativeLibrary
) -> None:
    audio = music_in_hum(rate, hum_hz, num_channels, is_wide=is_wide)
    reducer = HumReducer(rate, num_channels, 40.0)
    expected = in_blocks(reducer.process, audio, 8_192)
    found = in_blocks(native_path(library, rate, num_channels).process, audio, 1_000)
    late = load_model("voice").latency_samples(rate)
    np.testing.assert_allclose(found[:, late:], expected[:, :-late], rtol=0.0, atol=1e-5)
    assert np.abs(expected - audio).max() > 0.02
    assert reducer.frequency_hz == pytest.approx(50.0 if hum_hz in (50.0, 100.0) else 60.0, abs=0.1)


@pytest.mark.level(7)
@pytest.mark.parametrize("model", ["voice", "music"])
def test_hum_and_noise_together_while_the_settings_move(model: str, native: NativeLibrary) -> None:
    rate = 16_000
    audio = music_in_hum(rate, 60.0, 2, is_wide=True)
    audio[1, 9 * rate : 9 * rate + 3] = np.nan, np.inf, 2e12
    audio[:, 9 * rate + 400 : 9 * rate + 800] = 0.0
    python = BlockDenoiser(model, engine="onnx")
    python.prepare(rate, 8_192, 2)
    path = NativePath(native, _read(native, load_model(model)))
    path.prepare(rate, 1, 2)
    moves: tuple[dict[str, Any], ...] = (
        {"hum_reduction_db": 40.0},
        {"hum_reduction_db": 12.0, "channel_link": "independent"},
        {"hum_reduction_db": 60.0, "output": "residual"},
        {"hum_reduction_db": 0.0},
        {"hum_reduction_db": 20.0, "mix": 0.5},
    )
    settings: dict[str, Any] = {}
    for index, moved in enumerate(moves):
        settings |= moved
        for name, value in moved.items():
            setattr(python, name, value)
        path.configure(ParameterValues(**settings))
        begin, end = (0, 8.5) if index == 0 else (8.5 + 0.5 * (index - 1), 8.5 + 0.5 * index)
        part = audio[:, round(begin * rate) : round(end * rate)]
        expected, found = in_blocks(python.process, part, 4_000), in_blocks(path.process, part, 441)
        np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-5)
    assert path.readings().num_nonfinite == python.num_nonfinite == 3


@pytest.mark.level(7)
def test_hum_removal_is_the_same_in_blocks_of_any_size(library: NativeLibrary) -> None:
    audio = music_in_hum(8_000, 50.0, 2, is_wide=True)
    whole = native_path(library, 8_000, 2).process(audio)
    for size in (1_000, 97):
        np.testing.assert_array_equal(in_blocks(native_path(library, 8_000, 2).process, audio, size), whole)
    own, path = audio.copy(), native_path(library, 8_000, 2)
    library.functions.hushgate_process_rows(
        path._handle.value, own.ctypes.data, own.shape[1], own.ctypes.data, own.shape[1], own.shape[1]
    )
    np.testing.assert_array_equal(own, whole)
    path.reset()
    np.testing.assert_array_equal(path.process(audio), whole)


@pytest.mark.level(7)
@pytest.mark.parametrize("kernels", KERNELS)
def test_hum_removal_is_the_same_at_every_width(kernels: str, library: NativeLibrary) -> None:
    needs_kernels(library, kernels)
    audio = music_in_hum(8_000, 50.0, 2, is_wide=True, seconds=9.0)
    outputs = [native_path(library, 8_000, 2, loops).process(audio) for loops in (kernels, None)]
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=0.0, atol=1e-6)


def test_without_hum_the_sound_passes_bit_for_bit(library: NativeLibrary) -> None:
    audio = (0.1 * np.random.default_rng(5).standard_normal((2, 9 * 8_000))).astype(np.float32)
    late = load_model("voice").latency_samples(8_000)
    found = native_path(library, 8_000, 2).process(audio)
    np.testing.assert_array_equal(found[:, late:], audio[:, :-late])


@pytest.mark.level(7)
@pytest.mark.parametrize("seconds", [35.0, 9.0, 3.0])
def test_a_known_beginning_gives_the_sound_of_python(seconds: float, library: NativeLibrary) -> None:
    rate = 16_000
    audio = music_in_hum(rate, 50.0, 2, is_wide=True, seconds=seconds)
    drone_s = np.arange(min(10 * rate, audio.shape[1])) / rate  # covers lines that are learnt later
    audio[:, : len(drone_s)] += np.float32(0.1) * np.sin(
        2 * np.pi * 148 * drone_s + np.sin(4 * drone_s)
    ).astype(np.float32)
    python = BlockDenoiser("music", engine="onnx", hum_reduction_db=40.0)
    python.prepare(rate, 8_192, 2)
    python.learn()
    python.process(audio)
    python.reset()
    path = NativePath(library, _read(library, load_model("music")))
    path.prepare(rate, 1, 2)
    path.configure(ParameterValues(hum_reduction_db=40.0))
    functions, size = library.functions, audio.shape[1]
    assert functions.hushgate_begin(path._handle.value, audio.ctypes.data, size, size, 1) == 0
    found = in_blocks(path.process, audio, 777)
    np.testing.assert_allclose(found, python.process(audio), rtol=0.0, atol=1e-5)
    hum_hz = functions.hushgate_hum_frequency(path._handle.value)
    assert hum_hz == pytest.approx(50.0 if seconds > 8.0 else 0.0, abs=0.1)


def test_a_bypass_passes_the_input_and_keeps_the_hum_known(library: NativeLibrary) -> None:
    rate = 8_000
    audio = music_in_hum(rate, 50.0, 1, is_wide=False)
    late, ramp, begin = load_model("voice").latency_samples(rate), 160, 8_500 * 8
    path, straight = native_path(library, rate, 1), native_path(library, rate, 1).process(audio)
    parts = [path.process(audio[:, :begin])]
    for is_bypassed in (1, 0):
        library.functions.hushgate_set_bypass(ctypes.c_void_p(path._handle.value), is_bypassed)
        parts.append(path.process(audio[:, begin : begin + 8_000]))
        begin += 8_000
    found = np.concatenate(parts, axis=1)
    bypassed = slice(68_000 + late + ramp, 76_000)
    np.testing.assert_array_equal(found[:, bypassed], audio[:, bypassed.start - late : bypassed.stop - late])
    again = slice(76_000 + late + ramp, 84_000)
    np.testing.assert_array_equal(found[:, again], straight[:, again])


@pytest.mark.level(7)
@pytest.mark.parametrize("seconds", [9.0, 3.0])
def test_a_denoiser_learns_in_both_engines_alike(seconds: float, native: NativeLibrary) -> None:
    rate = 16_000
    audio = music_in_hum(rate, 100.0, 2, is_wide=True, seconds=seconds)
    outputs = []
    engines: tuple[EngineName, ...] = ("onnx", "native")
    for engine in engines:
        denoiser = BlockDenoiser("music", engine=engine, hum_reduction_db=40.0)
        denoiser.prepare(rate, 8_192, 2)
        for _ in range(2):  # a second recording knows nothing of the first
            denoiser.learn()
            passed = in_blocks(denoiser.process, audio[:, : 8 * rate], 5_000)
            late = denoiser.latency_samples
            np.testing.assert_array_equal(passed[:, late:], audio[:, : passed.shape[1] - late])
            denoiser.reset()
            outputs.append(in_blocks(denoiser.process, audio, 5_000))
            denoiser.reset()
        outputs.append(in_blocks(denoiser.process, audio, 5_000))
    for onnx, found in zip(outputs[:3], outputs[3:], strict=True):
        np.testing.assert_allclose(found, onnx, rtol=0.0, atol=1e-5)
    np.testing.assert_array_equal(outputs[0], outputs[1])
