"""Temporary files of this process: made, locked, and removed however the process ends."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import secrets
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

# A temporary file is called PREFIX, a random number, SUFFIX. A run that looks for its own leftovers
# after a crash (a batch) gives its own prefix.
PART_PREFIX, PART_SUFFIX = ".hushgate-", ".part"
# Not the 12 of versions that did not lock their files: those are never taken for abandoned.
_NUM_DIGITS = 16
_HAS_LOCKS = importlib.util.find_spec("fcntl") is not None
_ENDING_SIGNALS = ("SIGTERM", "SIGHUP")

# The files that are there: the process that made each, and its handle, which holds a lock on it.
_parts: dict[Path, tuple[int, int]] = {}
_handlers_before: dict[signal.Signals, Any] = {}
_searched_folders: set[Path] = set()


def make_part(folder: Path, prefix: str, mode: int) -> Path:
    """Make an empty temporary file.

    Until `forget_part`, it is removed when the process ends by SIGTERM, SIGHUP or an exception. What a
    process left that was killed is removed when the next one makes its first file in the folder.

    Args:
        folder: Where to make it.
        prefix: How its name begins.
        mode: Permissions, before the user's mask.

    Raises:
        OSError: It cannot be made.
    """
    if prefix == PART_PREFIX and folder not in _searched_folders:
        _searched_folders.add(folder)
        _remove_abandoned(folder)
    _handle_signals()
    while True:
        part = folder / f"{prefix}{secrets.token_hex(_NUM_DIGITS // 2)}{PART_SUFFIX}"
        _parts[part] = os.getpid(), -1  # before it exists: an interruption may come at any moment
        try:
            handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        except BaseException:
            forget_part(part)
            raise
        # Before it was locked, another process may have taken it for abandoned.
        if not _HAS_LOCKS or (_lock(handle) is not False and os.fstat(handle).st_nlink):
            break
        os.close(handle)
        forget_part(part)
    if not _HAS_LOCKS:  # Windows, where an open file could not be renamed
        os.close(handle)
        handle = -1
    _parts[part] = os.getpid(), handle
    return part


def forget_part(part: Path) -> None:
    """A temporary file has got its name or is gone."""
    _, handle = _parts.pop(part, (0, -1))
    if handle >= 0:
        with contextlib.suppress(OSError):
            os.close(handle)
    if not _parts:
        _restore_signals()


@atexit.register
def discard_parts() -> None:
    """Remove the temporary files of this process that are still there: it is about to end."""
    for part, (process, _) in list(_parts.items()):
        if process == os.getpid():  # those of a parent that forked are its own
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove the temporary files of processes that no longer hold the locks of theirs."""
    length = len(PART_PREFIX) + _NUM_DIGITS + len(PART_SUFFIX)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if len(name) != length or not name.startswith(PART_PREFIX) or not name.endswith(PART_SUFFIX):
                continue
            with contextlib.suppress(OSError):
                handle = os.open(entry.path, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0))
                try:
                    if _lock(handle):
                        os.unlink(entry.path)
                finally:
                    os.close(handle)


def _lock(handle: int) -> bool | None:
    """Lock an open file; False where another process holds it, None where there are no such locks."""
    if not _HAS_LOCKS:
        return None
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _handle_signals() -> None:
    """Remove the files at signals that would end the process at once; a program's own handlers stay."""
    if _handlers_before or threading.current_thread() is not threading.main_thread():
        return
    for name in _ENDING_SIGNALS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            _handlers_before[number] = signal.signal(number, _end)


def _restore_signals() -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # as they are, the signals still end the process
    for number, handler in _handlers_before.items():
        if signal.getsignal(number) == _end:
            signal.signal(number, handler)
    _handlers_before.clear()


def _end(signum: int, frame: FrameType | None) -> None:
    discard_parts()
    # They would end by themselves, but only when they look at their input the next time.
    if (helpers := sys.modules.get("hushgate.audio_files.isolation.helper_process")) is not None:
        helpers.kill_helpers()
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)
