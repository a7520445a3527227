"""Admission of streams: only as many as the machine can hold in real time."""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterator

from hushgate.live.processing.trial_run import TrialRun, run_trial
from hushgate.pedalboard_compat.effect_protocol import Effect
from hushgate.serving.request_fields import RequestError, StreamRequest

SLICE_S = 0.01
"""Sound that a stream's effect gets at once, seconds: longer frames are cut, so that streams alternate."""

FRAME_LOAD = 0.07
"""Share of a core that frames of 10 ms cost beside the effect: receiving, sending and counting them."""

_MAX_TRIALS = 256
# Time from a frame to its answer over its duration, on average, at which no more streams are taken.
_MAX_SLOWNESS = 0.7
_MEMORY_S = 2.0
_WORST = 10.0
_RETRY_S = 5


class StreamBudget:
    """Keeps the sum of the loads of running streams below a limit.

    Args:
        max_streams: Streams at once.
        max_load: Sum of their loads, in cores.
    """

    def __init__(self, max_streams: int, max_load: float) -> None:
        self._max_streams = max_streams
        self._max_load = max_load
        self._trials: OrderedDict[str, TrialRun] = OrderedDict()
        self.num_streams = 0
        self.load = 0.0
        self._slowness = 0.0

    def check(self, load: float = FRAME_LOAD) -> None:
        """Refuse a stream that there is no room for.

        Raises:
            RequestError: Too many streams, or too much load, now or ever; or running ones are hardly held.
        """
        if load > self._max_load:
            raise RequestError(
                f"the stream needs {load:.2f} cores and the server gives {self._max_load:g} to all streams. "
                "Choose a lighter preset, a lower rate or fewer channels.",
                503,
            )
        if self.num_streams and self._slowness > _MAX_SLOWNESS:
            raise RequestError(
                f"the machine hardly keeps up with the {self.num_streams} streams that run. Try again later.",
                503,
                _RETRY_S,
            )
        if self.num_streams >= self._max_streams or self.load + load > self._max_load:
            raise RequestError(
                f"the server holds {self.num_streams} streams in real time and has no room for another. "
                "Try again later.",
                503,
                _RETRY_S,
            )

    @contextlib.contextmanager
    def room_for(self, load: float) -> Iterator[None]:
        """Set room aside while a stream runs.

        Raises:
            RequestError: As `check`.
        """
        self.check(load)
        self.num_streams += 1
        self.load += load
        try:
            yield
        finally:
            self.num_streams -= 1
            if not self.num_streams:
                self._slowness = 0.0
            self.load = self.load - load if self.num_streams else 0.0

    def count_frame(self, elapsed_s: float, sound_s: float) -> None:
        """Note how long a frame took: where other programs need the processor, trial runs do not show it.

        Args:
            elapsed_s: Time from the frame's arrival to its answer, seconds.
            sound_s: Its duration, seconds.
        """
        # An average over two seconds, however many streams there are.
        share = min(1.0, sound_s / (_MEMORY_S * max(1, self.num_streams)))
        self._slowness += share * (min(elapsed_s / sound_s, _WORST) - self._slowness)

    def known_trial(self, request: StreamRequest) -> TrialRun | None:
        """The result of an earlier trial run of the same request."""
        return self._trials.get(repr(request))

    def keep_trial(self, request: StreamRequest, trial: TrialRun) -> None:
        """Remember a trial run."""
        self._trials[repr(request)] = trial
        while len(self._trials) > _MAX_TRIALS:
            self._trials.popitem(last=False)


def slice_size(sample_rate: int) -> int:
    """Samples that a stream's effect gets at once."""
    return max(16, round(SLICE_S * sample_rate))


def try_stream(effect: Effect, request: StreamRequest) -> TrialRun:
    """Measure a stream's latency and load, in processor time of this thread."""
    return run_trial(
        effect,
        request.sample_rate,
        request.num_channels,
        max(slice_size(request.sample_rate), request.num_channels + 1),
        reserve_s=SLICE_S,
        clock=time.thread_time,
    )
