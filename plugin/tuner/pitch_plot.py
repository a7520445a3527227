"""Figure of pitch over time, before and after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hushgate.pictures.figures import new_figure, plain_text
from hushgate.tuner.notes import Targets
from hushgate.tuner.reading import Reading

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {"before": "#b0b0b0", "after": "#1f6f8b"}
_SIZES = {"before": 14.0, "after": 5.0}
_MARGIN_CENTS = 150.0
_EMPTY_RANGE_HZ = (80.0, 330.0)
_SCALE_CENTS = 50.0


def plot_readings(
    series: Mapping[str, Sequence[Reading]], targets: Targets, duration_s: float, title: str
) -> Figure:
    """Draw readings as dots: their pitch above, their distance from the note below.

    Args:
        series: Readings by name: "before" and "after", or one of them. Held ones are left out.
        targets: The notes to draw lines for.
        duration_s: Length of the time axis, s.
        title: Name of the recording.

    Raises:
        ModuleNotFoundError: matplotlib is not installed (extra `plot`).
    """
    figure = new_figure(12, 7)
    axes: Any = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    pitch, offset = axes
    sounding = {
        name: [reading for reading in readings if reading.note is not None and not reading.is_held]
        for name, readings in series.items()
    }
    frequencies = [reading.frequency_hz or 0.0 for readings in sounding.values() for reading in readings]
    low, high = (min(frequencies), max(frequencies)) if frequencies else _EMPTY_RANGE_HZ
    margin = 2.0 ** (_MARGIN_CENTS / 1200.0)
    low, high = low / margin, high * margin
    notes = _targets_between(targets, low, high)
    for _, hz in notes:
        pitch.axhline(hz, color="#e4e4e4", linewidth=0.8, zorder=0)
    for name, readings in sounding.items():
        style = {"s": _SIZES[name], "color": _COLOURS[name], "linewidths": 0.0, "label": name}
        times = [reading.time_s for reading in readings]
        pitch.scatter(times, [reading.frequency_hz for reading in readings], **style)
        offset.scatter(times, [reading.cents for reading in readings], **style)
    pitch.set_yscale("log")
    pitch.set_yticks([hz for _, hz in notes], [name for name, _ in notes])
    pitch.set_yticks([], minor=True)
    pitch.set(ylim=(low, high), ylabel="note")
    pitch.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, markerscale=2.0)
    offset.axhline(0.0, color="#e4e4e4", linewidth=0.8, zorder=0)
    offset.set(
        ylim=(-_SCALE_CENTS, _SCALE_CENTS), ylabel="cents off", xlabel="time, s", xlim=(0.0, duration_s)
    )
    figure.suptitle(plain_text(title))
    return figure


def _targets_between(targets: Targets, low_hz: float, high_hz: float) -> list[tuple[str, float]]:
    """Names and frequencies of the notes in a range, thinned out where there are many."""
    steps = np.arange(0.0, 12.0 * math.log2(high_hz / low_hz), 0.5)
    found = dict.fromkeys(targets.nearest(low_hz * 2.0 ** (step / 12.0)) for step in steps)
    inside = [
        (target.name, target.frequency_hz) for target in found if low_hz <= target.frequency_hz <= high_hz
    ]
    return inside[:: 1 + len(inside) // 36]
