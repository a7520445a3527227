"""Keep what audio libraries write to standard error out of the view."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def native_messages_held() -> Iterator[None]:
    """Send what C libraries write to standard error nowhere; Python's own messages still arrive.

    ALSA and PortAudio write there whatever they try, also when all goes well. It concerns the whole
    process, so it is for command lines and not for libraries.
    """
    stderr = sys.stderr
    try:
        descriptor = stderr.fileno()
    except (AttributeError, OSError, ValueError):  # none, closed, or caught by a test
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
