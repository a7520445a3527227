"""--trust-model: a model file beyond the limits is refused, or loaded when the user says so."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from onnx import helper

from hushgate.commands.main import main
from tests.helpers import tiny_models
from tests.helpers.seeded_noise import noise


@pytest.fixture
def beyond(tmp_path: Path) -> Path:
    """An identity model with an operator that denoisers do not need."""
    model = tiny_models.identity().proto()
    model.graph.node.append(helper.make_node("RandomNormal", [], ["unused"], shape=[1]))
    path = tmp_path / "beyond.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("command", ["denoise", "batch"])
def test_a_model_beyond_the_limits_needs_trust(
    command: str, beyond: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    take = tmp_path / "in" / "take.wav"
    soundfile.write(take, noise(4800), 48_000, subtype="FLOAT")
    output = tmp_path / ("clean.wav" if command == "denoise" else "out")
    arguments = [command, str(take), "-o", str(output), "--model", str(beyond)]
    assert main(arguments) == 2
    assert "--trust-model" in capsys.readouterr().err
    assert not output.exists()
    assert main([*arguments, "--trust-model", *(["--jobs", "1"] if command == "batch" else [])]) == 0
    written = output if command == "denoise" else output / "take.wav"
    assert soundfile.read(written)[0] == pytest.approx(soundfile.read(take)[0], abs=1e-6)
