"""Pictures of a search: its history, the learning curves, and each parameter against the result."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from hushgate.pictures.figures import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 3
_LABEL_LENGTH = 24


def write_plots(study: optuna.Study, monitor: str, folder: Path) -> list[Path]:
    """Write `history.png`, `curves.png` and `parameters.png` of a study; return their paths.

    Args:
        study: With one finished trial or more.
        monitor: What the values are.
        folder: Where to.

    Raises:
        ModuleNotFoundError: matplotlib is not installed (extra `search`).
    """
    pictures = {"history": _history, "curves": _curves, "parameters": _parameters}
    written = []
    for name, draw in pictures.items():
        written.append(folder / f"{name}.png")
        save_figure(draw(study, monitor), written[-1])
    return written


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _history(study: optuna.Study, monitor: str) -> Figure:
    figure = new_figure(7.0, 4.0)
    axes: Any = figure.subplots()
    finished = _finished(study)
    numbers = [trial.number for trial in finished]
    values = [_value(trial) for trial in finished]
    better = min if study.direction == optuna.study.StudyDirection.MINIMIZE else max
    best = [better(values[: count + 1]) for count in range(len(values))]
    axes.plot(numbers, values, "o", label="finished")
    axes.step(numbers, best, where="post", label="best so far")
    pruned = study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    reported = [trial for trial in pruned if trial.intermediate_values]
    if reported:
        last = [trial.intermediate_values[max(trial.intermediate_values)] for trial in reported]
        axes.plot([trial.number for trial in reported], last, "x", color="grey", label="pruned")
    axes.set(xlabel="trial", ylabel=monitor)
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


def _curves(study: optuna.Study, monitor: str) -> Figure:
    figure = new_figure(7.0, 4.0)
    axes: Any = figure.subplots()
    for trial in study.get_trials(deepcopy=False):
        steps = sorted(trial.intermediate_values)
        is_best = trial.state == TrialState.COMPLETE and trial.number == study.best_trial.number
        axes.plot(
            steps,
            [trial.intermediate_values[step] for step in steps],
            "-" if trial.state == TrialState.COMPLETE else ":",
            color="C1" if is_best else "grey",
            linewidth=2.0 if is_best else 0.8,
            zorder=3 if is_best else 2,
        )
    axes.set(xlabel="epoch", ylabel=monitor, title=f"best: trial {study.best_trial.number}; dotted: pruned")
    axes.grid(alpha=0.3)
    return figure


def _parameters(study: optuna.Study, monitor: str) -> Figure:
    finished = _finished(study)
    names = sorted({name for trial in finished for name in trial.params})
    columns = min(_COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    figure = new_figure(4.2 * columns, 3.4 * rows)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for empty in panels[len(names) :]:
        empty.set_axis_off()
    for panel, name in zip(panels, names, strict=False):
        shown = [trial for trial in finished if name in trial.params]
        distribution = shown[0].distributions[name]
        values = [trial.params[name] for trial in shown]
        if isinstance(distribution, optuna.distributions.CategoricalDistribution):
            choices = list(distribution.choices)
            panel.set_xticks(range(len(choices)), [_short(one) for one in choices], rotation=20, ha="right")
            values = [choices.index(value) for value in values]
        elif getattr(distribution, "log", False):
            panel.set_xscale("log")
        panel.scatter(values, [_value(trial) for trial in shown], c=[t.number for t in shown], cmap="viridis")
        panel.set(title=name, ylabel=monitor)
        panel.grid(alpha=0.3)
    return figure


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return trial.value


def _short(choice: Any) -> str:
    """A choice as a label: the values of a table without their keys."""
    value = json.loads(choice)
    text = ", ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
    return text if len(text) <= _LABEL_LENGTH else text[: _LABEL_LENGTH - 1] + "…"
