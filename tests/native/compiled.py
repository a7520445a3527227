"""The library of the native engine, compiled once for all processes of a test run."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from hushgate.engine.native.library import VARIABLE, NativeLibrary

NATIVE = Path(__file__).resolve().parents[2] / "native"


def build_core() -> ModuleType:
    """The module native/build_core.py."""
    spec = importlib.util.spec_from_file_location("build_core", NATIVE / "build_core.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiler() -> str:
    """The compiler; skips the test without one."""
    found = build_core().find_compiler()
    if found is None:
        pytest.skip("no C++ compiler (g++ or clang++)")
    return str(found)


def compiled_library(factory: pytest.TempPathFactory) -> NativeLibrary:
    """The library that HUSHGATE_NATIVE_LIBRARY names, or one compiled into a folder of all processes."""
    named = os.environ.get(VARIABLE)
    if named:
        return NativeLibrary(Path(named))
    filelock = pytest.importorskip("filelock", reason="compiling once needs filelock")
    shared = factory.getbasetemp()
    if shared.name.startswith("popen-gw"):  # pytest-xdist gives each process a folder in a common one
        shared = shared.parent
    path = shared / "libhushgate.so"
    with filelock.FileLock(f"{path}.lock"):
        if not path.exists():
            part = path.with_suffix(".part")
            build_core().compile_core(part, compiler())
            part.rename(path)
    return NativeLibrary(path)
