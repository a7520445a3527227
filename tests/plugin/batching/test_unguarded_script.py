"""A script that calls `batch` without its guard is told so, in the words of Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import batch


def test_a_script_without_its_guard_is_told_so(tmp_path: Path, identity: str) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(4800), 48_000)
    script = tmp_path / "script.py"
    script.write_text(f"import hushgate\nhushgate.batch(['a.wav'], 'out', model={identity!r}, jobs=1)\n")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 'RuntimeError: batch must be called under `if __name__ == "__main__":`' in done.stderr
    assert done.stderr.count("Traceback") == 1
    assert not (tmp_path / "out" / "a.wav").exists()


def test_errors_from_python_name_arguments(tmp_path: Path, identity: str) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(4800), 48_000)
    batch([tmp_path / "a.wav"], tmp_path / "out", model=identity, jobs=0)
    with pytest.raises(ValueError, match="Pass overwrite=True, skip_existing=True, or resume=True"):
        batch([tmp_path / "a.wav"], tmp_path / "out", model=identity, jobs=0, journal=tmp_path / "other")
