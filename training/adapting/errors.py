"""Errors of an adaptation."""

from __future__ import annotations

from hushgate.engine.errors import HushgateError


class MaterialError(HushgateError, ValueError):
    """Recordings to adapt to are too short, silent or missing; says what is needed."""


class AdaptationInterrupted(KeyboardInterrupt):
    """Ctrl-C; the text says what was written and how to go on."""


class AdaptationRefused(HushgateError, RuntimeError):
    """The adapted model is no better, or forgot what it knew; it was not written."""
