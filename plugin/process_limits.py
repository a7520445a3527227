"""Limits of the system on this process: checked before work, named when something fails."""

from __future__ import annotations

import os

# What the commands need at least, measured: `denoise` of a short file works with 300 MB and 7 files.
_MIN_ADDRESS_SPACE = 256 * 2**20
_MIN_FILES = 16
# Below these, a limit may be the cause of a failure.
_LOW_ADDRESS_SPACE = 2 * 2**30
_LOW_FILES = 64
_LOW_PROCESSES = 64


def check_limits() -> None:
    """Refuse limits under which numpy or onnxruntime would end the process with messages of their own.

    Raises:
        OSError: A limit is too low; names it.
    """
    memory, files, processes = _limit("RLIMIT_AS"), _limit("RLIMIT_NOFILE"), _limit("RLIMIT_NPROC")
    if memory is not None and memory < _MIN_ADDRESS_SPACE:
        raise OSError(
            f"the memory of this process is limited to {memory // 2**20} MiB (ulimit -v), "
            f"and hushgate needs {_MIN_ADDRESS_SPACE // 2**20} MiB or more."
        )
    if files is not None and files < _MIN_FILES:
        raise OSError(f"this process may open {files} files (ulimit -n), and hushgate needs {_MIN_FILES}.")
    if processes is not None and processes < _LOW_PROCESSES:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # it prints a page when it cannot start threads


def describe_limits() -> str:
    """A sentence about limits so low that they may be the cause of a failure; empty without such."""
    memory, files, processes = _limit("RLIMIT_AS"), _limit("RLIMIT_NOFILE"), _limit("RLIMIT_NPROC")
    low = []
    if memory is not None and memory < _LOW_ADDRESS_SPACE:
        low.append(f"{memory // 2**20} MiB of memory (ulimit -v)")
    if files is not None and files < _LOW_FILES:
        low.append(f"{files} open files (ulimit -n)")
    if processes is not None and processes < _LOW_PROCESSES:
        low.append(f"{processes} processes and threads (ulimit -u)")
    return f"This process is limited to {' and '.join(low)}, which may be the cause." if low else ""


def _limit(name: str) -> int | None:
    """The soft limit; None without one, or where the system has none of its kind."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    value = resource.getrlimit(getattr(resource, name))[0]
    return None if value == resource.RLIM_INFINITY else value
