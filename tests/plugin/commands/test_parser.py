"""Errors of Python name arguments; the command line says them in its flags."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hushgate.commands.parser import PYTHON_NAMES, build_parser, in_flags

ROOT = Path(__file__).resolve().parents[3]
FLAG = re.compile(r"(?<![\w(-])--[a-z]+")


@pytest.mark.parametrize(
    ("python", "flags"),
    [
        ("Pass allow_truncated=True to take it.", "Pass --allow-truncated to take it."),
        ("start_s must lie before its end.", "--start must lie before its end."),
        ("Set start_s=... and end_s=... to choose.", "Set --start and --end to choose."),
        ('with raw="RATE,CHANNELS,FORMAT".', "with --raw RATE,CHANNELS,FORMAT."),
        ("load it with trusted=True.", "load it with --trust-model."),
        ('matches exclude="*_raw.wav"', "matches --exclude *_raw.wav"),
        ("Choose another VirtualMicrophone(NAME).", "Choose another --virtual-mic NAME."),
        # No flags, or names of files.
        ("Process it with reset=True.", "Process it with reset=True."),
        ("takes/start_s.wav: No such file", "takes/start_s.wav: No such file"),
        ("in/jobs=0.wav is empty", "in/jobs=0.wav is empty"),
    ],
)
def test_names_of_arguments_become_flags(python: str, flags: str) -> None:
    assert in_flags(python) == flags


def test_every_flag_that_an_error_can_name_exists() -> None:
    _, commands = build_parser(["--help"], everything=True)
    known = set()
    for name in commands:
        parser, _ = build_parser([name])
        known |= set(parser.names)  # type: ignore[attr-defined]
    assert {flag.split()[0] for flag in PYTHON_NAMES.values()} <= known


@pytest.mark.parametrize(("command", "action"), [("presets", "[list | show NAME]"), ("plugin", "ACTION")])
def test_the_usage_shows_whether_an_action_may_be_left_out(
    command: str, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser, _ = build_parser([command])
    with pytest.raises(SystemExit):
        parser.parse_args([command, "--help"])
    assert capsys.readouterr().out.startswith(f"usage: hushgate {command} [options] {action}\n")


def test_only_commands_speak_of_flags() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {text}"
        for folder in ("engine", "plugin")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "commands" not in path.parts and path.name != "command.py"
        for number, text in _texts(path)
        if FLAG.search(text) and "{" not in text  # rules of CSS have variables
    ]
    assert found == []


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every text of a module but for docstrings."""
    source = path.read_text(encoding="utf-8")
    if not FLAG.search(source):  # reading the tree takes time
        return
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value
