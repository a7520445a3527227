"""Drawing in the terminal, updated in place."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from rich.console import Console, RenderableType
from rich.live import Live

from hushgate.live.processing.status import Status


class Screen:
    """Draw over the last drawing, at most once per period and without a thread.

    Args:
        console: Terminal to draw on.
        period_s: Least time between two drawings, seconds.
    """

    def __init__(self, console: Console, period_s: float) -> None:
        self._period_s = period_s
        self._due = -math.inf
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def start(self) -> None:
        """Start to draw."""
        self._live.start()

    def stop(self) -> None:
        """Remove the drawing."""
        self._live.stop()

    def show(self, draw: Callable[[], RenderableType]) -> None:
        """Show the result of `draw`, if the last drawing is old enough."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._period_s
            self._live.update(draw(), refresh=True)


def state_style(status: Status) -> str:
    """Style of `state_word`."""
    return "bold white on red" if status.state != "running" else "reverse"
