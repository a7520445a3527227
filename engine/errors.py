"""The base class of hushgate's errors, the engine's own errors, and the nearest name for a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HushgateError(Exception):
    """Base class of every error class that hushgate defines.

    Each subclass is also a built-in exception: ValueError, RuntimeError, or both. Plain TypeError,
    ValueError, RuntimeError and OSError are raised as well where an argument or a file is at fault.

    >>> issubclass(ModelError, HushgateError), issubclass(ModelError, ValueError)
    (True, True)
    """


class ModelError(HushgateError, ValueError):
    """A model file that cannot be used, or a name that is not a shipped model's."""


class EngineError(HushgateError, RuntimeError):
    """The native engine is not installed, or its library cannot be used."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A question with the nearest of some names, and a space before it; empty without a near one.

    >>> did_you_mean("podcst", ["music", "podcast"]), did_you_mean("choir", ["music"])
    (' Did you mean podcast?', '')
    """
    nearest = difflib.get_close_matches(name, sorted(names), n=1)
    return f" Did you mean {nearest[0]}?" if nearest else ""
