"""What the summary of a recording says."""

from __future__ import annotations

import importlib.metadata

import onnxruntime
import pytest

from hushgate import Denoiser
from hushgate.rendering.summary import engine_of


def test_the_engine_is_named_under_every_package_name(monkeypatch: pytest.MonkeyPatch, stateful: str) -> None:
    def no_package(name: str) -> str:  # onnxruntime-gpu has the same module
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", no_package)
    assert engine_of(Denoiser(stateful, engine="onnx")) == f"onnxruntime {onnxruntime.__version__}"
