"""The flags that change a configuration: the same for every command, and true to what was typed."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hushgate.training.config.flags import config_overrides, config_path
from hushgate.training.config.toml_tables import read_values

COMMANDS: dict[str, tuple[str, list[str]]] = {
    "TrainCommand": ("train", ["voice"]),
    "SearchCommand": ("search", ["voice"]),
    "EvaluateCommand": ("evaluate", ["voice", "--config", "voice"]),
    "DataCommand": ("data", ["mix", "voice", "-o", "out", "--num", "1"]),
}


def _command(name: str) -> Any:
    return getattr(importlib.import_module(f"hushgate.training.commands.{COMMANDS[name][0]}"), name)


@pytest.mark.parametrize(
    "folder", ["recordings", "it's", 'the "best" ones', r"C:\recordings\new", "two\nlines", "Übung, [2]"]
)
def test_folders_arrive_as_they_are_called(folder: str, tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("", encoding="utf-8")
    values = read_values(tmp_path / "empty.toml", config_overrides([], [folder, "second"]))
    assert values == {"data": {"folders": [folder, "second"]}}


def test_folders_win_over_changes() -> None:
    values = read_values(
        config_path("voice"), config_overrides(["data.folders=['a']", "train.seed=7"], ["b"])
    )
    assert values["data"]["folders"] == ["b"]
    assert values["train"]["seed"] == 7
    assert config_overrides(["train.seed=7"], []) == ["train.seed=7"]


def test_a_suffix_tells_files_from_shipped_names() -> None:
    assert config_path(Path("some.toml")) == Path("some.toml")
    assert config_path("voice").name == "voice.toml"
    assert config_path("voice").is_file()
    with pytest.raises(FileNotFoundError, match="no configuration is named 'voise'"):
        config_path("voise")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_the_flags_again_and_again(name: str) -> None:
    parser = argparse.ArgumentParser()
    _command(name).add_arguments(parser)
    arguments = COMMANDS[name][1]
    assert (parser.parse_args(arguments).data, parser.parse_args(arguments).set) == ([], [])
    flags = ["--data", "a", "--data", "b", "--set", "train.seed=7", "--set", "data.segment_s=1.0"]
    given = parser.parse_args([*arguments, *flags])
    assert given.data == ["a", "b"]
    assert given.set == ["train.seed=7", "data.segment_s=1.0"]


def test_the_flags_import_nothing_heavy() -> None:
    modules = "commands.train", "commands.search", "commands.evaluate", "commands.data", "commands.data_flags"
    code = "import sys, " + ", ".join(f"hushgate.training.{name}" for name in modules)
    code += "\nprint([name for name in ('numpy', 'torch', 'lightning', 'tomllib') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
