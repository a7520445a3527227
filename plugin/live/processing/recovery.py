"""Return of an effect after an overload."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from hushgate.live.processing.callback import Processor
from hushgate.live.processing.trial_run import TrialRun

_log = logging.getLogger("hushgate.live")
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0
# After this much sound without an overload the next one counts as the first.
_GOOD_S = 30.0
# Highest load in a trial run after which the effect gets the sound again.
_ACCEPTED_LOAD = 0.7
_JOIN_S = 5.0


class Recovery:
    """Make trial runs of an effect that was too slow, in another thread, until it keeps up again.

    The sound continues meanwhile, so an effect that is still too slow causes no gap. The first trial run
    starts a second after the overload, each further one after twice the time, up to 30 seconds.

    Args:
        processor: Stops calling the effect on an overload, and gets it back.
        trial: Makes a trial run; called only while the processor's state is "overload".

    Attributes:
        error: Error of the effect in a trial run; no further ones are made. None without.
    """

    def __init__(self, processor: Processor, trial: Callable[[], TrialRun]) -> None:
        self._processor = processor
        self._run_trial = trial
        self._wait_s = _FIRST_WAIT_S
        self._due: float | None = None
        self._good_since = time.monotonic()
        self._thread: threading.Thread | None = None
        self.error: Exception | None = None

    def check(self) -> None:
        """Start a trial run if one is due. Call it regularly, from any thread but the callback's."""
        now = time.monotonic()
        if self._processor.state != "overload":
            self._due = None
            if now - self._good_since > _GOOD_S:
                self._wait_s = _FIRST_WAIT_S
            return
        self._good_since = now
        if self.error is not None or self._processor.error is not None:
            return
        if self._thread is not None and self._thread.is_alive():
            return
        if self._due is None:
            self._due = now + self._wait_s
            self._wait_s = min(2.0 * self._wait_s, _LONGEST_WAIT_S)
        elif now >= self._due:
            self._due = None
            self._thread = threading.Thread(target=self._try, name="hushgate-live-trial", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Wait for a running trial, at most 5 seconds."""
        if self._thread is not None:
            self._thread.join(_JOIN_S)

    def _try(self) -> None:
        try:
            result = self._run_trial()
        except Exception as error:
            self.error = error
            return
        is_fast = not result.is_overload and result.load < _ACCEPTED_LOAD
        outcome = "the effect gets the sound again" if is_fast else f"next one in {self._wait_s:g} s"
        _log.info("trial run after an overload: load %.0f %%; %s", 100.0 * result.load, outcome)
        if is_fast:
            self._processor.resume()
