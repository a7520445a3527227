"""Silencing of the messages that audio libraries write to standard error."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def native_messages_held() -> Iterator[None]:
    """Discard the messages of C libraries on standard error; Python's own are still printed.

    ALSA and PortAudio print there whatever they try, also on success. This changes the whole process, so
    it is for commands, not for libraries.
    """
    stderr = sys.stderr
    try:
        descriptor = stderr.fileno()
    except (AttributeError, OSError, ValueError):  # none, closed, or captured by a test
        yield
        return
    stderr.flush()
    kept = os.dup(descriptor)
    with tempfile.TemporaryFile() as sink, open(kept, "w", encoding=stderr.encoding, errors="replace") as own:
        own.reconfigure(line_buffering=True)
        os.dup2(sink.fileno(), descriptor)
        sys.stderr = own
        try:
            yield
        finally:
            sys.stderr = stderr
            own.flush()
            os.dup2(own.fileno(), descriptor)
