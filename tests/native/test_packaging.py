"""hushgate-native as a distribution: its sources, wheel and editable install, with a stand-in compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.native.compiled import NATIVE, build_core

pytest.importorskip("setuptools", "77", reason="no setuptools 77 or newer")

LICENCES = ("LICENSE", "THIRD_PARTY.txt")
# Makes the file behind -o.
COMPILER = """#!/bin/sh
while [ "$1" != -o ]; do shift; done
echo compiled > "$2"
"""


@pytest.fixture
def compiler(tmp_path: Path) -> Path:
    path = tmp_path / "compiler"
    path.write_text(COMPILER)
    path.chmod(0o755)
    return path


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of native/ without what was built in it."""
    ignore = shutil.ignore_patterns("*.egg-info", "build", "__pycache__", "*.so", "*.wasm", "plugins")
    return Path(shutil.copytree(NATIVE, tmp_path / "native", ignore=ignore))


def _build(what: str, sources: Path, output: Path, compiler: Path) -> Path:
    """Build as pip would; the file that comes out."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from setuptools import build_meta; build_meta.build_{what}({str(output)!r})",
        ],
        cwd=sources,
        env={**os.environ, "CXX": str(compiler), "HUSHGATE_WASM_CXX": "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    (path,) = output.iterdir()
    return path


def test_the_source_distribution_holds_what_a_wheel_needs(
    sources: Path, compiler: Path, tmp_path: Path
) -> None:
    with tarfile.open(_build("sdist", sources, tmp_path / "sdist", compiler)) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    needed = {path for folder in ("core", "plugin", "web") for path in (sources / folder).rglob("*.*")}
    needed |= {sources / name for name in LICENCES} | set(sources.glob("build_*.py"))
    missing = [path for path in needed if not (unpacked / path.relative_to(sources)).is_file()]
    assert missing == []
    with zipfile.ZipFile(_build("wheel", unpacked, tmp_path / "wheel", compiler)) as wheel:
        names = wheel.namelist()
    assert "hushgate_native/libhushgate.so" in names
    for name in LICENCES:
        assert any(path.endswith(f".dist-info/licenses/{name}") for path in names), names


def test_an_editable_install_compiles_into_the_checkout(
    sources: Path, compiler: Path, tmp_path: Path
) -> None:
    _build("editable", sources, tmp_path / "editable", compiler)
    assert (sources / "hushgate_native" / "libhushgate.so").read_text() == "compiled\n"


def test_the_licence_is_that_of_the_repository() -> None:
    assert (NATIVE / "LICENSE").read_bytes() == (NATIVE.parent / "LICENSE").read_bytes()


@pytest.mark.parametrize("script", ["build_core", "build_plugins"])
@pytest.mark.parametrize("compiler", ["g++ -m64", "/no/such/compiler"])
def test_scripts_say_how_a_compiler_is_named(script: str, compiler: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, NATIVE / f"{script}.py", tmp_path / "output"],
        env={**os.environ, "CXX": compiler},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, f"{build_core().NO_COMPILER}\n")
