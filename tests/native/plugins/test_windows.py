"""The plugins for Windows, compiled with zig and run under wine; the first build compiles its libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hushgate.engine import BlockDenoiser
from tests.native.compiled import DPF, NATIVE, build_plugins, build_windows
from tests.native.test_parity import sound

pytestmark = pytest.mark.level(9)

RATE = 48_000
# A folder with plugins for Windows that were compiled before.
VARIABLE = "HUSHGATE_WINDOWS_PLUGINS"


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Zig's clang for Windows."""
    try:
        return str(build_windows().make_compiler(tmp_path_factory.mktemp("zig")))
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def windows_plugins(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    if not (DPF / "distrho").is_dir():
        pytest.skip("no DPF (Debian's dpf-source)")
    folder = tmp_path_factory.mktemp("windows")
    build_plugins().build_plugins(
        folder, compiler, formats=("CLAP",), names=("hushgate",), has_window=False, for_windows=True
    )
    return folder


@pytest.mark.parametrize("model", [0, 1, 2])
def test_clap_under_wine_gives_the_sound_of_the_denoiser(
    model: int, compiler: str, windows_plugins: Path, tmp_path: Path
) -> None:
    wine = shutil.which("wine")
    if wine is None:
        pytest.skip("no wine (Debian's wine and wine64)")
    host = tmp_path / "clap_host.exe"
    command = [
        compiler,
        "-std=c++17",
        f"-I{DPF / 'distrho' / 'src'}",
        str(NATIVE / "tests" / "clap_host.cpp"),
    ]
    subprocess.run([*command, "-o", str(host)], check=True, capture_output=True)
    audio = sound(RATE, 2)
    done = subprocess.run(
        [wine, host, windows_plugins / "hushgate.clap", str(RATE), "2", "333", f"model={model}"],
        input=audio.tobytes(),
        env={**os.environ, "WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = np.frombuffer(done.stdout, np.float32).reshape(audio.shape)
    denoiser = BlockDenoiser(("voice", "guitar", "music")[model], engine="onnx")
    denoiser.prepare(RATE, 8_192, 2)
    np.testing.assert_allclose(found, denoiser.process(audio), rtol=0.0, atol=1e-5)
