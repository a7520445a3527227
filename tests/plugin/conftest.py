"""Tiny models by path, for tests that hand a model to the plugin layer."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def identity(models: Path) -> str:
    return str(models / "identity.onnx")


@pytest.fixture(scope="session")
def stateful(models: Path) -> str:
    return str(models / "stateful.onnx")
