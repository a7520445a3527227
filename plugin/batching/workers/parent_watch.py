"""Exit of a child process when its parent dies."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from multiprocessing.connection import wait


def end_with_parent() -> None:
    """End this process as soon as its parent is gone, however the parent ended.

    An orphan could overwrite the files of a restarted batch. Call it once, in a process that
    `multiprocessing` started; a daemon thread waits for the parent.
    """
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        # Not imported here: without it there is no temporary file.
        if (files := sys.modules.get("hushgate.audio_files.part_files")) is not None:
            files.discard_parts()
        os._exit(1)
