"""Functions that look into a file, run in a helper process."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from hushgate.audio_files.isolation import can_isolate
from hushgate.audio_files.isolation.helper_process import HelperProcess

# What can be called: each takes a path and returns what `messages` can send.
_FUNCTIONS = {
    "has_pictures": "hushgate.audio_files.ffmpeg.encode",
    "read_tags": "hushgate.audio_files.ffmpeg.tags",
    "inspect": "hushgate.audio_files.libsndfile.encode",
}


def call_here(what: str, path: Path) -> Any:
    """The answer of one of these functions, from this process."""
    return getattr(importlib.import_module(_FUNCTIONS[what]), what)(path)


def call_isolated(what: str, path: Path) -> Any:
    """The answer of a function that looks into a file, run in a helper process.

    Args:
        what: "has_pictures", "read_tags" or "inspect".
        path: The file.

    Raises:
        AudioFileError: As the function says, or FFmpeg or libsndfile crashed.
    """
    if not can_isolate():
        return call_here(what, path)
    helper = HelperProcess.take()
    try:
        helper.start("call", path, what=what)
        message, _ = helper.receive(str(path), "read")
    except BaseException:
        if helper.has_failed:
            helper.release()
        else:
            helper.kill()
        raise
    helper.release()
    return message["answer"]
