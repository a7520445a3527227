"""Plot of quality against cost, from the JSON files of quality.py and speed.py.

python benchmarks/plots.py voice.json speed.json                         # docs/images/voice-quality-cost.png
python benchmarks/plots.py music.json speed.json --metric "SI-SDR change dB" --write docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import IMAGES
from support.denoisers import HUSHGATE, needs_noise, short_name
from support.metrics import mean_of
from support.tables import show_pictures

from hushgate.pictures.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = {"music": "44.1 kHz x 2", "voice-48k": "48 kHz x 1"}
"""Format of speed.py that gives the cost of a set; 16 kHz mono for other sets."""
_OTHER_FORMAT = "16 kHz x 1"
_OURS, _THEIRS = "#1f6f8b", "#777777"


@dataclass(frozen=True)
class Point:
    """A system's mean score with half its 95 % confidence interval, and its speed, times real time."""

    system: str
    mean: float
    margin: float
    speed: float


def points(quality: dict[str, Any], speed: dict[str, Any], metric: str) -> list[Point]:
    """The systems that were measured in both runs.

    Raises:
        ValueError: The metric was not measured, or no system is in both.
    """
    scores: dict[str, list[float]] = {}
    for score in quality["scores"]:
        if metric not in score["values"]:
            raise ValueError(f"--metric must be one of {', '.join(score['values'])} (got {metric!r}).")
        scores.setdefault(score["system"], []).append(score["values"][metric])
    audio_format = FORMATS.get(quality["set"], _OTHER_FORMAT)
    found = []
    for result in speed["results"]:
        if result["system"] in scores:
            estimate = mean_of(scores[result["system"]])
            times_real_time = result["whole_seconds"] / result["whole"][audio_format]["cpu_s"]
            found.append(Point(result["system"], estimate.mean, estimate.margin, times_real_time))
    if not found:
        raise ValueError("the two files must have a system in common (got none).")
    return found


def draw(found: Sequence[Point], untouched: float | None, metric: str, title: str) -> Figure:
    """A point for each system: better is up, cheaper is right."""
    figure = new_figure(7.0, 4.4)
    axes = figure.subplots()
    for number, point in enumerate(sorted(found, key=lambda point: point.speed)):
        ours = point.system.startswith(HUSHGATE)
        name = short_name(point.system).strip("*")
        axes.errorbar(
            point.speed,
            point.mean,
            yerr=point.margin,
            fmt="o",
            color=_OURS if ours else _THEIRS,
            markersize=9 if ours else 6,
            markerfacecolor="white" if needs_noise(point.system) else None,
            elinewidth=0.8,
        )
        axes.annotate(
            f"{name} (told the noise)" if needs_noise(point.system) else name,
            (point.speed, point.mean),
            # Labels alternate between above left and below right to overlap less.
            xytext=((-6, 6), (8, -13))[number % 2],
            ha=("right", "left")[number % 2],
            textcoords="offset points",
            fontsize=9,
            fontweight="bold" if ours else None,
            color=_OURS if ours else "black",
        )
    if untouched is not None:
        axes.axhline(untouched, color=_THEIRS, linestyle=":", linewidth=1.0)
        axes.annotate(
            "untouched", (0.0, untouched), xycoords=("axes fraction", "data"), fontsize=8, color=_THEIRS
        )
    axes.set_xscale("log")
    low, high = min(point.speed for point in found), max(point.speed for point in found)
    axes.set_xlim(low / 6.0, high * 6.0)
    axes.grid(alpha=0.25)
    axes.set(xlabel="times real time, one thread (processor time)", ylabel=metric, title=title)
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("quality", type=Path, help="written by quality.py --json")
    parser.add_argument("speed", type=Path, help="written by speed.py --json")
    parser.add_argument("--metric", default="SI-SDR dB", help="what goes up (default SI-SDR dB)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.png", help="default: in docs/images")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="show the picture in this document")
    args = parser.parse_args(arguments)
    try:
        quality, speed = (json.loads(path.read_text(encoding="utf-8")) for path in (args.quality, args.speed))
        found = points(quality, speed, args.metric)
        noisy = [s["values"][args.metric] for s in quality["scores"] if s["system"] == "noisy"]
        title = f"{quality['set']}: {quality['items']} recordings, 95 % confidence"
        figure = draw(found, mean_of(noisy).mean if noisy else None, args.metric, title)
        target = args.output or IMAGES / f"{quality['set']}-quality-cost.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, dpi=110)
        if args.write:
            show_pictures(args.write, f"plot {quality['set']}", {f"{args.metric} against speed": target})
    except (ImportError, OSError, ValueError) as error:
        print(f"plots.py: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
