"""`hushgate models`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hushgate import available_models
from hushgate.commands import main as cli
from hushgate.engine.model_files import model as engine_model


@pytest.fixture
def shipped(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two models as if they shipped."""
    for name in ("identity", "half"):
        shutil.copy(models / f"{name}.onnx", tmp_path)
    monkeypatch.setattr(engine_model, "_MODELS_FOLDER", tmp_path)
    return tmp_path


def test_lists_every_shipped_model(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert available_models() == ("half", "identity")
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    head, *rows = [line for line in lines if not line.startswith(" ")]
    assert head.split() == ["name", "latency", "parameters", "engine", "licence", "task"]
    assert [row.split()[0] for row in rows] == ["half", "identity"]
    assert rows[0].split()[1:7] == ["32", "ms", "0", "onnx", "MIT", "voice:"]
    assert max(map(len, lines)) <= 80


def test_json_has_the_same_facts_and_more(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "--json"]) == 0
    half, identity = json.loads(capsys.readouterr().out)
    assert (half["name"], identity["name"]) == ("half", "identity")
    assert half["latency_ms"] == 32.0
    assert half["bandwidth_hz"] == 8000.0
    assert {
        "task",
        "description",
        "num_parameters",
        "licence",
        "attribution",
        "format_version",
    } <= half.keys()


def test_a_damaged_model_is_named(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shipped / "half.onnx").write_bytes(b"no model")
    assert cli.main(["models"]) == 2
    assert "half.onnx is not a usable ONNX file" in capsys.readouterr().err
