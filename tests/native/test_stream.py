"""Promises of the native engine that need no second engine: blocks, state, latency, faults, memory."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hushgate.engine import BlockDenoiser, load_model
from hushgate.engine.native.compile_model import compile_model, read_network
from hushgate.engine.native.library import NativeLibrary, NativePath, _read
from hushgate.engine.native.weights_file import weight_shapes, write_weights_file
from hushgate.engine.parameters import ParameterValues
from tests.native.compiled import NATIVE, compiler
from tests.native.test_parity import Audio, sound

SETTINGS = ParameterValues(gate_threshold_db=-40.0, attenuation_limit_db=20.0)


def _path(library: NativeLibrary, name: str = "voice", *, num_channels: int = 2) -> NativePath:
    path = NativePath(library, _read(library, load_model(name)))
    path.prepare(48_000, 480, num_channels)
    path.configure(SETTINGS)
    return path


def _in_blocks(path: NativePath, audio: Audio, sizes: list[int]) -> Audio:
    parts, at = [], 0
    for size in sizes:
        parts.append(path.process(audio[:, at : at + size]))
        at += size
    parts.append(path.process(audio[:, at:]))
    return np.concatenate(parts, axis=1)


def test_output_does_not_depend_on_block_sizes_in_a_single_bit(
    library: NativeLibrary, rng: np.random.Generator
) -> None:
    audio = sound(48_000, 2, is_wide=True, seconds=0.4)
    whole = _path(library).process(audio)
    for sizes in ([1] * 2_000, [480] * 39, rng.integers(1, 3_000, 10).tolist()):
        np.testing.assert_array_equal(_in_blocks(_path(library), audio, sizes), whole)


def test_reset_and_prepare_equal_a_new_object(library: NativeLibrary) -> None:
    audio = sound(48_000, 2, seconds=0.3)
    path = _path(library, "music")
    first = path.process(audio)
    path.reset()
    np.testing.assert_array_equal(path.process(audio), first)
    path.prepare(44_100, 480, 1)
    path.prepare(48_000, 480, 2)
    np.testing.assert_array_equal(path.process(audio), first)


def test_without_mix_the_output_is_the_aligned_input_bit_for_bit(native: NativeLibrary) -> None:
    audio = sound(44_100, 2, seconds=0.3)
    denoiser = BlockDenoiser("guitar", engine="native", mix=0.0)
    denoiser.prepare(44_100, 512, 2)
    out = denoiser.process(audio)
    np.testing.assert_array_equal(out[:, denoiser.latency_samples :], audio[:, : -denoiser.latency_samples])
    assert not out[:, : denoiser.latency_samples].any()


def test_the_latency_is_the_models(library: NativeLibrary) -> None:
    for name in ("voice", "music", "guitar", "bass"):
        for rate in (8_000, 44_100, 48_000, 96_000, 192_000):
            path = _path(library, name)
            path.prepare(rate, 1, 1)
            found = library.functions.hushgate_latency(path._handle.value)
            assert found == load_model(name).latency_samples(rate)


def test_silence_stays_silent_and_the_state_stays_finite(library: NativeLibrary) -> None:
    path = _path(library, "music")
    path.process(sound(48_000, 2, seconds=0.2))
    path.process(np.zeros((2, 9_600), np.float32))
    assert not path.process(np.zeros((2, 4_800), np.float32)).any()
    path.process(np.full((2, 4_800), 1e-30, np.float32))
    assert np.isfinite(path.process(sound(48_000, 2, seconds=0.2))).all()
    assert path.readings().num_faulty_frames == 0


def test_faulty_samples_count_as_silence(library: NativeLibrary) -> None:
    audio = sound(48_000, 2, seconds=0.3)
    spoilt = audio.copy()
    audio[:, 5_000:5_004] = 0.0
    spoilt[:, 5_000:5_004] = np.nan, np.inf, -np.inf, 1e13
    np.testing.assert_array_equal(_path(library).process(spoilt), _path(library).process(audio))


def _fragile(library: NativeLibrary) -> NativePath:
    """A network that overflows where a tone of 4 kHz sounds, and passes on what lies far below it."""
    config, _ = read_network(load_model("voice"))
    rng = np.random.default_rng(0)
    weights = {
        name: (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)
        for name, shape in weight_shapes(config)
    }
    for name, values in weights.items():  # patches without sound stay exactly 0
        if name.startswith(("encode", "down")) and name.endswith("bias"):
            values[:] = 0.0
    weights["squeeze"][:, round(4_000 * config.frame_ms / 1000.0) // config.stride] *= 2e20
    path = NativePath(library, library.read_model(write_weights_file("fragile", config, weights)))
    path.prepare(16_000, 512, 1)
    return path


def _tone(frequency_hz: float, num_samples: int) -> Audio:
    phase = 2.0 * np.pi * frequency_hz / 16_000 * np.arange(num_samples)
    tone: Audio = (0.5 * np.sin(phase)[None]).astype(np.float32)
    return tone


def test_frames_without_a_finite_mask_are_muted_and_the_network_starts_again(library: NativeLibrary) -> None:
    path, passed = _fragile(library), _tone(760.0, 6_144)
    expected = path.process(passed)
    assert path.readings().num_faulty_frames == 0
    assert np.abs(expected).max() > 0.1
    path.reset()
    muted = path.process(_tone(4_000.0, 4_096))
    assert not muted.any()
    assert path.readings().num_faulty_frames == 16
    assert not path.process(np.zeros((1, 1_024), np.float32))[:, :256].any()
    # Afterwards the output is that of a new stream that begins with the frames of silence in between.
    after = path.process(passed)
    fresh = _fragile(library)
    fresh.process(np.zeros((1, 1_024), np.float32))
    np.testing.assert_allclose(after[:, 1_024:], fresh.process(passed)[:, 1_024:], rtol=0.0, atol=1e-6)
    assert path.readings().num_faulty_frames <= 16 + 3


def test_strided_blocks_are_read_in_place(library: NativeLibrary) -> None:
    audio = sound(48_000, 2, seconds=0.2)
    expected = _path(library).process(audio)
    for layout in (np.asfortranarray(audio), np.repeat(audio, 2, axis=1)[:, ::2], audio[::-1].copy()[::-1]):
        np.testing.assert_array_equal(_path(library).process(layout), expected)
    middle = np.zeros((2, audio.shape[1] + 100), np.float32)
    middle[:, 50:-50] = audio
    np.testing.assert_array_equal(_path(library).process(middle[:, 50:-50]), expected)


def test_a_host_may_process_in_place(library: NativeLibrary) -> None:
    audio = sound(48_000, 2, seconds=0.2)
    expected = _path(library).process(audio)
    path, own = _path(library), audio.copy()
    size = own.shape[1]
    library.functions.hushgate_process_rows(
        path._handle.value, own.ctypes.data, size, own.ctypes.data, size, size
    )
    np.testing.assert_array_equal(own, expected)


def test_a_format_out_of_range_leaves_the_old_one(library: NativeLibrary) -> None:
    audio = sound(48_000, 2, seconds=0.1)
    path = _path(library)
    expected = path.process(audio)
    path.reset()
    for rate, channels in ((0.0, 2), (float("nan"), 2), (2e6, 2), (48_000.0, 0), (48_000.0, 257)):
        assert library.functions.hushgate_prepare(path._handle.value, rate, channels) != 0
    np.testing.assert_array_equal(path.process(audio), expected)


def test_process_allocates_nothing_and_a_prepare_without_memory_changes_nothing(
    library: NativeLibrary, tmp_path: Path
) -> None:
    program = tmp_path / "allocations"
    command = [compiler(), "-std=c++17", "-O1", str(NATIVE / "tests" / "allocations.cpp"), "-o", str(program)]
    command += [f"-I{NATIVE / 'core'}", str(library.path), f"-Wl,-rpath,{library.path.parent}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "music.hush").write_bytes(compile_model(load_model("music")))
    done = subprocess.run([program, tmp_path / "music.hush"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    inside, before, refused = (int(number) for number in re.findall(r": (-?\d+)", done.stdout))
    assert inside == 0
    assert min(before, refused) > 100


@pytest.mark.parametrize("num_channels", [1, 256])
def test_every_number_of_channels_is_processed(num_channels: int, library: NativeLibrary) -> None:
    path = NativePath(library, _read(library, load_model("voice")))
    path.prepare(8_000, 256, num_channels)
    out = path.process(np.ones((num_channels, 600), np.float32))
    assert out.shape == (num_channels, 600)
    assert np.isfinite(out).all()


def test_unknown_kernels_are_refused(library: NativeLibrary) -> None:
    handle = library.functions.hushgate_new(_read(library, load_model("voice")).value, b"mmx")
    assert handle is None
    assert ctypes.c_void_p(handle).value is None


class _GateLevels(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_double) for name in ("level", "noise", "gain"))


def _read_gate(path: NativePath) -> _GateLevels:
    levels = _GateLevels()
    path._library.functions.hushgate_read_gate(ctypes.c_void_p(path._handle.value), ctypes.byref(levels))
    return levels


def test_the_gate_opens_at_the_level_that_is_read(library: NativeLibrary) -> None:
    path = _path(library, "guitar")
    seconds = np.arange(48_000) / 48_000
    tone = sum(np.sin(2 * np.pi * 110.0 * k * seconds) / k for k in range(1, 9))
    audio = np.stack([0.1 * tone, 0.05 * tone]).astype(np.float32)
    path.configure(ParameterValues())
    path.process(audio)
    read = _read_gate(path)
    assert read.gain == 1.0  # off
    assert 0.0 <= read.noise < read.level
    level_db = 10.0 * np.log10(read.level)
    assert -60.0 < level_db < 0.0
    for distance, is_open in ((-1.0, True), (1.0, False)):
        path.reset()
        settings = {"hold_ms": 0.0, "release_ms": 1.0, "gate_hysteresis_db": 0.0, "presence_db": -60.0}
        path.configure(ParameterValues(gate_threshold_db=level_db + distance, **settings))
        path.process(audio)
        assert (_read_gate(path).gain > 0.5) == is_open
