"""Tables on standard output that fit the terminal and break at words."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from hushgate.printable import printable

# What a terminal has that does not say; a pipe gets the same.
_WIDTH, _NARROWEST = 80, 40


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print a table.

    Args:
        head: Names of the columns. The last one breaks where it does not fit, the others stay whole.
        rows: Texts of each row.
        right: Columns that are right-aligned.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = max(_NARROWEST, shutil.get_terminal_size((_WIDTH, 24)).columns)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in head:
        table.add_column(
            name, justify="right" if name in right else "left", no_wrap=name != head[-1], header_style=""
        )
    for row in rows:
        table.add_row(*(Text(printable(text)) for text in row))
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(table)
    print("\n".join(line.rstrip() for line in capture.get().rstrip().splitlines()))
