"""Single key presses from a terminal, without Enter."""

from __future__ import annotations

import importlib
import os
import select
import sys
import time
from types import TracebackType
from typing import Any, Protocol, Self

try:
    import termios
    import tty
except ImportError:  # not a system with terminals of this kind
    termios = None  # type: ignore[assignment]

msvcrt: Any = importlib.import_module("msvcrt") if os.name == "nt" else None


class Keys(Protocol):
    """A source of key presses."""

    @property
    def is_available(self) -> bool:
        """True if keys can be pressed at all."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def read(self, timeout_s: float) -> str:
        """Keys pressed since the last call; waits up to `timeout_s` for the first."""


class NoKeys:
    """A source without keys."""

    is_available = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, timeout_s: float) -> str:
        """Wait, and return nothing."""
        time.sleep(timeout_s)
        return ""


class TerminalKeys:
    """Keys from the terminal on a file descriptor; its settings are restored at the end.

    Args:
        descriptor: An open terminal. Ctrl-C still interrupts.
    """

    is_available = True

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_open = True

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def read(self, timeout_s: float) -> str:
        """The typed keys, without the escape sequences of arrow and function keys."""
        if not self._is_open:
            time.sleep(timeout_s)
            return ""
        if not select.select([self._descriptor], [], [], timeout_s)[0]:
            return ""
        try:
            typed = os.read(self._descriptor, 256)
        except OSError:  # the terminal has gone
            typed = b""
        self._is_open = bool(typed)
        return "" if typed.startswith(b"\x1b") else typed.decode(errors="ignore")


class ConsoleKeys:
    """Keys from the console of Windows.

    Args:
        console: The module msvcrt, or one like it.
    """

    is_available = True
    _STEP_S = 0.02

    def __init__(self, console: Any) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, timeout_s: float) -> str:
        """The typed keys, without those of arrows and functions, which come as two characters."""
        end = time.monotonic() + timeout_s
        while not self._console.kbhit() and time.monotonic() < end:
            time.sleep(min(self._STEP_S, max(0.0, end - time.monotonic())))
        typed = ""
        while self._console.kbhit():
            key = self._console.getwch()
            if key in ("\0", "\xe0"):
                self._console.getwch()
            elif key == "\x03":  # Ctrl-C, which this way of reading takes for a key
                raise KeyboardInterrupt
            else:
                typed += key
        return typed


def keys_of_terminal() -> Keys:
    """Keys from standard input, if it is a terminal with this process in the foreground; otherwise none."""
    if sys.stdin is None or not sys.stdin.isatty():
        return NoKeys()
    if msvcrt is not None:
        return ConsoleKeys(msvcrt)
    if termios is None:
        return NoKeys()
    descriptor = sys.stdin.fileno()
    if os.tcgetpgrp(descriptor) != os.getpgrp():  # in the background, reading would stop the process
        return NoKeys()
    return TerminalKeys(descriptor)
