"""hushgate's error classes, and the text of an error in one line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from hushgate.engine.errors import EngineError, HushgateError, ModelError

__all__ = [
    "AudioFileError",
    "ChannelLayoutError",
    "DuplicateEffectError",
    "EngineError",
    "HushgateError",
    "ModelError",
    "PresetError",
    "describe_error",
    "errors_naming",
    "interruptions_unwrapped",
]


class ChannelLayoutError(HushgateError, RuntimeError, ValueError):
    """The shape of a block does not say which of its dimensions are the channels.

    A RuntimeError because pedalboard raises one, a ValueError because it is about a value.
    """


class AudioFileError(HushgateError, ValueError):
    """A file cannot be read as audio: not audio at all, empty, damaged or cut short."""


class DuplicateEffectError(HushgateError, RuntimeError, ValueError):
    """The same effect is in a chain twice; it has one memory and can be in one place only.

    A RuntimeError because pedalboard raises one, a ValueError because it is about a value.
    """


class PresetError(HushgateError, ValueError):
    """A preset cannot be used: not TOML, from a later version, or with a key or value that is not allowed."""


FAULT = "(a fault of hushgate)"
"""The end of a line about an error that no input should cause."""


def describe_error(error: Exception) -> str:
    """One line that says what went wrong, naming the file where there is one.

    >>> describe_error(FileNotFoundError(2, "No such file or directory", "take.wav"))
    'take.wav: No such file or directory'
    """
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        text = f"{os.fsdecode(error.filename)}: {error.strerror}"
    else:
        text = " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError):
        return f"{text}. {_install_hint(error.name or '')}"
    # hushgate's own ImportErrors carry no module name; their text says what to install.
    is_ours = isinstance(error, ImportError) and error.name is None
    if isinstance(error, MemoryError):
        return f"not enough memory ({text})." if text else "not enough memory."
    if "failed to map segment" in text:  # how the loader says that a library did not fit
        return f"not enough memory to load a library ({text})."
    if is_ours or isinstance(error, OSError | ValueError | RuntimeError | TypeError):
        return text or type(error).__name__
    return f"{type(error).__name__}: {text} {FAULT}"


@contextmanager
def errors_naming(file: str) -> Iterator[None]:
    """Give errors of the system that name no file this name: those of writing to one that is open.

    >>> with errors_naming("take.wav"):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    OSError: [Errno 28] No space left on device: 'take.wav'
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, file) from error  # of the same class
        raise


@contextmanager
def interruptions_unwrapped() -> Iterator[None]:
    """Raise KeyboardInterrupt and SystemExit as themselves where another error wraps them.

    An exception that a signal handler raises while a class is made comes out of Python 3.11 as a RuntimeError
    ("Error calling __set_name__"), so an import that is interrupted looks like a fault. Any other cause stays
    inside: a connection that timed out has a cancelled task of asyncio as its cause.
    """
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while isinstance(cause, Exception):
            cause = cause.__cause__
        if not isinstance(cause, KeyboardInterrupt | SystemExit):
            raise
        raise cause from None


def _install_hint(module: str) -> str:
    """The remedy for a missing package: the extra of hushgate that requires it, from our own metadata."""
    import importlib.metadata  # a tenth of the time that importing hushgate takes

    for requirement in importlib.metadata.requires("hushgate") or []:
        match = re.match(r"([\w.-]+).*extra\s*==\s*['\"](\w+)['\"]", requirement)
        if match and match[1].replace("-", "_").lower() == module.partition(".")[0].lower():
            return f"Install it with: pip install 'hushgate[{match[2]}]'."
    return "Install it with pip."
