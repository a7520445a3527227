"""onnxruntime leaves nothing in the home folder and prints nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hushgate.engine import available_models

RUN = """
import sys
import numpy as np
from hushgate import Denoiser
Denoiser(sys.argv[1])(np.zeros(4800, np.float32), 48_000)
"""


def run(home: Path, model: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    environment |= {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, "-c", RUN, model], capture_output=True, text=True, env=environment)


def test_nothing_is_left_in_the_home_folder(tmp_path: Path, tiny_folder: Path) -> None:
    for model in (*available_models()[:1], str(tiny_folder / "identity.onnx")):
        done = run(tmp_path, model)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_home_folder_that_is_missing_costs_no_warning(tmp_path: Path, tiny_folder: Path) -> None:
    done = run(tmp_path / "missing", str(tiny_folder / "identity.onnx"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder in which root cannot write")
def test_a_home_folder_that_cannot_be_written_costs_no_warning(tiny_folder: Path) -> None:
    with pytest.raises(OSError, match=r"not permitted|Read-only|denied"):
        Path("/sys/hushgate").mkdir()
    done = run(Path("/sys"), str(tiny_folder / "identity.onnx"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
