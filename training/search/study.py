"""Search for settings with Optuna: the space in the configuration, trials shared by processes."""

from __future__ import annotations

import copy
import json
import logging
import math
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock
import lightning
import optuna
import tomli_w
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial, TrialState

from hushgate.audio_files.atomic_write import write_atomically
from hushgate.training.config.schema import Config, SearchConfig
from hushgate.training.config.toml_tables import set_value
from hushgate.training.fitting.trainer import train

STUDY = "hushgate"
_LOG = logging.getLogger(__name__)
_HEARTBEAT_S = 30
_BUSY_TIMEOUT_S = 120.0
_ERROR = "error"
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


def search(
    values: Mapping[str, Any],
    output: Path,
    *,
    storage: str | None = None,
    source: str = "config",
    progress: bool = False,
) -> optuna.Study:
    """Run trials until the study has as many as the configuration asks for; several processes may.

    Every trial is a training in `output/trial-NUMBER`. Trials whose process died are given up after a minute
    and a half and made again (not with a journal, in which they count as made); one whose settings do not
    work is recorded as failed and not repeated.

    Args:
        values: The configuration as plain data, with a `[search]` table.
        output: Folder of the study.
        storage: SQLite file, Optuna journal (`*.log`) or database URL; `output/study.db` by default.
        source: What errors call the configuration.
        progress: Show progress bars of the trainings.

    Raises:
        ValueError: The space is empty or malformed, or settings do not make a configuration.
        RuntimeError: Every trial failed.
    """
    config = Config.from_dict(values, source)
    check_space(config.search.space, values, source)
    if config.search.sampler == "grid":
        _check_grid(config.search.space, source)
    output.mkdir(parents=True, exist_ok=True)
    # Optuna creates its tables without a lock, so two processes that start together would collide.
    with filelock.FileLock(output / ".study.lock"):
        store = open_storage(storage or str(output / "study.db"))
        study = optuna.create_study(
            study_name=STUDY,
            storage=store,
            sampler=_sampler(config.search),
            pruner=_pruner(config),
            direction="maximize" if config.search.direction == "maximize" else "minimize",
            load_if_exists=True,
        )

    def objective(trial: Trial) -> float:
        return _run_trial(trial, values, config.search, output, source, progress)

    trials = min(config.search.trials, _num_combinations(config.search))
    while _num_taken(study, store) < trials:
        # Settings that cannot work (a model too deep for its band) must not end the search.
        study.optimize(objective, n_trials=1, catch=(ValueError, RuntimeError))
    errors = [trial.user_attrs[_ERROR] for trial in study.trials if _ERROR in trial.user_attrs]
    if len(errors) >= trials:
        raise RuntimeError(f"every trial failed. The last error: {errors[-1]}")
    return study


def _run_trial(
    trial: Trial,
    values: Mapping[str, Any],
    search_config: SearchConfig,
    output: Path,
    source: str,
    progress: bool,
) -> float:
    try:
        settings = suggest(trial, search_config.space)
        trial.set_user_attr("settings", settings)
        config = Config.from_dict(with_settings(values, settings), f"{source}, trial {trial.number}")
        watch = _Watch(trial, search_config.monitor)
        train(config, output / f"trial-{trial.number:04d}", progress=progress, callbacks=[watch])
        return watch.result()
    except (ValueError, RuntimeError) as error:
        trial.set_user_attr(_ERROR, str(error))
        _LOG.warning("trial %d failed: %s", trial.number, error)
        raise


class _Watch(lightning.Callback):
    """Report every validation to the trial, keep its best value, and end the training when it is pruned."""

    def __init__(self, trial: Trial, monitor: str) -> None:
        self.trial, self.monitor = trial, monitor
        self.best: float | None = None
        self._logged: list[str] = []
        self._is_better = min if trial.study.direction == optuna.study.StudyDirection.MINIMIZE else max

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._logged = sorted(trainer.callback_metrics)
        if self.monitor not in self._logged:
            self.result()  # ends a training that has no value to compare
        value = float(trainer.callback_metrics.get(self.monitor, math.nan))
        if not math.isfinite(value):
            return
        self.best = value if self.best is None else self._is_better(self.best, value)
        self.trial.report(value, trainer.current_epoch + 1)
        if self.trial.should_prune():
            raise optuna.TrialPruned(f"pruned after epoch {trainer.current_epoch + 1}")

    def result(self) -> float:
        """Return the best value.

        Raises:
            RuntimeError: There is none; says why.
        """
        if self.best is not None:
            return self.best
        name = f"search.monitor, {self.monitor!r},"
        if self.monitor in self._logged:
            raise RuntimeError(f"{name} was never finite: the training diverged. Lower train.learning_rate.")
        logged = ", ".join(self._logged) or "nothing: no validation was reached"
        raise RuntimeError(f"{name} was never logged (logged: {logged}). Name a value that is.")


def suggest(trial: Trial, space: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Draw a value for every parameter: "table.key" to value, choices that are tables unfolded."""
    settings: dict[str, Any] = {}
    for name, entry in space.items():
        if "choices" in entry:
            # As JSON text: Optuna's database stores no lists and tables, and text distinguishes 1 from 1.0.
            chosen = json.loads(
                trial.suggest_categorical(name, [json.dumps(one) for one in entry["choices"]])
            )
            settings |= chosen if isinstance(chosen, dict) else {name: chosen}
        elif all(isinstance(entry[key], int) for key in ("low", "high")):
            settings[name] = trial.suggest_int(
                name, entry["low"], entry["high"], step=entry.get("step", 1), log=entry.get("log", False)
            )
        else:
            settings[name] = trial.suggest_float(
                name, entry["low"], entry["high"], step=entry.get("step"), log=entry.get("log", False)
            )
    return settings


def with_settings(values: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's plain data with other values for "table.key" names."""
    changed = copy.deepcopy(dict(values))
    for name, value in settings.items():
        set_value(changed, name, value)
    return changed


def check_space(space: Mapping[str, Any], values: Mapping[str, Any], source: str) -> None:
    """Check a search space before anything runs.

    Raises:
        ValueError: It is empty, or an entry is malformed; says which, and what it may be.
    """
    where = f"{source}: search.space"
    if not space:
        raise ValueError(f'{where} must name one parameter or more, such as "train.learning_rate".')
    for name, entry in space.items():
        place = f"{where}: {name}"
        if not isinstance(entry, Mapping):
            raise ValueError(f"{place} must be a table with choices, or with low and high (got {entry!r}).")
        if "choices" in entry:
            _check_choices(place, name, entry)
        else:
            _check_range(place, entry)
        for key in _keys(name, entry):
            if "." not in key:
                raise ValueError(f"{place} must set table.key names (got {key!r}).")


def _check_choices(place: str, name: str, entry: Mapping[str, Any]) -> None:
    choices = entry["choices"]
    if not isinstance(choices, list) or not choices or len(entry) > 1:
        raise ValueError(f"{place} must have choices, a list of one value or more, and nothing else.")
    tables = [isinstance(choice, Mapping) for choice in choices]
    if any(tables) and not all(tables):
        raise ValueError(f"{place} must have choices that are all tables, or none of them.")


def _check_range(place: str, entry: Mapping[str, Any]) -> None:
    unknown = entry.keys() - {"low", "high", "log", "step"}
    if unknown or not {"low", "high"} <= entry.keys():
        raise ValueError(f"{place} must have choices, or low and high with log or step (got {dict(entry)}).")
    low, high = entry["low"], entry["high"]
    numbers = [one for one in (low, high, entry.get("step", 1)) if type(one) in (int, float)]
    if len(numbers) < 3 or not low < high:
        raise ValueError(f"{place} must have numbers with low below high (got {low!r} and {high!r}).")
    if entry.get("log") and (low <= 0 or "step" in entry):
        raise ValueError(f"{place} must have low above 0 and no step with log (got low {low!r}).")


def _check_grid(space: Mapping[str, Any], source: str) -> None:
    for name, entry in space.items():
        if "choices" not in entry:
            raise ValueError(f"{source}: search.space: {name} must have choices: sampler is grid.")


def _keys(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    for choice in entry.get("choices", [None]):
        if isinstance(choice, Mapping):
            yield from choice
        else:
            yield name


def open_storage(place: str) -> BaseStorage:
    """Open a study's storage: a SQLite file, a journal of Optuna (`*.log`), or a database URL.

    SQLite is opened with a write-ahead log, so that readers and a writer do not block one another, and waits
    two minutes for its turn. Optuna recommends its journal or a database server where many processes write;
    a handful of trainings, which report once an epoch, are no such load.
    """
    if place.endswith(".log"):
        return JournalStorage(JournalFileBackend(place))
    url = place
    if "://" not in place:
        with sqlite3.connect(place, timeout=_BUSY_TIMEOUT_S) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        url = f"sqlite:///{Path(place).resolve()}"
    is_sqlite = url.startswith("sqlite:")
    return RDBStorage(
        url,
        engine_kwargs={"connect_args": {"timeout": _BUSY_TIMEOUT_S}} if is_sqlite else None,
        heartbeat_interval=_HEARTBEAT_S,
        grace_period=3 * _HEARTBEAT_S,
    )


def _num_taken(study: optuna.Study, store: BaseStorage) -> int:
    """Trials that are finished, in work, or failed for a reason of their own; not those that died."""
    if isinstance(store, RDBStorage):
        optuna.storages.fail_stale_trials(study)
    return sum(
        trial.state in (*_ENDED, TrialState.RUNNING) or _ERROR in trial.user_attrs for trial in study.trials
    )


def _num_combinations(config: SearchConfig) -> float:
    if config.sampler != "grid":
        return math.inf
    return math.prod(len(entry["choices"]) for entry in config.space.values())


def _sampler(config: SearchConfig) -> optuna.samplers.BaseSampler:
    # No seed, except for the order of a grid: processes that share a study must draw different values.
    if config.sampler == "random":
        return optuna.samplers.RandomSampler()
    if config.sampler == "grid":
        return optuna.samplers.GridSampler(
            {name: [json.dumps(one) for one in entry["choices"]] for name, entry in config.space.items()},
            seed=0,
        )
    return optuna.samplers.TPESampler(n_startup_trials=config.startup_trials, constant_liar=True)


def _pruner(config: Config) -> optuna.pruners.BasePruner:
    if config.search.pruner == "none":
        return optuna.pruners.NopPruner()
    warmup = max(1, config.search.warmup_epochs)
    if config.search.pruner == "hyperband":
        epochs = max(1, config.train.max_steps // config.train.steps_per_epoch)
        return optuna.pruners.HyperbandPruner(min_resource=warmup, max_resource=epochs)
    return optuna.pruners.MedianPruner(
        n_startup_trials=config.search.startup_trials, n_warmup_steps=config.search.warmup_epochs
    )


def write_best(study: optuna.Study, values: Mapping[str, Any], path: Path) -> None:
    """Write the best trial's configuration, one that `hushgate train` takes, in one step."""
    best = study.best_trial
    found = with_settings(values, best.user_attrs["settings"])
    found.pop("search", None)
    header = (
        f"# Found by hushgate search: trial {best.number} of {len(study.trials)}, "
        f"{study.direction.name.lower()}d to {best.value:.6g}.\n\n"
    )
    write_atomically(path, header + tomli_w.dumps(found))
