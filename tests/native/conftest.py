"""Fixtures of the native core's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from hushgate.engine.native.library import NativeLibrary
from tests.native.compiled import compiled_library, compiled_plugins


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> NativeLibrary:
    """The compiled library; skips where there is no compiler."""
    return compiled_library(tmp_path_factory)


@pytest.fixture
def native(library: NativeLibrary, monkeypatch: pytest.MonkeyPatch) -> NativeLibrary:
    """The compiled library as the installed one."""
    monkeypatch.setenv("HUSHGATE_NATIVE_LIBRARY", str(library.path))
    return library


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugins; skips where they cannot be compiled."""
    return compiled_plugins(tmp_path_factory)
