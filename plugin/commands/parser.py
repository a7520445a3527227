"""Argument parser of the command `hushgate`: its table of commands and the flags all of them have."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import re
from collections.abc import Sequence
from typing import NoReturn, Protocol

from hushgate.printable import printable
from hushgate.version import __version__

# Name: (module with add_arguments and run, help). A module is imported only when its command is called.
_COMMANDS = {
    "batch": ("hushgate.commands.batch", "remove the noise from many sound files"),
    "denoise": ("hushgate.commands.denoise", "remove the noise from a sound file"),
    "live": ("hushgate.commands.live", "remove the noise from a microphone, now"),
    "models": ("hushgate.commands.models", "list the models that ship with hushgate"),
    "plot": ("hushgate.commands.plot", "draw a recording before and after"),
    "plugin": ("hushgate.commands.plugin", "build and install the VST3, CLAP and LV2 plugins"),
    "presets": ("hushgate.commands.presets", "list the presets that ship with hushgate, or print one"),
    "serve": ("hushgate.serving.command", "remove the noise for other programs, over HTTP and WebSockets"),
    "tune": ("hushgate.commands.tune", "print the notes of a recording, or tune with the microphone"),
}
_COMMAND_GROUP = "hushgate.commands"

EXIT_ERROR = 2

# Numbers that argparse takes for options.
_NEGATIVE_VALUE = re.compile(r"-(inf|infinity|[\d.]+e[+-]?\d+)", re.IGNORECASE)


class Command(Protocol):
    """A subcommand: a module of `hushgate.commands`, or the object of an entry point of that group.

    An entry point's object also has `help`, one line for the list of commands.
    """

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do the work; the exit status."""


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage in one line, like any other error."""

    def error(self, message: str) -> NoReturn:
        text = printable(" ".join(message.split()))
        self.exit(EXIT_ERROR, f"hushgate: error: {text} (see {self.prog} --help)\n")


def build_parser(arguments: Sequence[str]) -> tuple[argparse.ArgumentParser, dict[str, Command]]:
    """The parser, and the called command. Only that one is imported and gets its arguments."""
    parser = _Parser(
        prog="hushgate",
        description="A neural denoiser and smart noise gate for sound files.",
        epilog="hushgate COMMAND --help shows what a command takes.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"hushgate {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    called = next((argument for argument in arguments if not argument.startswith("-")), None)
    commands: dict[str, Command] = {}
    external = {point.name: point for point in importlib.metadata.entry_points(group=_COMMAND_GROUP)}
    for name in [*_COMMANDS, *sorted(external.keys() - _COMMANDS.keys())]:
        description = _COMMANDS[name][1] if name in _COMMANDS else ""
        if name == called:
            commands[name] = (
                importlib.import_module(_COMMANDS[name][0]) if name in _COMMANDS else external[name].load()
            )
        if name not in _COMMANDS and called is None:
            description = _external_help(external[name])
        # argparse formats help texts with %, so a plain percent sign must be doubled.
        subparser = subparsers.add_parser(name, help=description.replace("%", "%%"), allow_abbrev=False)
        if name in commands:
            subparser.description = description or getattr(commands[name], "help", None)
            commands[name].add_arguments(subparser)
            subparser.add_argument(
                "--debug", action="store_true", help="show a traceback when something fails"
            )
            subparser.add_argument(
                "--verbose", action="store_true", help="print what happens to standard error"
            )
    return parser, commands


def _external_help(point: importlib.metadata.EntryPoint) -> str:
    try:
        return str(getattr(point.load(), "help", ""))
    except Exception as error:  # a broken add-on must not take the other commands with it
        return f"not usable: {' '.join(str(error).split())}"


def bind_negative_values(arguments: Sequence[str]) -> list[str]:
    """Join `--flag -inf` to `--flag=-inf`.

    >>> bind_negative_values(["--gate-threshold-db", "-inf", "a.wav"])
    ['--gate-threshold-db=-inf', 'a.wav']
    """
    bound: list[str] = []
    for argument in arguments:
        if (
            bound
            and bound[-1].startswith("--")
            and "=" not in bound[-1]
            and _NEGATIVE_VALUE.fullmatch(argument)
        ):
            bound[-1] += f"={argument}"
        else:
            bound.append(argument)
    return bound
