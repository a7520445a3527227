"""How long an adaptation takes: minutes of the clock, or a number of steps."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

_WARM_UP = 0.03
_LAST = 0.02


@dataclass
class Budget:
    """Progress of an adaptation, 0 to 1, across interruptions.

    Args:
        minutes: Time of the clock.
        steps: Number of steps instead: the same on every machine, and after an interruption.
        used_s: Seconds that earlier runs used.
    """

    minutes: float
    steps: int | None = None
    used_s: float = 0.0
    _since: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Time used so far, in earlier runs too, s."""
        return self.used_s + time.monotonic() - self._since

    def progress(self, steps_done: int) -> float:
        """Share of the budget that is used, 0 to 1."""
        if self.steps is not None:
            return min(1.0, steps_done / self.steps)
        return min(1.0, self.elapsed_s / (60.0 * self.minutes))

    def left_s(self, steps_done: int) -> float | None:
        """Time left, s; None before the first step of a number of steps."""
        done = self.progress(steps_done)
        if self.steps is None:
            return 60.0 * self.minutes * (1.0 - done)
        return self.elapsed_s * (1.0 - done) / done if done else None


def learning_rate(peak: float, progress: float) -> float:
    """Rise within the first 3 % of the budget, then fall as a cosine to 2 % of the peak at its end."""
    rise = min(1.0, (progress + 1e-3) / _WARM_UP)
    fall = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return peak * rise * (_LAST + (1.0 - _LAST) * fall)
