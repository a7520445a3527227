"""CUDA: asked of onnxruntime as it wants it, refused in one line where it cannot run.

No graphics card is needed: the provider is a fake that computes on the processor.
"""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import soundfile

import hushgate
from hushgate import Chain, Denoiser
from hushgate.batching.planning.recipe import make_recipe
from hushgate.commands.main import main
from hushgate.engine import BlockDenoiser, load_model
from hushgate.engine.model_files import model as model_module
from hushgate.errors import EngineError
from hushgate.rendering.summary import engine_of

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of fakes must not stay loaded."""
    monkeypatch.setattr(model_module._cache, "models", OrderedDict())


class Card:
    """What onnxruntime-gpu offers, what a session gets, and what every session was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, works: bool = True) -> None:
        self.asked: list[list[Any]] = []
        real = onnxruntime.InferenceSession

        def session(content: bytes, options: Any, providers: list[Any]) -> Any:
            self.asked.append(providers)
            made = real(content, options, providers=[CPU])
            on_card = works and providers[0] != CPU
            monkeypatch.setattr(made, "get_providers", lambda: [CUDA, CPU] if on_card else [CPU])
            return made

        monkeypatch.setattr(onnxruntime, "InferenceSession", session)
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
        monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None, raising=False)


def test_without_cuda_the_error_names_what_there_is_and_the_remedy(tiny_folder: Path) -> None:
    if CUDA in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(EngineError, match=r"has .*CPU.*pip install 'onnxruntime-gpu") as caught:
        Denoiser(tiny_folder / "bands.onnx", device="cuda")
    assert "\n" not in str(caught.value)


def test_a_card_without_its_driver_is_an_error_and_not_the_processor(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Card(monkeypatch, works=False)
    with pytest.raises(EngineError, match="must have a graphics card, its driver"):
        Denoiser(tiny_folder / "presence.onnx", device="cuda")


def test_cuda_is_asked_for_first_with_full_precision(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Card(monkeypatch)
    denoiser = BlockDenoiser(tiny_folder / "bands.onnx", device="cuda")
    (providers,) = card.asked
    assert [providers[0][0], providers[1]] == [CUDA, CPU]
    assert providers[0][1]["use_tf32"] == "0"
    assert denoiser.running_engine == "onnx (cuda)"
    assert engine_of(Denoiser(tiny_folder / "bands.onnx", device="cuda")) == (
        f"onnxruntime {onnxruntime.__version__} (cuda)"
    )
    assert denoiser.model is load_model(tiny_folder / "bands.onnx", device="cuda")
    assert denoiser.model is not load_model(tiny_folder / "bands.onnx")
    assert pickle.loads(pickle.dumps(denoiser.model)).device == "cuda"


def test_a_device_goes_with_copies_and_into_other_processes_but_not_into_presets(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Card(monkeypatch)
    model = tiny_folder / "bands.onnx"
    denoiser = Denoiser(model, device="cuda", engine="onnx")
    assert (copy.deepcopy(denoiser).device, pickle.loads(pickle.dumps(denoiser)).device) == ("cuda", "cuda")
    chain = Chain([denoiser])
    again = copy.deepcopy(chain)[0]
    assert isinstance(again, Denoiser)
    assert (again.device, again.engine) == ("cuda", "onnx")
    made = make_recipe(None, model, {"device": "cuda"}).make()
    assert isinstance(made, Denoiser)
    assert made.device == "cuda"
    chain.save_preset(tmp_path / "mine.toml", description="")
    assert "cuda" not in (tmp_path / "mine.toml").read_text()
    assert Denoiser.from_preset(tmp_path / "mine.toml").device == "cpu"
    noise = np.random.default_rng(0).standard_normal(4_000).astype(np.float32)
    np.testing.assert_array_equal(
        hushgate.denoise(noise, 16_000, model=model, device="cuda"),
        hushgate.denoise(noise, 16_000, model=model),
    )


def test_names_that_are_no_device_and_the_native_engine_are_refused(tiny_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"one of 'cpu', 'cuda' \(got 'gpu'\)"):
        Denoiser(tiny_folder / "bands.onnx", device="gpu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"for device 'cuda' \(got 'native'\)"):
        Denoiser(tiny_folder / "bands.onnx", device="cuda", engine="native")


@pytest.mark.parametrize("command", ["denoise", "batch"])
def test_the_flag_reaches_the_model(
    command: str, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    if CUDA in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    soundfile.write(tmp_path / "x.wav", np.zeros(1_000, np.float32), 16_000)
    arguments = [str(tmp_path / "x.wav"), "--model", str(tiny_folder / "bands.onnx"), "--device", "cuda"]
    output = tmp_path / ("out.wav" if command == "denoise" else "out")
    assert main([command, *arguments, "-o", str(output)]) != 0
    assert "needs an onnxruntime with CUDA" in capsys.readouterr().err
    assert not list(tmp_path.rglob("out*/*.wav")) + list(tmp_path.glob("out*.wav"))
