"""The command `hushgate`: its subcommands, exit statuses and one-line errors."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from hushgate.commands.parser import EXIT_ERROR, bind_negative_values, build_parser
from hushgate.commands.standard_streams import open_closed_streams
from hushgate.errors import describe_error, interruptions_unwrapped
from hushgate.printable import printable
from hushgate.version import __version__

_log = logging.getLogger("hushgate.commands")

_EXIT_INTERRUPTED = 128 + 2  # as after SIGINT
_EXIT_BROKEN_PIPE = 128 + 13  # as after SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; those of the process by default.

    Returns:
        Exit status: 0 done, 2 for errors (one line on standard error), 130 after Ctrl-C; commands
        may have others of their own. A signal that ends the command (SIGTERM, SIGHUP) raises SystemExit
        with 128 and its number.
    """
    open_closed_streams()
    arguments = bind_negative_values(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be valid text
    try:
        with _termination_unwinds(), interruptions_unwrapped():
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
        return EXIT_ERROR


def _run(arguments: Sequence[str]) -> int:
    parser, commands = build_parser(arguments)
    try:
        args = parser.parse_args(arguments)
    except SystemExit as exit_:  # argparse has printed the help, the version or the error
        return exit_.code if isinstance(exit_.code, int) else EXIT_ERROR
    if args.command is None:
        parser.print_help(sys.stderr)
        return EXIT_ERROR
    with _logged(verbose=getattr(args, "verbose", False)):
        _log.debug("hushgate %s, Python %s", __version__, sys.version.partition(" ")[0])
        return commands[args.command].run(args)


@contextmanager
def _logged(*, verbose: bool) -> Iterator[None]:
    """Print the messages of hushgate's loggers to standard error, if wanted."""
    if not verbose:
        yield
        return
    logger = logging.getLogger("hushgate")
    handler = _TerminalHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


class _TerminalHandler(logging.Handler):
    """Prints to the current `sys.stderr`, which live commands replace while they run."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):  # closed
            print(printable(self.format(record)), file=sys.stderr, flush=True)


@contextmanager
def _termination_unwinds() -> Iterator[None]:
    """Let signals that end a program raise SystemExit, so that temporary files are removed."""

    before: dict[signal.Signals, Any] = {}

    def leave(signum: int, frame: FrameType | None) -> NoReturn:
        for number in before:  # a second one must not interrupt the removal of files
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + signum)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        # nohup has the command ignore SIGHUP: it stays ignored.
        if number is None or signal.getsignal(number) == signal.SIG_IGN:
            continue
        with suppress(ValueError):  # not the main thread: its owner handles signals
            before[number] = signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
