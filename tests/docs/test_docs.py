"""The examples of docs/chain.md and docs/presets.md run unchanged."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import soundfile

from hushgate import Chain, available_presets, load_preset
from hushgate.commands import main as cli

ROOT = Path(__file__).resolve().parents[2]
NOISY = ROOT / "examples" / "noisy_speech.flac"

pytestmark = pytest.mark.usefixtures("voice")


def blocks(name: str, language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / name).read_text(), re.DOTALL)
    assert found
    return found


@pytest.mark.parametrize("name", ["chain.md", "presets.md"])
def test_python_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    noisy, sample_rate = soundfile.read(NOISY, dtype="float32", stop=48_000)
    soundfile.write("take.wav", noisy, sample_rate)
    names: dict[str, object] = {"noisy": noisy, "sample_rate": sample_rate}
    for block in blocks(name, "python"):
        exec(compile(block, name, "exec"), names)


def test_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    noisy, sample_rate = soundfile.read(NOISY, dtype="float32", stop=48_000)
    soundfile.write("take.wav", noisy, sample_rate)
    for line in "".join(blocks("presets.md", "sh")).splitlines():
        for command in line.partition("#")[0].split("&&"):
            words, _, target = command.partition(">")
            program, *arguments = shlex.split(words)
            assert program == "hushgate"
            if arguments[0] == "denoise":
                arguments.append("--overwrite")
            assert cli.main(arguments) == 0
            printed = capsys.readouterr().out
            if target:
                Path(target.strip()).write_text(printed)


def test_the_preset_file_loads(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(blocks("presets.md", "toml")[0])
    assert [type(effect).__name__ for effect in Chain.from_preset(path)] == [
        "HighpassFilter",
        "Denoiser",
        "Mix",
    ]


def test_the_table_of_presets_is_complete() -> None:
    rows = re.findall(
        r"^\| `([\w-]+)` \| .* \| (.*) \|$", (ROOT / "docs" / "presets.md").read_text(), re.MULTILINE
    )
    table = dict(rows)
    for name in available_presets():
        models = {entry["model"] for entry in load_preset(name).entries if entry["effect"] == "Denoiser"}
        assert all(f"`{model}`" in table[name] for model in models)
