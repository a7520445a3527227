"""The command `hushgate`: its subcommands, exit statuses and one-line errors."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import io
import logging
import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, Protocol, TextIO

from hushgate.errors import describe_error
from hushgate.printable import printable
from hushgate.version import __version__

# Name: (module with add_arguments and run, help). A module is imported only when its command is called.
_COMMANDS = {
    "batch": ("hushgate.commands.batch", "remove the noise from many sound files"),
    "denoise": ("hushgate.commands.denoise", "remove the noise from a sound file"),
    "live": ("hushgate.commands.live", "remove the noise from a microphone, now"),
    "models": ("hushgate.commands.models", "list the models that ship with hushgate"),
    "plot": ("hushgate.commands.plot", "draw a recording before and after"),
    "presets": ("hushgate.commands.presets", "list the presets that ship with hushgate, or print one"),
    "tune": ("hushgate.commands.tune", "print the notes of a recording, or tune with the microphone"),
}
_COMMAND_GROUP = "hushgate.commands"

_EXIT_ERROR = 2
_EXIT_INTERRUPTED = 128 + 2  # as after SIGINT
_EXIT_TERMINATED = 128 + 15  # as after SIGTERM
_EXIT_BROKEN_PIPE = 128 + 13  # as after SIGPIPE

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
        self.exit(_EXIT_ERROR, f"hushgate: error: {text} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; those of the process by default.

    Returns:
        Exit status: 0 done, 2 for errors (one line on standard error), 130 after Ctrl-C; commands
        may have others of their own.
    """
    arguments = _bind_negative_values(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be valid text
    try:
        with _termination_unwinds():
            status = _run(arguments)
            sys.stdout.flush()
            return status
    except KeyboardInterrupt:
        print("hushgate: interrupted", file=sys.stderr)
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of standard output is gone. Replace it, so that the flush at exit does not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_BROKEN_PIPE
    except Exception as error:
        if "--debug" in arguments:
            raise
        print(f"hushgate: error: {printable(describe_error(error))}", file=sys.stderr)
        return _EXIT_ERROR


def _run(arguments: Sequence[str]) -> int:
    parser, commands = _build_parser(arguments)
    try:
        args = parser.parse_args(arguments)
    except SystemExit as exit_:  # argparse has printed the help, the version or the error
        return exit_.code if isinstance(exit_.code, int) else _EXIT_ERROR
    if args.command is None:
        parser.print_help(sys.stderr)
        return _EXIT_ERROR
    with _logged(verbose=getattr(args, "verbose", False)):
        return commands[args.command].run(args)


def _build_parser(arguments: Sequence[str]) -> tuple[argparse.ArgumentParser, dict[str, Command]]:
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


def _bind_negative_values(arguments: Sequence[str]) -> list[str]:
    """Join `--flag -inf` to `--flag=-inf`.

    >>> _bind_negative_values(["--gate-threshold-db", "-inf", "a.wav"])
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


@contextmanager
def _logged(*, verbose: bool) -> Iterator[None]:
    """Print the messages of hushgate's loggers to standard error, if wanted."""
    if not verbose:
        yield
        return
    logger = logging.getLogger("hushgate")
    handler = _TerminalHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


class _TerminalHandler(logging.StreamHandler[TextIO]):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


@contextmanager
def _termination_unwinds() -> Iterator[None]:
    """Let SIGTERM raise SystemExit, so that temporary files are removed as after Ctrl-C."""

    def leave(signum: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(_EXIT_TERMINATED)

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not the main thread: its owner handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
