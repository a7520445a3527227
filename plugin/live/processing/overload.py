"""Notice that processing cannot keep up, before it becomes a storm of glitches."""

from __future__ import annotations

# How much time may be lost within about a second of sound, and in how many blocks at least: one
# hiccup of the system is not an overload, however long. 1.5 is two blocks, the first fading.
_MAX_LOST_S = 0.030
_MIN_LATE_BLOCKS = 1.5
_MEMORY_S = 1.0


class OverloadGuard:
    """Follow the time each block took, and tell when a device must run out of samples again and again.

    Time beyond a block's own duration is a backlog, which quicker blocks work off: a model that does
    its work every third block is not late. The devices hold a reserve; what goes beyond is time lost,
    audible as a gap. More than 30 ms lost in two or more blocks within about a second is an overload.

    Args:
        reserve_s: Backlog that the devices' own buffers cover, seconds.

    State: backlog, and time and blocks lost, fading with a time constant of a second of sound.

    >>> guard = OverloadGuard(reserve_s=0.005)
    >>> [guard.record(0.030, 0.005) for _ in range(3)]
    [False, True, True]
    """

    def __init__(self, reserve_s: float) -> None:
        self._reserve_s = reserve_s
        self.reset()

    def reset(self) -> None:
        """Forget everything that was late."""
        self._backlog_s = 0.0
        self._lost_s = 0.0
        self._late_blocks = 0.0

    def record(self, elapsed_s: float, duration_s: float) -> bool:
        """Take note of a block, and tell whether this is an overload.

        Args:
            elapsed_s: Time its processing took.
            duration_s: Length of its sound.
        """
        # Counted in sound, not on the clock: blocks that take seconds each must add up too.
        rest = max(0.0, 1.0 - duration_s / _MEMORY_S)
        self._lost_s *= rest
        self._late_blocks *= rest
        self._backlog_s = max(0.0, self._backlog_s + elapsed_s - duration_s)
        if self._backlog_s > self._reserve_s:
            self._lost_s += self._backlog_s - self._reserve_s
            self._late_blocks += 1.0
            self._backlog_s = self._reserve_s
        return self._lost_s > _MAX_LOST_S and self._late_blocks >= _MIN_LATE_BLOCKS
