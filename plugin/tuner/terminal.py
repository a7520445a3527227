"""Drawings of the tuner for the terminal: a needle and a table of notes."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hushgate.tuner.played_notes import PlayedNote
from hushgate.tuner.reading import Reading

IN_TUNE_CENTS, NEARLY_CENTS = 3.0, 10.0
_SCALE_CENTS = 50.0
_WIDEST_SCALE, _NARROWEST_SCALE = 61, 21
_BESIDE_SCALE = 14


def describe(reading: Reading) -> str:
    """A reading in a line.

    >>> describe(Reading(1.0, 110.25, "A2", 3.93, 0.9)), describe(Reading.nothing(1.0))
    ('A2 +3.9 cents, 110.25 Hz', '-')
    """
    if reading.note is None or reading.cents is None:
        return "-"
    return f"{reading.note} {reading.cents:+z.1f} cents, {reading.frequency_hz:.2f} Hz"


def style_of(cents: float) -> str:
    """Colour for a deviation: green within 3 cents, yellow within 10, red beyond."""
    distance = abs(cents)
    return "green" if distance <= IN_TUNE_CENTS else "yellow" if distance <= NEARLY_CENTS else "red"


def draw_needle(reading: Reading | None, console: Console) -> RenderableType:
    """Note, frequency, and a scale of 50 cents to either side with a needle on it."""
    width = min(_WIDEST_SCALE, max(_NARROWEST_SCALE, console.width - _BESIDE_SCALE))
    width -= 1 - width % 2  # odd, for a middle
    is_plain = not console.encoding.lower().startswith("utf")
    line, middle, mark = ("-", "+", "#") if is_plain else ("\u2500", "\u253c", "\u2588")
    cells = [line] * width
    cells[width // 2] = middle
    head, scale = Text(" " * 8 + "-", style="dim"), Text("".join(cells), style="dim")
    if reading is not None and reading.note is not None and reading.cents is not None:
        style = "dim" if reading.is_held else f"bold {style_of(reading.cents)}"
        share = max(-1.0, min(1.0, reading.cents / _SCALE_CENTS))
        position = round((share + 1.0) / 2.0 * (width - 1))
        head = Text.assemble(
            (f"{reading.note:>9}", style),
            (f"   {reading.cents:+z6.1f} cents", style),
            (f"   {reading.frequency_hz:8.2f} Hz   confidence {100.0 * reading.confidence:.0f} %", "dim"),
        )
        scale = Text.assemble(
            ("".join(cells[:position]), "dim"), (mark, style), ("".join(cells[position + 1 :]), "dim")
        )
    return Group(head, Text.assemble(("-50 ", "dim"), scale, (" +50 cents", "dim")))


def notes_table(notes: Iterable[PlayedNote]) -> Table:
    """The notes of a recording, a row each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("from", "to, s", "note", "Hz", "cents", "\u00b1", "confidence"):
        table.add_column(title, justify="left" if title == "note" else "right", no_wrap=True)
    for note in notes:
        table.add_row(
            f"{note.start_s:.2f}",
            f"{note.end_s:.2f}",
            Text(note.note, style=style_of(note.cents)),
            f"{note.frequency_hz:.2f}",
            Text(f"{note.cents:+z.1f}", style=style_of(note.cents)),
            f"{note.spread_cents:.1f}",
            f"{100.0 * note.confidence:.0f} %",
        )
    return table
