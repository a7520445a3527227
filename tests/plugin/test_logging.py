"""The events that operators see in logs, and silence without a handler."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hushgate
from hushgate import Chain, Denoiser, load_model

RATE = 48_000


def test_nothing_is_printed_unless_logging_is_set_up(identity: str) -> None:
    code = (
        "import numpy as np, hushgate\n"
        f"d = hushgate.Denoiser({identity!r})\n"
        "d(np.full(4000, np.nan, np.float32), 48_000)\n"
        "d.reset()\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == result.stderr == ""


def test_a_loaded_model_is_logged_once_and_again_when_its_file_changes(
    identity: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "mine.onnx"
    shutil.copy(identity, path)
    with caplog.at_level(logging.INFO, logger="hushgate"):
        load_model(path)
        load_model(path)
        assert [record.getMessage().endswith("(not in the cache)") for record in caplog.records] == [True]
        path.touch()
        load_model(path)
    assert "the file has changed" in caplog.records[-1].getMessage()
    assert caplog.records[-1].name == "hushgate.engine.model_files.model"


def test_samples_that_were_not_finite_are_logged_at_reset_not_while_sound_runs(
    identity: str, caplog: pytest.LogCaptureFixture
) -> None:
    denoiser = Denoiser(identity)
    sound = np.zeros((1, 4_000), np.float32)
    sound[0, :3] = np.nan
    with caplog.at_level(logging.WARNING, logger="hushgate"):
        denoiser(sound, RATE, reset=False)
        assert caplog.records == []
        denoiser.reset()
    assert [record.getMessage() for record in caplog.records] == [
        "3 input samples since the last reset were not finite"
    ]


def test_presets_are_logged(tmp_path: Path, identity: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="hushgate.effects"):
        Chain([Denoiser(identity)]).save_preset(tmp_path / "mine.toml")
        hushgate.load_preset(tmp_path / "mine.toml")
    saved, loaded = (record.getMessage() for record in caplog.records)
    assert saved == f"preset saved: {tmp_path / 'mine.toml'}"
    assert loaded == f"preset mine: 1 effects from {tmp_path / 'mine.toml'}"
