"""matplotlib figures without pyplot: new ones, their titles, their files."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.audio_files.atomic_write import AtomicFile, Original, check_target

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".pdf", ".svg", ".jpg")
_DOTS_PER_INCH = 110


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches wide and high, whose panels make room for their labels.

    It is made without pyplot, which would look for a window system and keep every figure alive.

    Raises:
        ModuleNotFoundError: matplotlib is not installed (extra `plot`).
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def plain_text(text: str) -> str:
    r"""Text for a figure: no mathematics between dollar signs, bytes that are not valid text escaped.

    >>> plain_text("a $5 bell.wav")
    'a \\$5 bell.wav'
    """
    return text.encode("utf-8", "backslashreplace").decode().replace("$", r"\$")


def check_figure_path(path: Path, *, overwrite: bool, originals: Iterable[Original] = ()) -> None:
    """Refuse a picture that cannot or must not be written, before any work is done.

    Args:
        path: The picture.
        overwrite: Replace a file that exists.
        originals: Files that are never replaced, such as the recording, whatever their names.

    Raises:
        ValueError: The extension is none of `FORMATS`, or the file is one of the originals.
        OSError: See `check_target`.
        ModuleNotFoundError: matplotlib is not installed (extra `plot`).
    """
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"the figure must be a {', '.join(FORMATS)} file (got {str(path)!r}).")
    check_target(path, overwrite=overwrite, originals=originals)
    if importlib.util.find_spec("matplotlib") is None:
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")


def save_figure(
    figure: Figure,
    path: Path,
    *,
    overwrite: bool = True,
    originals: Iterable[Original] = (),
    on_written: Callable[[], None] = lambda: None,
) -> None:
    """Write a figure in one step: a failure leaves no file behind.

    Args:
        figure: The figure.
        path: The picture.
        overwrite: Replace a file that exists.
        originals: Files that are never replaced.
        on_written: Called before the complete file gets its name.

    Raises:
        FileExistsError: The file exists and `overwrite` is False.
        ValueError: The file is one of the originals.
        OSError: It cannot be written.
    """
    with AtomicFile(path, overwrite=overwrite, originals=originals) as file:
        figure.savefig(file.part, dpi=_DOTS_PER_INCH, format=path.suffix.lstrip(".").lower())
        on_written()
