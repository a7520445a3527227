"""The engine stands alone: what it imports, what importing it does, and its examples."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hushgate.engine
from tests.helpers import tiny_models

MODULES = sorted(
    name for _, name, _ in pkgutil.walk_packages(hushgate.engine.__path__, prefix="hushgate.engine.")
)


def run_python(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def test_engine_imports_neither_host_nor_training_nor_runtime() -> None:
    """numpy alone until a model is loaded: no torch, no pedalboard (GPL), no second spent."""
    out = run_python(
        "import importlib, sys, hushgate.engine\n"
        f"for name in {MODULES}: importlib.import_module(name)\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('hushgate.')))\n"
    )
    packages, modules = (set(line.split()) for line in out.splitlines())
    assert not packages & {"torch", "pedalboard", "soundfile", "scipy", "rich", "onnx", "onnxruntime"}
    assert all(name.startswith("hushgate.engine") for name in modules - {"hushgate.version"})


def test_the_table_of_parameters_loads_without_numpy() -> None:
    """`hushgate denoise --help` reads it, and shows up in half the time."""
    out = run_python("import sys, hushgate.engine.parameters, hushgate.errors\nprint('numpy' in sys.modules)")
    assert out.strip() == "False"


def test_modules_load_when_they_are_first_used() -> None:
    out = run_python(
        "import sys, hushgate\n"
        "print(any(name in sys.modules for name in ('numpy', 'hushgate.live', 'hushgate.training')))\n"
        "print('adapt' in dir(hushgate.training), len(hushgate.tuner.TUNINGS) > 3, 'live' in dir(hushgate))\n"
        "print('torch' in sys.modules, hushgate.live.run.__name__)\n"
    )
    assert out.split("\n")[:3] == ["False", "True True True", "False run"]


def test_loading_a_model_imports_onnxruntime_only(tiny_folder: Path) -> None:
    out = run_python(
        "import sys, hushgate.engine\n"
        f"hushgate.engine.load_model(r'{tiny_folder}/stateful.onnx').verify()\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    assert "onnxruntime" in out.split()
    assert not set(out.split()) & {"torch", "pedalboard", "soundfile", "scipy", "onnx"}


def test_engine_lists_what_it_offers() -> None:
    assert len(set(hushgate.engine.__all__)) == len(hushgate.engine.__all__)
    for name in hushgate.engine.__all__:
        assert hasattr(hushgate.engine, name)
        if isinstance(getattr(hushgate.engine, name), type):
            assert getattr(hushgate.engine, name).__doc__


@pytest.fixture
def voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples name the voice model; before it ships, a tiny one stands in for it."""
    if "voice" not in hushgate.engine.available_models():
        tiny_models.identity().save(tmp_path / "voice.onnx")
        monkeypatch.setattr("hushgate.engine.model_files.model._MODELS_FOLDER", tmp_path)


@pytest.mark.usefixtures("voice")
@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(name)
    names = {"np": np, **{public: getattr(hushgate.engine, public) for public in hushgate.engine.__all__}}
    results = doctest.testmod(module, extraglobs=names, optionflags=doctest.ELLIPSIS)
    assert results.failed == 0
