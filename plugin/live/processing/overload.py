"""Detection of an overload: processing that takes longer than the devices can wait."""

from __future__ import annotations

# An overload has lost more time than this within about a second of sound, in at least this many blocks: one
# delay of the system is not an overload, however long. 1.5 means two blocks, of which the first counts less.
_MAX_LOST_S = 0.030
_MIN_LATE_BLOCKS = 1.5
_MEMORY_S = 1.0


class OverloadGuard:
    """Detect from the time of each block that a device runs out of samples repeatedly.

    Time beyond a block's own duration is a backlog, which quicker blocks work off: a model that does
    its work every third block is not late. The devices hold a reserve; a backlog beyond it is lost time,
    audible as a gap. More than 30 ms lost in two or more blocks within about a second is an overload.

    Args:
        reserve_s: Backlog that the devices' own buffers cover, seconds.

    State: backlog, lost time and late blocks, the latter two with a time constant of a second of sound.

    >>> guard = OverloadGuard(reserve_s=0.005)
    >>> [guard.record(0.030, 0.005) for _ in range(3)]
    [False, True, True]
    """

    def __init__(self, reserve_s: float) -> None:
        self._reserve_s = reserve_s
        self.reset()

    def reset(self) -> None:
        """Forget the backlog and the late blocks."""
        self._backlog_s = 0.0
        self._lost_s = 0.0
        self._late_blocks = 0.0

    def record(self, elapsed_s: float, duration_s: float) -> bool:
        """Count a block. True if there is an overload.

        Args:
            elapsed_s: Time its processing took.
            duration_s: Length of its sound.
        """
        # Count in seconds of sound, not of the clock, so that blocks that take seconds each add up too.
        kept = max(0.0, 1.0 - duration_s / _MEMORY_S)
        self._lost_s *= kept
        self._late_blocks *= kept
        self._backlog_s = max(0.0, self._backlog_s + elapsed_s - duration_s)
        if self._backlog_s > self._reserve_s:
            self._lost_s += self._backlog_s - self._reserve_s
            self._late_blocks += 1.0
            self._backlog_s = self._reserve_s
        return self._lost_s > _MAX_LOST_S and self._late_blocks >= _MIN_LATE_BLOCKS
