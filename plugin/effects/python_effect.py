"""The base class of hushgate's effects: a plugin's readings, copies by settings, a lock."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

from hushgate.engine.signal.fork_safe_lock import give_lock
from hushgate.pedalboard_compat.strict_attributes import StrictAttributes


class PythonEffect(StrictAttributes, ABC):
    """What hushgate's effects have in common with every plugin of pedalboard.

    A subclass adds `process` and `reset`, which hold `_lock`, and the three abstract methods.
    """

    _lock: threading.RLock

    def __init__(self) -> None:
        give_lock(self)

    @property
    @abstractmethod
    def latency_samples(self) -> int:
        """Delay at the sample rate of the last block, samples."""

    @property
    def reported_latency_samples(self) -> int:
        """The same as `latency_samples`, under pedalboard's name for it."""
        return self.latency_samples

    @property
    def is_effect(self) -> bool:
        """True: takes sound in."""
        return True

    @property
    def is_instrument(self) -> bool:
        """False: makes no sound of its own."""
        return False

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """All settings as plain values. `from_dict` of it makes an equal object."""

    @classmethod
    @abstractmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """A new object with these settings."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles carry the settings. Sound is not copied: it belongs to one stream.
        return type(self).from_dict, (self.to_dict(),)
