"""Scores as Markdown tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from metrics import mean_and_margin
from systems import HUSHGATE, short_name


@dataclass(frozen=True)
class Score:
    """What one system reached on one item."""

    system: str
    item: str
    groups: dict[str, str]
    values: dict[str, float]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are right-aligned numbers."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def _cell(values: Sequence[float], metric: str, signed: bool = False) -> str:
    mean, margin = mean_and_margin(values)
    if math.isnan(mean):
        return "-"
    digits = {"STOI": 3, "PESQ": 2}.get(metric, 1)
    text = f"{mean:+.{digits}f}" if signed else f"{mean:.{digits}f}"
    return text if math.isnan(margin) else f"{text} ± {margin:.{digits}f}"


def overall_table(scores: Sequence[Score]) -> str:
    """Means of every metric with 95 % confidence intervals, a row for each system."""
    systems, metrics = _names(scores)
    rows = [
        [short_name(system), *(_cell(_column(scores, system, metric), metric) for metric in metrics)]
        for system in systems
    ]
    return markdown_table(["system", *metrics], rows)


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
    """How far a system is ahead of every other on the same items, with 95 % confidence intervals."""
    systems, metrics = _names(scores)
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


def report(scores: Sequence[Score], title: str) -> str:
    """All tables of a run."""
    systems, metrics = _names(scores)
    parts = [f"## {title}", overall_table(scores)]
    for group in scores[0].groups:
        parts += [group_table(scores, group, metric) for metric in metrics]
    parts += [
        paired_table(scores, system) for system in systems if system.startswith(HUSHGATE) and len(systems) > 1
    ]
    return "\n\n".join(parts) + "\n"


def _names(scores: Sequence[Score]) -> tuple[list[str], list[str]]:
    return list(dict.fromkeys(score.system for score in scores)), list(scores[0].values)


def _column(scores: Sequence[Score], system: str, metric: str) -> list[float]:
    return [score.values[metric] for score in scores if score.system == system]
