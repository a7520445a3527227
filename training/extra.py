"""Error for a missing training extra."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

# Packages of other extras; the command line names those itself.
_OF_OTHER_EXTRAS = ("pyroomacoustics", "matplotlib")


@contextlib.contextmanager
def training_extra(command: str) -> Iterator[None]:
    """Turn a missing module into an error that names the extra to install.

    Args:
        command: Words behind `hushgate`, such as "data mix".
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OF_OTHER_EXTRAS:
            raise
        raise RuntimeError(
            f"hushgate {command} needs the training extra: pip install 'hushgate[train]' ({error})."
        ) from error
