"""onnxruntime, imported when it is first needed and without its telemetry."""

from __future__ import annotations

import importlib
import os
from typing import Any

_SWITCH = "ORT_DISABLE_TELEMETRY"


def switch_off_telemetry() -> None:
    """For this process and its children, whoever imports onnxruntime there: Lightning does."""
    os.environ.setdefault(_SWITCH, "1")


def import_onnxruntime() -> Any:
    """The module onnxruntime.

    Left alone, onnxruntime 1.31 writes a device id and usage records into the home folder, tries to send
    them, and prints a warning where that folder cannot be written. It reads this variable while it is
    imported; its function `disable_telemetry_events` comes too late. A value that the user has set stays.
    """
    before = os.environ.get(_SWITCH)
    os.environ.setdefault(_SWITCH, "1")
    try:
        return importlib.import_module("onnxruntime")
    finally:
        if before is None:
            del os.environ[_SWITCH]
