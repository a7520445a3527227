"""Argument parser of the command `hushgate`: its table of commands and the flags all of them have."""

from __future__ import annotations

import argparse
import importlib
import re
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol

from hushgate.engine.errors import did_you_mean
from hushgate.errors import FAULT, describe_error
from hushgate.printable import printable
from hushgate.version import __version__

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# Name: (module with add_arguments and run, help). A module is imported only when its command is called.
_COMMANDS = {
    "batch": ("hushgate.commands.batch", "remove the noise from many sound files"),
    "completion": ("hushgate.commands.completion", "print a script that completes commands in your shell"),
    "denoise": ("hushgate.commands.denoise", "remove the noise from a sound file"),
    "live": ("hushgate.commands.live", "remove the noise from a microphone, now"),
    "models": ("hushgate.commands.models", "list the models that ship with hushgate"),
    "plot": ("hushgate.commands.plot", "see and hear a recording before and after"),
    "plugin": ("hushgate.commands.plugin", "build and install the VST3, CLAP and LV2 plugins"),
    "presets": ("hushgate.commands.presets", "list the presets that ship with hushgate, or print one"),
    "serve": ("hushgate.serving.command", "remove the noise for other programs, over HTTP and WebSockets"),
    "tune": ("hushgate.commands.tune", "print the notes of a recording, or tune with the microphone"),
    "web": ("hushgate.web.command", "write a web page that removes noise in the browser, and open it"),
}
_GROUPS = {
    "clean sound": ("denoise", "batch", "live", "serve", "plugin", "web"),
    "look and tune": ("plot", "tune"),
    "see what there is": ("presets", "models", "completion"),
}
_OTHER_GROUP = "train and measure"
_COMMAND_GROUP = "hushgate.commands"

EXIT_ERROR = 2
_NARROWEST = 40

# Numbers that argparse takes for options.
_NEGATIVE_VALUE = re.compile(r"-(inf|infinity|[\d.]+e[+-]?\d+)", re.IGNORECASE)


_UNKNOWN_COMMAND = re.compile(r"(argument COMMAND: invalid choice: '([^']*)')")
_UNKNOWN_FLAG = re.compile(r"unrecognized arguments: (--\S+)")
# Arguments of Python that errors name, and the flags for them.
PYTHON_NAMES = {
    "VirtualMicrophone(NAME)": "--virtual-mic NAME",
    "allow_truncated": "--allow-truncated",
    "base": "--base",
    "clip_mode": "--clip-mode",
    "end_s": "--end",
    "exclude": "--exclude",
    "globs": "--glob",
    "is_verbose": "--verbose",
    "jobs": "--jobs",
    "journal": "--journal",
    "overwrite": "--overwrite",
    "raw": "--raw",
    "recursive": "--recursive",
    "resume": "--resume",
    "skip_existing": "--skip-existing",
    "source": "--source",
    "start_s": "--start",
    "subtype": "--subtype",
    "template": "--template",
    "trusted": "--trust-model",
}
_PYTHON_NAME = re.compile(
    r"(?<![\w./\\-])(" + "|".join(map(re.escape, PYTHON_NAMES)) + r")"
    r'(?:=(?:True\b|\.\.\.|(?P<number>\d+)\b(?!\.\w)|"(?P<text>[^"]*)")|(?<=_s)(?![\w=.])|(?<=\)))'
)


class Command(Protocol):
    """A subcommand: a module of `hushgate.commands`, or the object of an entry point of that group.

    An entry point's object also has `help`, one line for the list of commands.
    """

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do the work; the exit status."""


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage in one line, like any other error, with the nearest name for a misspelt one."""

    names: tuple[str, ...] = ()
    """Commands, and flags of the called one."""

    def error(self, message: str) -> NoReturn:
        text = printable(" ".join(message.split()))
        if match := _UNKNOWN_COMMAND.match(text):
            text = f"{match[1]}.{did_you_mean(match[2], self.names)}"
        elif match := _UNKNOWN_FLAG.match(text):
            text += f".{did_you_mean(match[1].partition('=')[0], self.names)}"
        self.exit(EXIT_ERROR, f"hushgate: error: {text} (see {self.prog} --help)\n")


def build_parser(
    arguments: Sequence[str], *, everything: bool = False
) -> tuple[argparse.ArgumentParser, dict[str, Command]]:
    """The parser, and the called command.

    Args:
        arguments: Those of the process.
        everything: Import every command that can be, for its arguments; otherwise only the called one.
    """
    parser = _Parser(
        prog="hushgate",
        description="A neural denoiser and smart noise gate for sound files.",
        epilog="hushgate COMMAND --help shows what a command takes.",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="hushgate COMMAND [options]",
    )
    parser.add_argument("--version", action="version", version=f"hushgate {__version__}")
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", prog="hushgate", help=None if everything else argparse.SUPPRESS
    )
    called = next((argument for argument in arguments if not argument.startswith("-")), None)
    commands: dict[str, Command] = {}
    # Reading the entry points of every installed package takes longer than making the parsers.
    external = {} if called in _COMMANDS and not everything else _external_commands()
    descriptions: dict[str, str] = {}
    for name in [*_COMMANDS, *sorted(external.keys() - _COMMANDS.keys())]:
        description = _COMMANDS[name][1] if name in _COMMANDS else ""
        if name == called or everything:
            commands[name] = (
                importlib.import_module(_COMMANDS[name][0]) if name in _COMMANDS else external[name].load()
            )
        if name not in _COMMANDS and called is None:
            description = _external_help(external[name])
        descriptions[name] = description
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
            subparser.usage = _usage(subparser)
            parser.names += tuple(flag for action in subparser._actions for flag in action.option_strings)
    parser.names += tuple(descriptions)
    _list_commands(parser, descriptions)
    return parser, commands


def _list_commands(parser: argparse.ArgumentParser, descriptions: Mapping[str, str]) -> None:
    """Show the commands in groups, a line for each."""
    grouped = {name for names in _GROUPS.values() for name in names}
    others = tuple(name for name in descriptions if name not in grouped)
    width = max(len(name) for name in descriptions)
    for title, names in {**_GROUPS, _OTHER_GROUP: others}.items():
        if not names:
            continue
        lines = [
            textwrap.fill(
                f"{name:<{width}}  {descriptions[name]}",
                max(_NARROWEST, shutil.get_terminal_size().columns - 2),
                subsequent_indent=" " * (width + 2),
            )
            for name in names
        ]
        parser.add_argument_group(title, "\n".join(lines))


def _usage(parser: argparse.ArgumentParser) -> str:
    """One line: flags are listed below it."""
    words = [parser.prog.replace("%", "%%"), "[options]"]
    for action in parser._actions:
        if action.option_strings or action.help == argparse.SUPPRESS:
            continue
        word = str(action.metavar or action.dest)
        nargs = "?" if action.nargs == argparse.PARSER and not action.required else str(action.nargs)
        words.append({"+": f"{word} ...", "*": f"[{word} ...]", "?": f"[{word}]"}.get(nargs, word))
    return " ".join(words)


def in_flags(text: str) -> str:
    """An error for Python in the words of the command line.

    >>> in_flags("exists already (pass overwrite=True to replace it)")
    'exists already (pass --overwrite to replace it)'
    >>> in_flags('Use jobs=0, another template=... or clip_mode="limit".')
    'Use --jobs 0, another --template or --clip-mode limit.'
    """

    def flag(match: re.Match[str]) -> str:
        return " ".join(filter(None, [PYTHON_NAMES[match[1]], match["number"], match["text"]]))

    return _PYTHON_NAME.sub(flag, text)


def error_line(error: Exception) -> str:
    """One line that says what went wrong, in the words of the command line."""
    text = in_flags(describe_error(error))
    return f"{text[:-1]}; --debug shows where)" if text.endswith(FAULT) else text


def _external_commands() -> dict[str, EntryPoint]:
    import importlib.metadata

    return {point.name: point for point in importlib.metadata.entry_points(group=_COMMAND_GROUP)}


def _external_help(point: EntryPoint) -> str:
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
