"""A picture in a terminal that is drawn again and again, in place."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from rich.console import Console, RenderableType
from rich.live import Live

from hushgate.live.processing.status import Status


class Screen:
    """Draw one picture over the other, but no more often than there is something to see.

    Drawn only when there is something to draw, never by a thread of its own.

    Args:
        console: Where to draw.
        period_s: From one picture to the next, seconds.
    """

    def __init__(self, console: Console, period_s: float) -> None:
        self._period_s = period_s
        self._due = -math.inf
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def start(self) -> None:
        """Take the terminal."""
        self._live.start()

    def stop(self) -> None:
        """Remove the picture and give the terminal back."""
        self._live.stop()

    def show(self, draw: Callable[[], RenderableType]) -> None:
        """Show what `draw` makes, if the last picture is old enough."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._period_s
            self._live.update(draw(), refresh=True)


def state_style(status: Status) -> str:
    """How `views.state_word` looks."""
    return "bold white on red" if status.state != "running" else "reverse"
