"""Helper processes that decode and encode: started when needed, kept for the next file."""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from typing import Any, Self

from hushgate.audio_files.isolation import messages
from hushgate.errors import AudioFileError

# The path is the parent's, so that the helper imports the same hushgate and nothing from the current folder.
_SCRIPT = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from hushgate.audio_files.isolation.serve import main; main()"
)  # fmt: skip
_PIPE_BYTES = 2**18
_MAX_IDLE = 2
_END_TIMEOUT_S = 2.0


class HelperProcess:
    """A process that decodes or encodes for this one.

    Take one with `take`; give it back with `release` when its work ended as it should, else `kill` it.
    A helper ends when this process does, however that ends: its standard input closes.

    Attributes:
        has_failed: Whether it reported an error instead of an answer, and waits for new work since.

    Raises:
        OSError: The system starts no process.
    """

    def __init__(self) -> None:
        self.has_failed = False
        flags: dict[str, Any] = {}
        if os.name == "posix":
            flags = {"start_new_session": True}  # Ctrl-C is for this process
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libmpg123 prints there
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            **flags,
        )
        _widen(self._process.stdout)
        _all.add(self)

    @classmethod
    def take(cls) -> Self:
        """An idle helper, or a new one."""
        with _lock:
            while _idle:
                helper = _idle.pop()
                if helper._process.poll() is None:
                    helper.has_failed = False
                    return helper  # type: ignore[return-value]
        return cls()

    def start(self, work: str, arguments: object, **details: Any) -> None:
        """Begin a piece of work, in the current folder of this process.

        Args:
            work: "decode", "encode" or "call".
            arguments: What it is done with; anything that can be pickled.
            **details: More for the message.
        """
        try:
            folder = os.getcwd()
        except OSError:  # it is gone, and with it every relative name
            folder = None
        self.send({"do": work, "arguments": pickle.dumps(arguments), "folder": folder, **details})

    def send(self, message: dict[str, Any], data: Any = b"") -> None:
        """Send a message. A helper that is gone is noticed by `receive`."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            messages.send(self._process.stdin, message, data)  # type: ignore[arg-type]

    def receive(self, name: str, work: str) -> tuple[dict[str, Any], bytearray]:
        """The next message.

        Args:
            name: The file, for errors.
            work: What the helper does with it: "read" or "written".

        Raises:
            AudioFileError: The helper crashed.
            AudioFileError, OSError, MemoryError, RuntimeError: What the helper met and reports.
        """
        assert self._process.stdout is not None
        try:
            message, data = messages.receive(self._process.stdout)  # type: ignore[arg-type]
        except (EOFError, OSError, ValueError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_TIMEOUT_S)  # for the signal that ended it
            self.kill()
            coder = "decoder" if work == "read" else "encoder"
            raise AudioFileError(f"{name} cannot be {work}: the {coder} {self._end_reason()}.") from error
        self.has_failed = "error" in message
        messages.raise_error(message, name)
        return message, data

    def release(self) -> None:
        """Keep it for the next file."""
        with _lock:
            if len(_idle) < _MAX_IDLE:
                _idle.append(self)
                return
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        _all.discard(self)
        self._process.kill()
        self._process.wait()
        self._close_pipes()

    def _end_reason(self) -> str:
        code = self._process.returncode
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"crashed ({signal.Signals(-code).name})"
        return f"crashed (exit code {code})"

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _forget(self) -> None:
        """Leave it to the process that forked this one."""
        self._close_pipes()
        self._process.returncode = 0  # not ours to wait for


def _widen(pipe: Any) -> None:
    """Let a pipe hold more, so that the helper decodes ahead; systems limit how much of that a user gets."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


_lock = threading.Lock()
_idle: list[HelperProcess] = []
_all: set[HelperProcess] = set()


def kill_helpers() -> None:
    """Kill all helpers and do nothing else: this process ends at once, in the middle of whatever it does."""
    for helper in list(_all):
        helper._process.kill()


def _end_all() -> None:
    for helper in list(_all):
        helper.kill()


def _forget_all() -> None:
    """In a forked child: the helpers belong to the parent."""
    global _lock
    _lock = threading.Lock()
    _idle.clear()
    for helper in _all:
        helper._forget()
    _all.clear()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
