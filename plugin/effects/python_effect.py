"""The base class of hushgate's effects: a plugin's readings, copies by settings, a lock."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Self

from hushgate.engine.signal.fork_safe_lock import give_lock
from hushgate.pedalboard_compat.strict_attributes import StrictAttributes


class PythonEffect(StrictAttributes):
    """What `Denoiser`, `Chain`, `Mix` and `Linked` have in common with every plugin of pedalboard.

    A subclass adds `process` and `reset`, which hold `_lock`, and the three methods that raise
    NotImplementedError here.
    """

    _lock: threading.RLock

    def __init__(self) -> None:
        give_lock(self)

    @property
    def latency_samples(self) -> int:
        """Delay at the sample rate of the last block, samples."""
        raise NotImplementedError

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

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain values. `from_dict` of it makes an equal object."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """A new object with these settings."""
        raise NotImplementedError

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles carry the settings. Sound is not copied: it belongs to one stream.
        return type(self).from_dict, (self.to_dict(),)
