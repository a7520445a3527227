"""docs/data.md: its commands parse, its configurations load, and no key or option is left out."""

from __future__ import annotations

import argparse
import dataclasses
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from hushgate.commands.parser import build_parser
from hushgate.training.config.mixture_schema import MixConfig, SourceSpec
from hushgate.training.config.schema import Config
from hushgate.training.corpora.registry import CORPORA
from hushgate.training.synthesis.noises import GENERATORS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(hushgate data .*?)(?:\s+#.*)?$", TEXT, re.MULTILINE)
TABLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(line: str) -> None:
    arguments = shlex.split(line)[1:]
    parser, _ = build_parser(arguments)
    assert parser.parse_args(arguments).part == arguments[1]


@pytest.mark.parametrize("text", TABLES)
def test_configurations_load(text: str) -> None:
    mix = Config.from_dict(tomllib.loads(text)).mix
    assert mix.targets
    assert mix.noises


def test_there_is_something_to_test() -> None:
    assert len(COMMANDS) > 15
    assert len(TABLES) == 3


def test_nothing_is_left_out() -> None:
    words = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`\n]+)`", TEXT))))
    keys = {field.name for kind in (SourceSpec, MixConfig) for field in dataclasses.fields(kind)}
    assert keys - {"targets", "noises"} <= words
    assert set(CORPORA) <= words
    assert set(GENERATORS) <= words
    parser, _ = build_parser(["data"])
    parts = next(a for a in parser._actions if a.dest == "command").choices["data"]  # type: ignore[index]
    for part in next(a for a in parts._actions if a.dest == "part").choices.values():
        for action in part._actions:
            if action.help == argparse.SUPPRESS:  # old spellings
                continue
            flags = [flag for flag in action.option_strings if flag.startswith("--")]
            # Those that every command of hushgate has are explained by --help; -o is in every example.
            if flags and not {"--help", "--debug", "--quiet", "-o"} & set(action.option_strings):
                assert any(flag in TEXT for flag in flags), flags
