"""The base class of hushgate's errors, and the engine's own error."""

from __future__ import annotations


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
