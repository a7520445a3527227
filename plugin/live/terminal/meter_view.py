"""View of a session with meters, drawn in the terminal."""

from __future__ import annotations

import math
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hushgate.live.processing.status import Status
from hushgate.live.terminal.controls import KEYS_HELP
from hushgate.live.terminal.line_views import describe_latency, format_level, state_word
from hushgate.live.terminal.screen import Screen, state_style
from hushgate.printable import printable

_PERIOD_S = 0.1
_WIDEST_BAR, _NARROWEST_BAR = 30, 6
# Width of names, figures and gaps beside a bar.
_BESIDE_BAR = 32
_QUIETEST_DBFS = -60.0
_LARGEST_REDUCTION_DB = 40.0


class TerminalView:
    """Meters and settings, drawn in place ten times a second.

    Args:
        console: Terminal to draw on.
        title: Name of the effect.
        has_keys: Show the help line for keys.
    """

    def __init__(self, console: Console, *, title: str, has_keys: bool) -> None:
        self._console, self._title, self._has_keys = console, printable(title), has_keys
        self._screen = Screen(console, _PERIOD_S)
        self._is_plain = not console.encoding.lower().startswith("utf")

    def __enter__(self) -> Self:
        self._screen.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._screen.stop()

    def show(self, status: Status) -> None:
        """Draw, if the last drawing is old enough."""
        self._screen.show(lambda: self.draw(status))

    def draw(self, status: Status) -> RenderableType:
        """The drawing of a status."""
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold")
        table.add_column(no_wrap=True)
        table.add_column()
        for name, dbfs in (("input", status.input_dbfs), ("output", status.output_dbfs)):
            part = 1.0 - max(dbfs, _QUIETEST_DBFS) / _QUIETEST_DBFS
            style = "red" if dbfs > -1.0 else "yellow" if dbfs > -6.0 else "green"
            table.add_row(name, self._bar(part, style), format_level(dbfs))
        if status.gain_reduction_db is not None and status.presence is not None:
            part = status.gain_reduction_db / _LARGEST_REDUCTION_DB
            table.add_row("reduction", self._bar(part, "cyan"), f"{status.gain_reduction_db:.1f} dB")
            table.add_row("presence", self._bar(status.presence, "cyan"), f"{100.0 * status.presence:.0f} %")
        style = "green" if status.load < 0.5 else "yellow" if status.load < 0.8 else "red"
        percent = [round(100.0 * load) for load in (status.load, status.load_median, status.load_p99)]
        figures = f"{percent[0]} % (median {percent[1]}, 99th percentile {percent[2]})"
        table.add_row("load", self._bar(status.load, style), figures)
        lines: list[RenderableType] = [self._head(status), table, Text(printable(self._figures(status)))]
        if status.record_error is not None:
            lines.append(Text(printable(f"the recording has ended: {status.record_error}"), style="bold red"))
        if self._has_keys:
            lines.append(Text(KEYS_HELP, style="dim"))
        return Group(*lines)

    def _head(self, status: Status) -> Text:
        devices = f"{status.input_name} -> {status.output_name}, {status.sample_rate:g} Hz"
        text = Text.assemble((self._title, "bold"), f"  {printable(devices)}, {status.elapsed_s:.0f} s  ")
        if word := state_word(status):
            text.append(f" {word} ", style=state_style(status))
        return text

    def _figures(self, status: Status) -> str:
        parts = [
            describe_latency(status),
            f"dropouts {status.num_dropouts}",
            f"overloads {status.num_overloads}",
        ]
        if status.mix is not None and status.gate_threshold_db is not None:
            threshold = status.gate_threshold_db
            gate = f"{threshold:.0f} dBFS" if math.isfinite(threshold) else "off"
            parts += [f"mix {status.mix:.2f}", f"gate threshold {gate}"]
        if status.recording is not None and status.record_error is None:
            parts.append(f"recording {status.recording}")
        return "   ".join(parts)

    def _bar(self, part: float, style: str) -> Text:
        width = min(_WIDEST_BAR, max(_NARROWEST_BAR, self._console.width - _BESIDE_BAR))
        filled = round(width * min(1.0, max(0.0, part)))
        full, empty = ("#", "-") if self._is_plain else ("\N{FULL BLOCK}", "\N{LIGHT SHADE}")
        return Text.assemble((full * filled, style), (empty * (width - filled), "dim"))
