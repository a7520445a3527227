"""Views of a tuner in a live session: needle, lines, JSON."""

from __future__ import annotations

import json
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.text import Text

from hushgate.live.processing.status import Status
from hushgate.live.processing.tap import Tap
from hushgate.live.session import Session
from hushgate.live.terminal.line_views import NoView, describe_connection, format_level, state_word
from hushgate.live.terminal.screen import Screen, state_style
from hushgate.printable import printable
from hushgate.tuner.reading import Reading
from hushgate.tuner.terminal import describe, draw_needle
from hushgate.tuner.tuner import Tuner

KEYS_HELP = "b bypass: tune without denoising   < > gate threshold   q quit"
_LINE_PERIOD_S = 0.5
_DRAW_PERIOD_S = 0.05


class TunerView(NoView):
    """Reads the pitch of a session through a tap. This class shows nothing; the classes below do.

    Args:
        tuner: Reads the pitch.

    Attributes:
        reading: The last reading; None before the first.
    """

    def __init__(self, tuner: Tuner) -> None:
        self._tuner = tuner
        self._tap: Tap | None = None
        self.reading: Reading | None = None

    def attach(self, session: Session) -> None:
        """Add a tap to a session that has not been entered yet."""
        self._tuner.reset()
        self._tap = session.add_tap()

    def show(self, status: Status) -> None:
        """Read the pitch of the new samples and show it."""
        if self._tap is None:
            raise RuntimeError("a tuner view must be attached to its session before that is entered.")
        sound = self._tap.read().mean(axis=0)
        readings = self._tuner.process(sound, status.sample_rate, reset=False)
        if readings:
            self.reading = readings[-1]
        self.show_readings(readings, status)

    def show_readings(self, readings: list[Reading], status: Status) -> None:
        """Show nothing; subclasses show the readings."""


class JsonTunerView(TunerView):
    """Every reading as a line of JSON."""

    def __init__(self, tuner: Tuner, stream: TextIO) -> None:
        super().__init__(tuner)
        self._stream = stream

    def show_readings(self, readings: list[Reading], status: Status) -> None:
        """Write the readings."""
        for reading in readings:
            print(json.dumps(reading.to_dict()), file=self._stream, flush=True)


class LineTunerView(TunerView):
    """A line when the note changes, and twice a second while one sounds."""

    def __init__(self, tuner: Tuner, stream: TextIO) -> None:
        super().__init__(tuner)
        self._stream = stream
        self._note: str | None = None
        self._due_s = 0.0
        self._has_begun = False

    def show_readings(self, readings: list[Reading], status: Status) -> None:
        """Write a line for each new note."""
        if not self._has_begun:
            self._has_begun = True
            print(printable(describe_connection(status)), file=self._stream, flush=True)
        for reading in readings:
            is_due = reading.note is not None and not reading.is_held and reading.time_s >= self._due_s
            if reading.note != self._note or is_due:
                self._note = reading.note
                self._due_s = reading.time_s + _LINE_PERIOD_S
                print(f"{reading.time_s:8.2f} s  {describe(reading)}", file=self._stream, flush=True)


class NeedleView(TunerView):
    """A needle, drawn in place twenty times a second.

    Args:
        tuner: Reads the pitch.
        console: Terminal to draw on.
        title: Name of the effect.
        has_keys: Show the help line for keys.
    """

    def __init__(self, tuner: Tuner, console: Console, *, title: str, has_keys: bool) -> None:
        super().__init__(tuner)
        self._console, self._title, self._has_keys = console, printable(title), has_keys
        self._screen = Screen(console, _DRAW_PERIOD_S)

    def __enter__(self) -> Self:
        self._screen.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._screen.stop()

    def show_readings(self, readings: list[Reading], status: Status) -> None:
        """Draw, if the last drawing is old enough."""
        self._screen.show(lambda: self.draw(status))

    def draw(self, status: Status) -> RenderableType:
        """The drawing of the last reading and the session's status."""
        head = Text.assemble(
            (self._title, "bold"), f"  {printable(status.input_name)}, {status.sample_rate:g} Hz"
        )
        if word := state_word(status):
            head.append(f"  {word} ", style=state_style(status))
        figures = f"in {format_level(status.input_dbfs)}   "
        if status.gain_reduction_db is not None and status.presence is not None:
            figures += (
                f"reduction {status.gain_reduction_db:.1f} dB   presence {100.0 * status.presence:.0f} %   "
            )
        figures += f"load {100.0 * status.load:.0f} %   dropouts {status.num_dropouts}"
        lines: list[RenderableType] = [
            head,
            draw_needle(self.reading, self._console),
            Text(figures, style="dim"),
        ]
        if self._has_keys:
            lines.append(Text(KEYS_HELP, style="dim"))
        return Group(*lines)
