"""Random use and damaged weights files under the compiler's sanitizers (addresses, undefined behaviour)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hushgate.engine import available_models, load_model
from hushgate.engine.native.compile_model import compile_model
from tests.native.compiled import NATIVE, build_core, compiler

FLAGS = (
    *("-O1", "-g", "-fno-omit-frame-pointer"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)
# A program that was compiled before.
VARIABLE = "HUSHGATE_STRESS"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """native/tests/stress.cpp with the core, compiled with sanitizers."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    folder = tmp_path_factory.mktemp("stress")
    script = build_core()
    command = [compiler(), "-std=c++17", *FLAGS]
    probe = subprocess.run(
        [*command, "-x", "c++", "-", "-o", str(folder / "probe")],
        input="int main() {}", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if probe.returncode:
        pytest.skip("the compiler has no sanitizers (libasan, libubsan)")
    objects = script.compile_objects(folder, compiler(), flags=FLAGS)
    source = NATIVE / "tests" / "stress.cpp"
    path = folder / "stress"
    script.run([*command, f"-I{script.CORE}", str(source), *map(str, objects), "-o", str(path)])
    return path


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("weights")
    paths = []
    for name in available_models():
        paths.append(folder / f"{name}.hush")
        paths[-1].write_bytes(compile_model(load_model(name)))
    return paths


@pytest.mark.parametrize(
    "seconds", [pytest.param(5, marks=pytest.mark.level(7)), pytest.param(60, marks=pytest.mark.level(9))]
)
def test_random_use_and_damaged_files_meet_no_sanitizer(
    seconds: int, program: Path, weights: list[Path], request: pytest.FixtureRequest
) -> None:
    seed = request.config.option.seed
    done = subprocess.run(
        [program, str(seconds), str(seed), *weights], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"seed {seed}\n{done.stdout}\n{done.stderr[-4000:]}"
    assert "streams" in done.stdout
