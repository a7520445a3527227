"""Bring an effect back after an overload, when the machine has time for it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hushgate.live.processing.callback import Processor
from hushgate.live.processing.trial_run import Rehearsal

_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0
# After so much undisturbed sound an overload counts as the first one again.
_GOOD_S = 30.0
# What an effect may take in rehearsal to be trusted with the sound again.
_ACCEPTED_LOAD = 0.7
_JOIN_S = 5.0


class Recovery:
    """Try, in a thread of its own, whether an effect that was given up would keep up again.

    The trial is a rehearsal beside the running sound, so an effect that is still too slow costs no
    glitch. The first comes a second after the overload, each further one after twice the time, up to
    30 seconds.

    Args:
        processor: Gives the effect up, and gets it back.
        rehearsal: Runs the effect without an audience; called only while the processor's state is "overload".

    Attributes:
        error: What the effect raised in a trial, if it did; there are no further ones.
    """

    def __init__(self, processor: Processor, rehearsal: Callable[[], Rehearsal]) -> None:
        self._processor = processor
        self._rehearsal = rehearsal
        self._wait_s = _FIRST_WAIT_S
        self._due: float | None = None
        self._good_since = time.monotonic()
        self._trial: threading.Thread | None = None
        self.error: Exception | None = None

    def check(self) -> None:
        """Begin a trial when one is due. Called regularly, from any thread but the callback's."""
        now = time.monotonic()
        if self._processor.state != "overload":
            self._due = None
            if now - self._good_since > _GOOD_S:
                self._wait_s = _FIRST_WAIT_S
            return
        self._good_since = now
        if self.error is not None or self._processor.error is not None:
            return
        if self._trial is not None and self._trial.is_alive():
            return
        if self._due is None:
            self._due = now + self._wait_s
            self._wait_s = min(2.0 * self._wait_s, _LONGEST_WAIT_S)
        elif now >= self._due:
            self._due = None
            self._trial = threading.Thread(target=self._try, name="hushgate-live-trial", daemon=True)
            self._trial.start()

    def close(self) -> None:
        """Wait for a trial under way, some seconds at most."""
        if self._trial is not None:
            self._trial.join(_JOIN_S)

    def _try(self) -> None:
        try:
            shown = self._rehearsal()
        except Exception as error:
            self.error = error
            return
        if not shown.is_overload and shown.load < _ACCEPTED_LOAD:
            self._processor.resume()
