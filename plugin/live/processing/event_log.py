"""Log messages about overloads, gaps and growing reserves of a session."""

from __future__ import annotations

import logging

from hushgate.live.processing.callback import Processor, State

_log = logging.getLogger("hushgate.live")
_STATES = {
    "running": "the effect is back",
    "overload": "overload: the effect takes too long; the output is dry",
    "returning": "the effect runs again and is faded in soon",
}


class EventLog:
    """Compare a session with its last state and log the differences to `hushgate.live`.

    The audio callback must not log, because a handler may wait for a file or a lock. It counts events;
    the thread that watches the session logs them.
    """

    def __init__(self) -> None:
        self._state: State = "running"
        self._num_gaps = self._num_dropouts = 0
        self._latency_s: float | None = None

    def update(self, processor: Processor, latency_s: tuple[float, float]) -> None:
        """Log the events since the last call.

        Args:
            processor: The audio callback.
            latency_s: Delay of the input and of the output device, seconds.
        """
        if processor.state != self._state:
            self._state = processor.state
            level = logging.WARNING if self._state == "overload" else logging.INFO
            _log.log(level, "%s", _STATES[self._state])
        if processor.num_gaps != self._num_gaps:
            self._num_gaps = processor.num_gaps
            _log.warning(
                "the effect returned too few samples; its latency grew to %d samples",
                processor.latency_samples,
            )
        if processor.num_dropouts != self._num_dropouts:
            _log.info("the devices lost sound (dropouts so far: %d)", processor.num_dropouts)
            self._num_dropouts = processor.num_dropouts
        delay_s = sum(latency_s)
        if self._latency_s is not None and delay_s > self._latency_s:
            _log.warning("the reserve of the devices grew; their delay is now %.1f ms", 1000.0 * delay_s)
        self._latency_s = delay_s
