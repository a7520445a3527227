"""Make the Python interpreter a better neighbour of an audio callback."""

from __future__ import annotations

import gc
import sys

# How long the callback may have to wait for the interpreter while a view is drawn.
_SWITCH_INTERVAL_S = 0.0005


class ReadyInterpreter:
    """Keep the interpreter from making the callback wait; as it was afterwards.

    The callback gets the lock of the interpreter within half a millisecond, not five, and garbage
    collection no longer walks through everything that was loaded before the sound began.
    """

    def __enter__(self) -> None:
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(min(self._interval, _SWITCH_INTERVAL_S))
        gc.collect()
        gc.freeze()

    def __exit__(self, *_: object) -> None:
        gc.unfreeze()
        sys.setswitchinterval(self._interval)
