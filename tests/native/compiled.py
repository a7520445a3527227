"""The library of the native engine and the plugins, compiled once for all processes of a test run."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from hushgate.engine.native.library import VARIABLE, NativeLibrary

DPF = Path("/usr/share/dpf")
NATIVE = Path(__file__).resolve().parents[2] / "native"


def _script(name: str) -> ModuleType:
    """A module of native/."""
    spec = importlib.util.spec_from_file_location(name, NATIVE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build_core() -> ModuleType:
    """The module native/build_core.py."""
    return _script("build_core")


def build_plugins() -> ModuleType:
    """The module native/build_plugins.py."""
    return _script("build_plugins")


def build_windows() -> ModuleType:
    """The module native/build_windows.py."""
    return _script("build_windows")


def build_wasm() -> ModuleType:
    """The module native/build_wasm.py."""
    return _script("build_wasm")


def compiler() -> str:
    """The compiler; skips the test without one."""
    found = build_core().find_compiler()
    if found is None:
        pytest.skip("no C++ compiler (g++ or clang++)")
    return str(found)


# A folder with plugins that were compiled before.
_PLUGINS_VARIABLE = "HUSHGATE_PLUGINS"


def compiled_plugins(factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugins; skips where they cannot be compiled."""
    named = os.environ.get(_PLUGINS_VARIABLE)
    if named:
        return Path(named)
    if not (DPF / "distrho").is_dir():
        pytest.skip("no DPF (Debian's dpf-source)")
    filelock = pytest.importorskip("filelock", reason="compiling once needs filelock")
    folder = _shared(factory) / "plugins"
    with filelock.FileLock(f"{folder}.lock"):
        if not folder.exists():
            try:
                build_plugins().build_plugins(folder, compiler())
            except FileNotFoundError as error:
                pytest.skip(str(error))
    return folder


def _shared(factory: pytest.TempPathFactory) -> Path:
    """A folder of all processes: pytest-xdist gives each process a folder in a common one."""
    folder = factory.getbasetemp()
    return folder.parent if folder.name.startswith("popen-gw") else folder


def compiled_library(factory: pytest.TempPathFactory) -> NativeLibrary:
    """The library that HUSHGATE_NATIVE_LIBRARY names, or one compiled into a folder of all processes."""
    named = os.environ.get(VARIABLE)
    if named:
        return NativeLibrary(Path(named))
    filelock = pytest.importorskip("filelock", reason="compiling once needs filelock")
    path = _shared(factory) / "libhushgate.so"
    with filelock.FileLock(f"{path}.lock"):
        if not path.exists():
            part = path.with_suffix(".part")
            build_core().compile_core(part, compiler())
            part.rename(path)
    return NativeLibrary(path)
