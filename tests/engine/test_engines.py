"""The choice between the engines, with and without the native library."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from hushgate import Denoiser
from hushgate.commands import main as cli
from hushgate.engine import BlockDenoiser, EngineError, ModelError, load_model
from hushgate.engine.native import library as native_library
from hushgate.engine.native import package as native_package
from hushgate.engine.native.library import VARIABLE, NativeLibrary
from tests.native.compiled import compiled_library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> NativeLibrary:
    return compiled_library(tmp_path_factory)


@pytest.fixture
def native(library: NativeLibrary, monkeypatch: pytest.MonkeyPatch) -> NativeLibrary:
    monkeypatch.setenv(VARIABLE, str(library.path))
    return library


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "none")


def test_without_the_library_everything_runs_in_onnx(without_library: None) -> None:
    assert Denoiser("voice").running_engine == "onnx"
    with pytest.raises(EngineError, match="switched off by HUSHGATE_NATIVE_LIBRARY=none"):
        Denoiser("voice", engine="native")


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(native_package, "PACKAGE", "hushgate_native_of_nobody")
    assert BlockDenoiser("voice").running_engine == "onnx"
    with pytest.raises(EngineError, match="Install the distribution hushgate-native"):
        BlockDenoiser("voice", engine="native")


def test_a_file_that_is_no_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "damaged.so").write_bytes(b"no library")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "damaged.so"))
    assert BlockDenoiser("voice").running_engine == "onnx"
    with pytest.raises(EngineError, match=r"damaged\.so cannot be used"):
        BlockDenoiser("voice", engine="native")


def test_a_library_of_another_version_is_refused(
    native: NativeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_library, "INTERFACE", 99)
    with pytest.raises(EngineError, match=r"has interface \d+ \(this version of hushgate needs 99\)"):
        NativeLibrary(native.path)


def test_another_word_is_refused() -> None:
    with pytest.raises(ValueError, match=r"engine must be one of 'auto', 'onnx', 'native' \(got 'fast'\)"):
        Denoiser(engine="fast")  # type: ignore[arg-type]


def test_auto_takes_native_for_hush_networks_and_onnx_for_the_rest(
    native: NativeLibrary, identity: str
) -> None:
    assert Denoiser("voice").running_engine == "native"
    assert Denoiser("voice", engine="onnx").running_engine == "onnx"
    assert Denoiser(identity).running_engine == "onnx"
    for _ in range(2):  # the reason is remembered
        with pytest.raises(ModelError, match=r"has no metadata key hushgate\.network"):
            Denoiser(identity, engine="native")


@pytest.mark.parametrize("network", ["[" * 200_000, '{"upper_top_hz": 1' + "0" * 400 + "}"])
def test_auto_takes_onnx_for_a_file_whose_configuration_cannot_be_read(
    network: str, native: NativeLibrary, tmp_path: Path
) -> None:
    import onnx

    model = onnx.load(load_model("voice").path)
    (entry,) = (prop for prop in model.metadata_props if prop.key == "hushgate.network")
    if network.startswith("{"):
        network = json.dumps(json.loads(entry.value) | json.loads(network))
    entry.value = network
    onnx.save(model, tmp_path / "strange.onnx")
    assert BlockDenoiser(tmp_path / "strange.onnx").running_engine == "onnx"


def test_copies_keep_the_engine() -> None:
    denoiser = Denoiser("voice", engine="onnx", mix=0.5)
    again = copy.copy(denoiser)
    assert (again.engine, again.running_engine, again.mix) == ("onnx", "onnx", 0.5)
    assert denoiser.to_dict()["engine"] == "onnx"
    assert "engine" not in Denoiser("voice").to_dict()
    with pytest.raises(AttributeError):
        denoiser.engine = "native"  # type: ignore[misc]


def test_whole_recordings_and_streams_are_those_of_onnx(native: NativeLibrary) -> None:
    audio = np.random.default_rng(0).standard_normal((2, 30_000)).astype(np.float32) * np.float32(0.1)
    onnx, fast = Denoiser("voice", engine="onnx"), Denoiser("voice", engine="native")
    np.testing.assert_allclose(fast(audio, 48_000), onnx(audio, 48_000), rtol=0.0, atol=1e-5)
    assert fast.latency_samples == onnx.latency_samples
    np.testing.assert_allclose(
        fast(audio[0], 44_100, reset=False), onnx(audio[0], 44_100, reset=False), rtol=0.0, atol=1e-5
    )


def test_a_setting_that_the_library_lacks_is_left_to_onnx(
    native: NativeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = NativeLibrary(native.path)
    del older.parameters["presence_db"]
    monkeypatch.setattr(native_library, "_load", lambda path: older)
    block = np.ones((1, 480), np.float32)
    denoiser = BlockDenoiser("voice")
    denoiser.prepare(48_000, 480, 1)
    denoiser.process(block)
    assert denoiser.running_engine == "native"
    denoiser.presence_db = 3.0
    assert denoiser.process(block).shape == (1, 480)
    assert denoiser.running_engine == "onnx"
    strict = BlockDenoiser("voice", engine="native")
    with pytest.raises(ValueError, match=r"presence_db must be 0\.0 in the native engine"):
        strict.presence_db = 3.0
    assert strict.presence_db == 0.0


def test_commands_say_which_engine_ran(
    native: NativeLibrary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["models", "--json"]) == 0
    assert {model["engine"] for model in json.loads(capsys.readouterr().out)} == {"native"}
    source = Path(__file__).parents[1] / "data" / "clean_speech.flac"
    assert cli.main(["denoise", str(source), "-o", str(tmp_path / "out.wav")]) == 0
    assert "on the native engine" in capsys.readouterr().out
