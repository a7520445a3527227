"""The command `hushgate`: its subcommands, exit statuses and one-line errors."""

from __future__ import annotations

import io
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from hushgate.commands.first_steps import FIRST_STEPS
from hushgate.commands.parser import EXIT_ERROR, bind_negative_values, build_parser, error_line, in_flags
from hushgate.commands.standard_streams import drop_standard_output, open_closed_streams
from hushgate.engine.model_files.runtime import switch_off_telemetry
from hushgate.errors import interruptions_unwrapped
from hushgate.printable import printable
from hushgate.process_limits import check_limits, describe_limits
from hushgate.termination import Ending, signals_unwind
from hushgate.version import __version__

_log = logging.getLogger("hushgate.commands")

_EXIT_BROKEN_PIPE = 128 + 13  # as after SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; those of the process by default.

    Returns:
        Exit status: 0 done, 2 for errors (one line on standard error), 128 and the signal's number
        after a signal (130 for Ctrl-C); commands may have others of their own.
    """
    open_closed_streams()
    with signals_unwind(is_last=argv is None) as ending:
        try:
            return _status(argv, ending)
        except KeyboardInterrupt:
            ending.signum = ending.signum or signal.SIGINT
        except BaseException:
            if ending.signum is None:
                raise
        if ending.signum == signal.SIGINT:
            _say("hushgate: interrupted")
        _clean_up()
        return ending.status


def _status(argv: Sequence[str] | None, ending: Ending) -> int:
    arguments = bind_negative_values(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be valid text
    try:
        with interruptions_unwrapped():
            check_limits()
            switch_off_telemetry()
            status = _run(arguments)
            sys.stdout.flush()
            return status
    except BrokenPipeError:
        drop_standard_output()
        return _EXIT_BROKEN_PIPE
    except Exception as error:
        if "--debug" in arguments or ending.signum is not None:  # an interruption looks like a fault
            raise
        text = f"{error_line(error)} {describe_limits()}".rstrip()
        _say(f"hushgate: error: {printable(text)}")
        return EXIT_ERROR


def _say(text: str) -> None:
    with suppress(OSError, ValueError):  # standard error is closed or full
        print(text, file=sys.stderr)


def _clean_up() -> None:
    """Remove temporary files that an interruption at an odd moment left, and what is not printed yet."""
    from hushgate.audio_files.part_files import discard_parts

    discard_parts()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # the terminal is gone
        drop_standard_output()


def _run(arguments: Sequence[str]) -> int:
    parser, commands = build_parser(arguments)
    try:
        args = parser.parse_args(arguments)
    except SystemExit as exit_:  # argparse has printed the help, the version or the error
        return exit_.code if isinstance(exit_.code, int) else EXIT_ERROR
    if args.command is None:
        print(FIRST_STEPS, file=sys.stderr)
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
            print(printable(in_flags(self.format(record))), file=sys.stderr, flush=True)
