"""docs/five-projects.md: all of its commands run, in their order, on small data."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="needs the extra hushgate[train]")
pytest.importorskip("matplotlib", reason="needs the extra hushgate[plot]")
pytest.importorskip("optuna", reason="needs the extra hushgate[search]")

from hushgate.commands.main import main
from hushgate.training.config.schema import load_config, shipped_config
from hushgate.training.recordings.manifest import read_manifest
from tests.helpers.small_models import SMALL
from tests.helpers.trees import TREES, sound

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "five-projects.md").read_text(encoding="utf-8")
LONGEST = ("2", "4")
PROJECTS = re.findall(r"^## (\d)\. .*?```sh\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
RATE = 16_000


def _flags(config: str) -> list[str]:
    """Settings that make a shipped configuration small."""
    family = load_config(shipped_config(config)).model["family"]
    changes: dict[str, Any] = {f"model.{key}": value for key, value in SMALL[family].items()} | {
        "data.sample_rate": 4_000,
        "data.segment_s": 0.4,
        "data.val_examples": 2,
        "train.max_steps": 2,
        "train.batch_size": 2,
        "train.warmup_steps": 1,
        "train.steps_per_epoch": 2,
        "train.logger": "none",
        "train.accelerator": "cpu",
    }
    return [part for key, value in changes.items() for part in ("--set", f"{key}={json.dumps(value)}")]


def _songs(folder: Path) -> None:
    for number in range(5):
        sound(folder / "songs" / f"song-{number}.wav", 0.8, 200.0 + 50 * number)


def _snsd(folder: Path) -> None:
    TREES["ms-snsd"](folder / "MS-SNSD")


def _city(folder: Path) -> None:
    TREES["common-voice"](folder / "cv" / "en")
    TREES["voxceleb1"](folder / "voxceleb1")
    TREES["urbansound8k"](folder / "UrbanSound8K")


def _guitar(folder: Path) -> None:
    time = np.arange(2 * RATE) / RATE
    pluck = sum(np.sin(2 * np.pi * 110.0 * n * time) * 0.4 / n for n in range(1, 8)) * np.exp(-2.0 * time)
    (folder / "guitar").mkdir()
    soundfile.write(folder / "guitar" / "open-a.wav", 0.5 * pluck, RATE)
    for number in range(10):
        sound(folder / "guitar" / f"{number}.wav", 0.5, 150.0 + 20 * number)
    sound(folder / "instruments" / "viola.wav", 0.7, 700.0)
    sound(folder / "street" / "horn.wav", 0.3, 900.0)


def _speech(folder: Path) -> None:
    TREES["librispeech"](folder)
    for path in (folder / "LibriSpeech").rglob("*.flac"):
        samples, rate = soundfile.read(path)
        soundfile.write(path, np.repeat(samples, RATE // rate), RATE)
    for path in (folder / "LibriSpeech").rglob("*.trans.txt"):
        names = sorted(one.stem for one in path.parent.glob("*.flac"))
        path.write_text("".join(f"{name} SOME WORDS\n" for name in names))


MAKERS = {"1": _songs, "2": _snsd, "3": _city, "4": _guitar, "5": _speech}


@pytest.mark.parametrize(
    ("number", "commands"),
    [
        pytest.param(number, commands, id=number, marks=[pytest.mark.level(6)] if number in LONGEST else [])
        for number, commands in PROJECTS
    ],
)
def test_a_project_runs_from_beginning_to_end(
    number: str, commands: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    MAKERS[number](tmp_path)
    for line in commands.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "hushgate"
        if arguments[0] in ("train", "search"):
            arguments += ["--quiet", *_flags(arguments[1])]
        elif arguments[:2] == ["data", "mix"]:
            arguments += _flags(arguments[2])
        elif "--config" in arguments:
            arguments += _flags(arguments[arguments.index("--config") + 1])
        assert main(arguments) == 0, line
    reports = [path.read_text(encoding="utf-8") for path in tmp_path.glob("report-*/report.md")]
    assert len(reports) == (number != "1")
    assert all("spectrogram MSE" in report for report in reports) == (number != "5" or not reports)
    if number == "4":
        rows = read_manifest(tmp_path / "guitars" / "manifest.csv")
        assert {Path(row["noises"]).name for row in rows} == {"viola.wav", "horn.wav"}
        assert all(Path(row["noises"]).is_file() and Path(row["original"]).is_file() for row in rows)
    if number == "5":
        assert len(list((tmp_path / "denoised").rglob("*.flac"))) >= 32


def test_all_five_are_there() -> None:
    assert [number for number, _ in PROJECTS] == list(MAKERS)
