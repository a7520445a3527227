"""Scores as CSV and as tables with confidence intervals."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from hushgate.audio_files.atomic_write import write_atomically
from hushgate.training.evaluate.confidence import Estimate, compare, estimate_mean
from hushgate.training.evaluate.examine import Score
from hushgate.training.evaluate.measures.base import Column


class Results:
    """Scores with what is needed to summarize them.

    Args:
        scores: Of all systems on all items.
        columns: Of all measures.
        interval: As in `confidence.estimate_mean`.
    """

    def __init__(self, scores: Sequence[Score], columns: Sequence[Column], interval: str) -> None:
        self.scores, self.interval = list(scores), interval
        self.columns = [column for column in columns if column.is_shown]
        self.all_columns = list(columns)
        self.systems = list(dict.fromkeys(score.system for score in scores))

    def groups(self) -> list[str]:
        """Names of the groupings that tell items apart."""
        names = dict.fromkeys(name for score in self.scores for name in score.groups)
        return [name for name in names if len(self.members(name)) > 1]

    def members(self, group: str) -> list[str]:
        """Values of a grouping, SNRs upward, others by the alphabet."""
        return sorted({score.groups.get(group, "") for score in self.scores}, key=_order)

    def estimate(self, system: str, column: Column, group: str = "", member: str = "") -> Estimate:
        """Mean of a column over a system's items, all of them or those of one group."""
        chosen = [
            score
            for score in self.scores
            if score.system == system and (not group or score.groups.get(group) == member)
        ]
        return estimate_mean(_column(chosen, column), _weights(chosen, column), self.interval)

    def pairs(
        self, one: str, other: str, column: Column
    ) -> tuple[list[float], list[float], list[float] | None]:
        """Values of two systems on the same items, and what the items count."""
        mine = [score for score in self.scores if score.system == one]
        theirs = {score.item: score for score in self.scores if score.system == other}
        matched = [theirs[score.item] for score in mine]
        return _column(mine, column), _column(matched, column), _weights(mine, column)


def write_csv(results: Results, path: Path) -> None:
    """One row for each system and item, with its groups and every column; empty where a figure is missing."""
    groups = list(dict.fromkeys(name for score in results.scores for name in score.groups))
    names = [column.name for column in results.all_columns]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["system", "item", *groups, *names])
    for score in results.scores:
        values = [score.values.get(name, math.nan) for name in names]
        texts = ["" if math.isnan(value) else f"{value:.6g}" for value in values]
        writer.writerow([score.system, score.item, *(score.groups.get(g, "") for g in groups), *texts])
    write_atomically(path, text.getvalue())


def markdown(results: Results, baseline: str, conditions: Sequence[str]) -> str:
    """All tables: overall, by group, and every system against the baseline on the same items."""
    parts = ["# Evaluation", "\n".join(f"- {line}" for line in conditions), "## Overall", overall(results)]
    for group in results.groups():
        parts.append(f"## By {group}")
        parts += [by_group(results, group, column) for column in results.columns]
    if len(results.systems) > 1:
        parts += [f"## Against {baseline}, on the same items", against(results, baseline)]
    return "\n\n".join(parts) + "\n"


def overall(results: Results) -> str:
    """Means of all columns with their intervals, a row for each system."""
    rows = [
        [system, *(_cell(results.estimate(system, column), column) for column in results.columns)]
        for system in results.systems
    ]
    return _table(["system", *(column.title for column in results.columns)], rows)


def by_group(results: Results, group: str, column: Column) -> str:
    """Means of one column, a row for each system and a column for each member of the group."""
    members = results.members(group)
    counts = {
        member: len({score.item for score in results.scores if score.groups.get(group) == member})
        for member in members
    }
    rows = [
        [system, *(_cell(results.estimate(system, column, group, member), column) for member in members)]
        for system in results.systems
    ]
    return _table([column.title, *(f"{member} (n={counts[member]})" for member in members)], rows)


def against(results: Results, baseline: str) -> str:
    """Differences to the baseline: mean and interval, share of items won, Wilcoxon's p."""
    rows = []
    for system in results.systems:
        if system == baseline:
            continue
        for column in results.columns:
            one, other, weights = results.pairs(system, baseline, column)
            comparison = compare(
                one,
                other,
                weights,
                higher_is_better=column.higher_is_better,
                interval=results.interval,
            )
            if not comparison.difference.count:
                continue
            p = comparison.p_value
            rows.append(
                [
                    f"{system}: {column.title}",
                    _cell(comparison.difference, column, signed=True),
                    f"{100.0 * comparison.wins:.0f} %",
                    "-" if math.isnan(p) else f"{p:.2g}",
                    str(comparison.difference.count),
                ]
            )
    return _table([f"minus {baseline}", "mean difference", "better on", "p", "items"], rows)


def _column(scores: Sequence[Score], column: Column) -> list[float]:
    return [score.values.get(column.name, math.nan) for score in scores]


def _weights(scores: Sequence[Score], column: Column) -> list[float] | None:
    return [score.values.get(column.weight, math.nan) for score in scores] if column.weight else None


def _cell(estimate: Estimate, column: Column, signed: bool = False) -> str:
    if math.isnan(estimate.mean):
        return "-"
    plus, digits = ("+" if signed else ""), column.digits
    text = f"{estimate.mean:{plus}.{digits}f}"
    if math.isnan(estimate.low):
        return text
    return f"{text} [{estimate.low:{plus}.{digits}f}, {estimate.high:{plus}.{digits}f}]"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(header) - 1)
    lines = ([_safe(cell) for cell in cells] for cells in (header, rule, *rows))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _safe(cell: str) -> str:
    return cell.replace("|", "\\|")


def _order(member: str) -> tuple[float, str]:
    first = member.split(" ", 1)[0]
    try:
        return float(first), member
    except ValueError:
        return math.inf, member


def snr_middle(member: str) -> float:
    """The middle of an SNR group, dB; NaN for the group without one."""
    words = member.split()
    return (float(words[0]) + float(words[2])) / 2.0 if len(words) == 4 else math.nan
