"""Pictures of an evaluation: every measure overall, and by SNR."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushgate.pictures.figures import new_figure, plain_text, save_figure
from hushgate.training.evaluate.report import Results, snr_middle
from hushgate.training.evaluate.sound_pairs import SNR

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 3


def write_plots(results: Results, folder: Path) -> list[Path]:
    """Write `overall.png`, and `by-snr.png` where items differ in SNR; return what was written.

    Raises:
        ModuleNotFoundError: matplotlib is not installed (extra `evaluate`).
    """
    written = [folder / "overall.png"]
    save_figure(draw_overall(results), written[0])
    if SNR in results.groups():
        written.append(folder / "by-snr.png")
        save_figure(draw_by_snr(results), written[1])
    return written


def draw_overall(results: Results) -> Figure:
    """Means and intervals, one panel for each measure, one line for each system."""
    figure, panels = _panels(results, 0.8 + 0.3 * len(results.systems))
    places = list(range(len(results.systems)))[::-1]
    for panel, column in zip(panels, results.columns, strict=True):
        for place, system in zip(places, results.systems, strict=True):
            estimate = results.estimate(system, column)
            if math.isnan(estimate.mean):
                continue
            panel.plot(estimate.mean, place, "o", color=f"C{len(places) - 1 - place}")
            if not math.isnan(estimate.low):
                panel.plot([estimate.low, estimate.high], [place, place], color=f"C{len(places) - 1 - place}")
        panel.set_yticks(places, [plain_text(system) for system in results.systems])
        panel.set(title=column.title + _arrow(column.higher_is_better), ylim=(-0.5, len(places) - 0.5))
        panel.grid(axis="x", alpha=0.3)
    return figure


def draw_by_snr(results: Results) -> Figure:
    """Means and intervals over the SNR of the input, one panel for each measure."""
    figure, panels = _panels(results, 2.6)
    members = [member for member in results.members(SNR) if not math.isnan(snr_middle(member))]
    middles = [snr_middle(member) for member in members]
    for panel, column in zip(panels, results.columns, strict=True):
        for number, system in enumerate(results.systems):
            estimates = [results.estimate(system, column, SNR, member) for member in members]
            means, label = [e.mean for e in estimates], plain_text(system)
            panel.plot(middles, means, ".-", color=f"C{number}", label=label)
            lows, highs = [e.low for e in estimates], [e.high for e in estimates]
            panel.fill_between(middles, lows, highs, color=f"C{number}", alpha=0.15, linewidth=0)
        panel.set(title=column.title + _arrow(column.higher_is_better), xlabel="SNR of the input, dB")
        panel.grid(alpha=0.3)
    panels[0].legend(fontsize="small")
    return figure


def _panels(results: Results, height: float) -> tuple[Figure, list[Any]]:
    count = len(results.columns)
    columns = min(_COLUMNS, count)
    rows = math.ceil(count / columns)
    figure = new_figure(4.2 * columns, rows * (height + 0.6))
    axes: Any = figure.subplots(rows, columns, squeeze=False)
    panels = list(axes.flat)
    for empty in panels[count:]:
        empty.set_axis_off()
    return figure, panels[:count]


def _arrow(higher_is_better: bool) -> str:
    return " (higher is better)" if higher_is_better else " (lower is better)"
