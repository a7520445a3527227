"""Report files of a batch: JSON, CSV, HTML."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from hushgate.audio_files.atomic_write import Original, check_target, write_atomically
from hushgate.batching.planning.results import PAGE_FIELDS, BatchResult, FileResult
from hushgate.batching.planning.run_parts import part_prefix
from hushgate.batching.reports.html_page import render_page
from hushgate.version import __version__

REPORT_VERSION = 1
# Spreadsheets read a cell that begins with one of these as a formula, which can run commands.
_FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")


def check_report(path: Path, originals: Iterable[Original] = (), made: Path | None = None) -> None:
    """Refuse a report that could not be written, before any work is done.

    Args:
        path: The report.
        originals: Files that are never replaced.
        made: Folder that is made before the report is written; it need not exist yet.

    Raises:
        ValueError: Another extension than .json, .csv or .html, or one of the originals.
        OSError: Its folder is missing or not writable, or it is no regular file.
    """
    if path.suffix.lower() not in _WRITERS:
        raise ValueError(f"report must be a .json, .csv or .html file (got {str(path)!r}).")
    if made is not None and not made.exists() and path.absolute().parent == made.absolute():
        return
    check_target(path, overwrite=True, originals=originals)


def write_report(path: Path, result: BatchResult, run: str, originals: Iterable[Original] = ()) -> None:
    """Write a report in the format of its extension, in one step. An existing report is replaced.

    Args:
        path: The report.
        result: What to report.
        run: Number of the run.
        originals: Files that are never replaced.

    Raises:
        OSError: It cannot be written.
        ValueError: It is one of the originals.
    """
    originals = list(originals)
    text = _WRITERS[path.suffix.lower()](path, result, originals)
    write_atomically(path, text, part_prefix=part_prefix(run), originals=originals)


def _json_text(path: Path, result: BatchResult, originals: Sequence[Original]) -> str:
    return json.dumps(report_data(result), indent=2) + "\n"


def report_data(result: BatchResult) -> dict[str, Any]:
    """A report as plain values."""
    return {
        "version": REPORT_VERSION,
        "hushgate": __version__,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "settings_hash": result.settings_hash,
        "settings": _finite(result.settings),
        "summary": result.summary(),
        "warnings": list(result.warnings),
        "ignored": [{"path": path, "reason": reason} for path, reason in result.ignored],
        "files": [file.to_dict() for file in result.files],
    }


def _finite(value: Any) -> Any:
    """Plain values for strict JSON, which has no infinity: "inf" instead."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return str(value) if value in (float("inf"), float("-inf")) else value


def _csv_text(path: Path, result: BatchResult, originals: Sequence[Original]) -> str:
    columns = [item.name for item in fields(FileResult) if item.name not in PAGE_FIELDS]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for file in result.files:
        values = file.to_dict()
        values["warnings"] = " ".join(file.warnings)
        writer.writerow([_cell(values[name]) for name in columns])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A value for a spreadsheet: text that would be read as a formula gets an apostrophe before it."""
    if isinstance(value, str) and value.startswith(_FORMULA_MARKS):
        return f"'{value}"
    return "" if value is None else value


def _html_text(path: Path, result: BatchResult, originals: Sequence[Original]) -> str:
    return render_page(report_data(result), result.files, path.resolve(), originals)


_WRITERS: dict[str, Callable[[Path, BatchResult, Sequence[Original]], str]] = {
    ".json": _json_text,
    ".csv": _csv_text,
    ".html": _html_text,
}
