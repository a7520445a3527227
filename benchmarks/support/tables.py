"""Scores as Markdown tables, and tables inside documents."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from support.denoisers import FILES, HUSHGATE, short_name
from support.metrics import mean_of

_CHANGE = "SI-SDR change dB"
_DIGITS = {"STOI": 3, "PESQ": 2, "DNSMOS": 2, "level dB": 2}
_HARM_DB = -0.1


@dataclass(frozen=True)
class Score:
    """Figures of one system on one item."""

    system: str
    item: str
    groups: dict[str, str]
    values: dict[str, float]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are right-aligned numbers."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def _cell(values: Sequence[float], metric: str, signed: bool = False) -> str:
    estimate = mean_of(values)
    if math.isnan(estimate.mean):
        return "-"
    digits = _DIGITS.get(metric, 1)
    plus = "+" if signed or "change" in metric else ""
    text = f"{estimate.mean:{plus}.{digits}f}"
    return text if math.isnan(estimate.margin) else f"{text} ± {estimate.margin:.{digits}f}"


def median_and_worst(values: Sequence[float], is_least_worst: bool) -> str:
    """The median and, in brackets, the least value or the one farthest from 0; "-" for none."""
    if not values:
        return "-"
    worst = min(values) if is_least_worst else max(values, key=abs)
    return f"{median(values):.1f} ({worst:.1f})"


def overall_table(scores: Sequence[Score]) -> str:
    """Means of every metric with 95 % confidence intervals, a row for each system.

    Where the SI-SDR change was measured, the last column counts the items that a system made worse,
    by more than 0.1 dB.
    """
    systems, metrics = _names(scores)
    header, rows = ["system", *metrics], []
    for system in systems:
        cells = [_cell(_column(scores, system, metric), metric) for metric in metrics]
        if _CHANGE in metrics:
            changes = _column(scores, system, _CHANGE)
            cells.append(f"{sum(change < _HARM_DB for change in changes)} of {len(changes)}")
        rows.append([short_name(system), *cells])
    return markdown_table([*header, "made worse"] if _CHANGE in metrics else header, rows)


def group_table(scores: Sequence[Score], group: str, metric: str) -> str:
    """Means of one metric, a row for each system and a column for each member of the group."""
    systems, _ = _names(scores)
    members = list(dict.fromkeys(score.groups[group] for score in scores))
    counts = {m: len({s.item for s in scores if s.groups[group] == m}) for m in members}
    rows = []
    for system in systems:
        columns = [[s for s in scores if s.groups[group] == member] for member in members]
        rows.append([short_name(system), *(_cell(_column(part, system, metric), metric) for part in columns)])
    return markdown_table([f"{metric} by {group}", *(f"{m} (n={counts[m]})" for m in members)], rows)


def paired_table(scores: Sequence[Score], system: str) -> str:
    """Differences of a system to every other on the same items, with 95 % confidence intervals."""
    systems, metrics = _names(scores)
    # The change in SI-SDR differs by as much as SI-SDR; a level has a target, not a direction.
    metrics = [
        metric for metric in metrics if metric != _CHANGE and not metric.startswith(("level", "above"))
    ]
    rows = []
    for other in systems:
        if other == system:
            continue
        cells = []
        for metric in metrics:
            pairs = zip(_column(scores, system, metric), _column(scores, other, metric), strict=True)
            cells.append(_cell([a - b for a, b in pairs], metric, signed=True))
        rows.append([f"{short_name(system)} minus {short_name(other)}", *cells])
    return markdown_table(["difference on the same items", *metrics], rows)


def report(scores: Sequence[Score], title: str, by_group: Sequence[str]) -> str:
    """All tables of a run.

    Args:
        title: What the heading says.
        by_group: Metrics that are also shown by each of the items' groups.
    """
    systems, metrics = _names(scores)
    parts = [f"### {title}", overall_table(scores)]
    parts += [
        paired_table(scores, system)
        for system in systems
        if system.startswith((HUSHGATE, FILES)) and len(systems) > 1
    ]
    shown = [metric for metric in by_group if metric in metrics]
    parts += [group_table(scores, group, metric) for group in scores[0].groups for metric in shown]
    return "\n\n".join(parts) + "\n"


def write_csv(path: Path, scores: Sequence[Score]) -> None:
    """A line for each system and item: system, item, its groups, its values."""
    groups, metrics = list(scores[0].groups), list(scores[0].values)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["system", "item", *groups, *metrics])
        for score in scores:
            values = [f"{score.values[metric]:.4f}" for metric in metrics]
            writer.writerow(
                [short_name(score.system).strip("*"), score.item, *(score.groups[g] for g in groups), *values]
            )


def show_text(text: str, path: Path | None) -> None:
    """Print a report, and keep it in a file where one is named."""
    sys.stdout.write(text)
    if path:
        path.write_text(text, encoding="utf-8")


def write_section(path: Path, name: str, text: str) -> None:
    """Replace the text between `<!-- NAME -->` and `<!-- end of NAME -->` in a document.

    Raises:
        FileNotFoundError: There is no such document.
        ValueError: It has no such pair of lines.
    """
    document = path.read_text(encoding="utf-8")
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = document.partition(first)
    _, closed, after = rest.partition(last)
    if not (found and closed):
        raise ValueError(f"{path} must hold the lines {first} and {last}.")
    path.write_text(f"{before}{first}\n\n{text.strip()}\n\n{last}{after}", encoding="utf-8")


def show_pictures(document: Path, name: str, pictures: Mapping[str, Path]) -> None:
    """Put pictures, by what they show, into a section of a document; it must lie above their folder."""
    folder = document.resolve().parent
    lines = [f"![{text}]({path.resolve().relative_to(folder).as_posix()})" for text, path in pictures.items()]
    write_section(document, name, "\n\n".join(lines))


def _names(scores: Sequence[Score]) -> tuple[list[str], list[str]]:
    return list(dict.fromkeys(score.system for score in scores)), list(scores[0].values)


def _column(scores: Sequence[Score], system: str, metric: str) -> list[float]:
    return [score.values[metric] for score in scores if score.system == system]
