"""Every example in the README and in the plugin layer's docstrings runs."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import pkgutil
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

import hushgate
from hushgate.commands import main as cli
from hushgate.commands.parser import build_parser
from tests.helpers import tiny_models
from tests.helpers.missing_packages import lacks_a_package

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
OTHER_LAYERS = ("hushgate.engine", "hushgate.presets", "hushgate.training")
MODULES = sorted(
    name
    for _, name, _ in pkgutil.walk_packages(hushgate.__path__, prefix="hushgate.", onerror=lambda name: None)
    if not name.startswith(OTHER_LAYERS) and not name.endswith("__main__")
)


@pytest.fixture(autouse=True)
def voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples name the voice model; before it ships, a tiny one stands in for it."""
    if "voice" not in hushgate.available_models():
        (tmp_path / "models").mkdir()
        tiny_models.identity().save(tmp_path / "models" / "voice.onnx")
        monkeypatch.setattr("hushgate.engine.model_files.model._MODELS_FOLDER", tmp_path / "models")


@pytest.mark.parametrize("name", ["hushgate", *MODULES])
def test_examples_in_docstrings_run(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        if not lacks_a_package(name, error):
            raise
        pytest.skip(f"{error.name}, which no extra of hushgate installs, is missing")
    results = doctest.testmod(module, extraglobs={"np": np, "Path": Path}, optionflags=doctest.ELLIPSIS)
    assert results.failed == 0


def test_python_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    clean, noisy = names["clean"], names["noisy"]
    assert isinstance(clean, np.ndarray)
    assert isinstance(noisy, np.ndarray)
    assert clean.shape == noisy.shape


def test_the_first_command_of_the_readme_cleans_the_example(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)[0].strip()
    (denoise,) = re.findall(r"hushgate (denoise .*)$", command)
    _, example = shlex.split(denoise)
    out = tmp_path / "clean.flac"
    assert cli.main(["denoise", str(ROOT / example), "-o", str(out)]) == 0
    assert out.stat().st_size > 10_000
    assert "model" in capsys.readouterr().out


def test_flags_in_the_readme_exist() -> None:
    """Each `hushgate ...` line parses; nothing is run."""
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    lines = re.findall(r"^(?:.*[|&] )?hushgate ([^#|\n]+)", shell, re.MULTILINE)
    assert len(lines) > 4
    for line in lines:
        arguments = shlex.split(line)
        parser, _ = build_parser(arguments)
        with contextlib.redirect_stderr(None):
            parser.parse_args(arguments)


def test_the_command_block_of_the_readme_can_be_pasted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    block = re.findall(r"<!-- a test pastes the next block twice -->\n```sh\n(.*?)```", README, re.DOTALL)[0]
    (tmp_path / "examples").mkdir()
    sound, rate = soundfile.read(ROOT / "examples" / "noisy_speech.flac", stop=48_000)
    soundfile.write(tmp_path / "examples" / "noisy_speech.flac", sound, rate)
    monkeypatch.chdir(tmp_path)
    for line in [*block.splitlines(), *block.splitlines()]:
        words = shlex.split(line, comments=True)
        if words[0] == "cp":
            shutil.copy(words[1], words[2])
        else:
            extra = ["-j", "0"] if words[1] == "batch" else []
            assert cli.main([*words[1:], *extra]) == 0, line
    assert (tmp_path / "cleaned" / "take.flac").exists()
