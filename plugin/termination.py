"""Signals that end a process: the first one unwinds it, later ones do not disturb that."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
# As long as this after the first signal, others are ignored; one that comes later ends the process at once.
_GRACE_S = 5.0
_RETRY_S = 0.005
# soundfile hands the first five functions to libsndfile; an exception in one of them is printed and lost, as
# in the hook for such exceptions, the sixth. In the last, multiprocessing starts a process, which prints a
# traceback if its start is interrupted half-way.
_UNINTERRUPTED = ("vio_get_filelen", "vio_seek", "vio_read", "vio_write", "vio_tell", "unraisable", "_launch")


class Ending:
    """What is known about the end of a process.

    Attributes:
        signum: Number of the signal that ends it; None before one has come.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self._since = 0.0
        self._is_over = False
        self._before: dict[signal.Signals, Any] = {}

    @property
    def status(self) -> int:
        """Exit status after the signal, as a shell reports it."""
        return 128 + (self.signum or 0)

    def handle(self, names: Sequence[str]) -> None:
        """Handle these signals from now on, but for those that the process was started to ignore."""
        for name in names:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is None or signal.getsignal(number) == signal.SIG_IGN:
                continue
            with suppress(ValueError):  # not the main thread: its owner handles signals
                self._before[number] = signal.signal(number, self._leave)

    def stop(self, *, is_last: bool) -> None:
        """Handle the signals as before, or ignore them if the process has nothing left to do but end."""
        self._is_over = True
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if is_last else handler)

    def raise_again(self) -> None:
        """Raise the interruption once more, because it came up where Python drops exceptions."""
        if self.signum is not None:
            signum, self.signum = self.signum, None
            _send_later(signum)

    def _leave(self, signum: int, frame: FrameType | None) -> None:
        if self._is_over:
            return
        if self.signum is not None:
            if time.monotonic() - self._since > _GRACE_S:
                signal.signal(signum, signal.SIG_DFL)
                os.kill(os.getpid(), signum)
            return
        if _is_uninterrupted(frame):
            _send_later(signum)
            return
        self.signum, self._since = signum, time.monotonic()
        if signum == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(self.status)


@contextmanager
def signals_unwind(names: Sequence[str] = ENDING_SIGNALS, *, is_last: bool = False) -> Iterator[Ending]:
    """Let the first of these signals raise KeyboardInterrupt (SIGINT) or SystemExit with 128 and its number.

    The stack unwinds, so that temporary files are removed; more signals are ignored meanwhile. Left without a
    signal, the handlers are as before.

    Args:
        names: The signals. Those that the process was started to ignore (nohup) stay ignored.
        is_last: The process ends after this: signals are ignored then, because the interpreter's own end
            prints a traceback for an exception.
    """
    ending = Ending()
    hook = sys.unraisablehook

    def unraisable(details: sys.UnraisableHookArgs) -> None:
        if ending.signum is not None and issubclass(details.exc_type, KeyboardInterrupt | SystemExit):
            ending.raise_again()
        else:
            hook(details)

    sys.unraisablehook = unraisable
    ending.handle(names)
    try:
        yield ending
    finally:
        ending.stop(is_last=is_last)
        sys.unraisablehook = hook


def end_after(wait: Callable[[], object]) -> None:
    """End this process as soon as `wait` returns, whatever else it does then; temporary files are removed.

    For a process that must not outlive another one. A daemon thread calls `wait`.
    """

    def watch() -> None:
        wait()
        # Not imported here: without it there is no temporary file.
        if (files := sys.modules.get("hushgate.audio_files.part_files")) is not None:
            files.discard_parts()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _send_later(signum: int) -> None:
    """Let the signal come again in a moment, from another thread."""
    main = threading.main_thread().ident
    is_started = threading.Event()

    def send() -> None:
        is_started.wait()  # on a busy machine the start of a thread takes longer than that moment
        time.sleep(_RETRY_S)
        if hasattr(signal, "pthread_kill") and main is not None:  # wakes the thread where it waits
            signal.pthread_kill(main, signum)
        else:
            _thread.interrupt_main(signal.Signals(signum))

    threading.Thread(target=send, daemon=True).start()
    is_started.set()


def _is_uninterrupted(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name in _UNINTERRUPTED:
            return True
        frame = frame.f_back
    return False
