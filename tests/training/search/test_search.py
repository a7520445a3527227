"""Search: spaces are checked, processes share a study, and the result is a configuration to train."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers.tiny import CONFIG, write_workshop

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")
optuna = pytest.importorskip("optuna", reason="search is the extra hushgate[search]")
pytest.importorskip("tomli_w", reason="search is the extra hushgate[search]")

from hushgate.training.config.schema import Config, load_config  # noqa: E402
from hushgate.training.config.toml_tables import read_values  # noqa: E402
from hushgate.training.search import study as search_module  # noqa: E402
from hushgate.training.search.study import check_space, open_storage, search, suggest, write_best  # noqa: E402

SPACE = """
[search]
trials = 3
startup_trials = 1
pruner = "median"
[search.space]
"train.learning_rate" = { low = 1e-4, high = 1e-2, log = true }
"stft" = { choices = [
    { "model.frame_ms" = 32.0, "model.overlap" = 2, "model.num_bins" = 64 },
    { "model.frame_ms" = 16.0, "model.overlap" = 4, "model.num_bins" = 32 },
] }
"""


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    folder = write_workshop(tmp_path)
    extra = CONFIG.replace("[train]", "[train]\nlogger = 'none'\nprecision = '32-true'")
    (folder / "tiny.toml").write_text(extra + SPACE, encoding="utf-8")
    return folder


def _values(workshop: Path, *overrides: str) -> dict[str, Any]:
    return read_values(workshop / "tiny.toml", [f"data.folders=['{workshop / 'data'}']", *overrides])


@pytest.mark.level(6)
def test_two_processes_share_a_study_and_a_third_goes_on_with_it(workshop: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    output = workshop / "found"
    code = "import sys; from hushgate.commands.main import main\n"
    code += "from hushgate.training.commands.search import *\n"
    code += "import argparse; p = argparse.ArgumentParser(); SearchCommand.add_arguments(p)\n"
    code += "sys.exit(SearchCommand.run(p.parse_args()))"
    arguments = [str(workshop / "tiny.toml"), "--data", str(workshop / "data"), "-o", str(output), "--quiet"]
    processes = [
        subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=420)
        assert process.returncode == 0, errors[-3000:]

    values = _values(workshop, "search.trials=4")
    before = optuna.load_study(study_name=search_module.STUDY, storage=open_storage(str(output / "study.db")))
    # Both may have taken the last trial at the same time.
    assert 3 <= len(before.trials) <= 4
    assert len({trial.number for trial in before.trials}) == len(before.trials)
    study = search(values, output)
    assert len(study.trials) == 4
    for trial in study.trials:
        # A pruned trial may have ended before its first checkpoint.
        if trial.state.name == "COMPLETE":
            assert (output / f"trial-{trial.number:04d}" / "last.ckpt").is_file()
        else:
            assert trial.state.name == "PRUNED"

    write_best(study, values, output / "best.toml")
    best = load_config(output / "best.toml")
    for name, value in study.best_trial.user_attrs["settings"].items():
        table, key = name.split(".")
        found = best.model[key] if table == "model" else getattr(getattr(best, table), key)
        assert found == value
    assert best.mix == Config.from_dict(values).mix
    assert not best.search.space
    for picture in ("history", "curves", "parameters"):
        assert (output / f"{picture}.png").stat().st_size > 1_000


def test_trials_that_cannot_work_do_not_end_the_search(workshop: Path) -> None:
    values = _values(workshop, "search.trials=3", "train.max_steps=1", "train.steps_per_epoch=1")
    # 65 bins are no multiple of the stride.
    values["search"]["space"] = {"model.num_bins": {"choices": [65, 64]}}
    values["search"]["sampler"] = "random"
    values["search"]["space"]["model.num_bins"]["choices"] = [65]
    with pytest.raises(RuntimeError, match=r"every trial failed.*num_bins must be a multiple of stride"):
        search(values, workshop / "none", storage=str(workshop / "study.log"))


def test_a_grid_has_every_combination_once(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = _values(workshop, "search.trials=30", 'search.sampler="grid"', 'search.pruner="none"')
    values["search"]["space"] = {
        "train.learning_rate": {"choices": [1e-3, 2e-3, 3e-3]},
        "stft": {"choices": [{"train.batch_size": 2, "train.seed": 1}, {"train.batch_size": 4}]},
    }

    def made_up(config: Config, run_dir: Path, *, callbacks: Any, **_: object) -> None:
        callbacks[0].best = config.train.learning_rate * config.train.batch_size

    monkeypatch.setattr(search_module, "train", made_up)
    study = search(values, workshop / "grid")
    tried = [
        (one["train.learning_rate"], one["train.batch_size"])
        for one in (trial.user_attrs["settings"] for trial in study.trials)
    ]
    assert sorted(tried) == [(rate, size) for rate in (1e-3, 2e-3, 3e-3) for size in (2, 4)]
    assert search(values, workshop / "grid").trials == study.trials, "it is complete"
    values["search"]["space"]["loss.snr"] = {"low": 0.0, "high": 1.0}
    with pytest.raises(ValueError, match=r"loss\.snr must have choices: sampler is grid"):
        search(values, workshop / "grid")


def test_bad_trials_are_pruned(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning curves made up: the first trial is the best one, and from the second on the median decides."""
    values = _values(workshop, "search.trials=3", "search.startup_trials=1", "search.warmup_epochs=2")

    def made_up(config: Config, run_dir: Path, *, callbacks: Any, **_: object) -> None:
        (watch,) = callbacks

        class Trainer:
            current_epoch = 0
            callback_metrics: dict[str, float]

        trainer = Trainer()
        for epoch in range(4):
            trainer.current_epoch = epoch
            trainer.callback_metrics = {"val/loss": float(watch.trial.number * 10 - epoch)}
            watch.on_validation_end(trainer, None)

    monkeypatch.setattr(search_module, "train", made_up)
    study = search(values, workshop / "pruned")
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED", "PRUNED"]
    assert study.best_value == -3.0
    assert sorted(study.trials[0].intermediate_values) == [1, 2, 3, 4]
    # Two epochs are given to every trial.
    assert [len(trial.intermediate_values) for trial in study.trials[1:]] == [2, 2]


def test_every_kind_of_parameter_is_drawn_from_its_range() -> None:
    space = tomllib.loads("""
"train.batch_size" = { low = 2, high = 8, step = 2 }
"train.learning_rate" = { low = 1e-4, high = 1e-2, log = true }
"loss.snr" = { low = 0.0, high = 1.0, step = 0.5 }
"mix.snr_db" = { choices = [[-5.0, 0.0, 5.0], [0.0, 5.0, 10.0]] }
"loss" = { choices = [{ "loss.magnitude" = 1.0, "loss.complex" = 0.0 }] }
""")
    check_space(space, {}, "x.toml")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(10):
        drawn = suggest(study.ask(), space)
        assert drawn["train.batch_size"] in (2, 4, 6, 8)
        assert 1e-4 <= drawn["train.learning_rate"] <= 1e-2
        assert drawn["loss.snr"] in (0.0, 0.5, 1.0)
        assert drawn["mix.snr_db"] in ([-5.0, 0.0, 5.0], [0.0, 5.0, 10.0])
        assert (drawn["loss.magnitude"], drawn["loss.complex"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "must name one parameter or more"),
        ({"train.seed": 3}, "must be a table with choices, or with low and high"),
        ({"train.seed": {"choices": []}}, "a list of one value or more"),
        ({"train.seed": {"choices": [1, {"train.seed": 2}]}}, "all tables, or none"),
        ({"train.seed": {"low": 1}}, "must have choices, or low and high"),
        ({"train.seed": {"low": 5, "high": 1}}, r"low below high \(got 5 and 1\)"),
        ({"train.seed": {"low": 0.0, "high": 1.0, "log": True}}, "low above 0 and no step with log"),
        ({"seed": {"low": 1, "high": 5}}, r"must set table.key names \(got 'seed'\)"),
    ],
)
def test_malformed_spaces_are_refused_before_anything_runs(space: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_space(space, {}, "x.toml")
    with pytest.raises(ValueError, match="pruner must be one of median, hyperband, none"):
        Config.from_dict({"search": {"pruner": "scissors"}})


@pytest.mark.parametrize(
    ("logged", "message"),
    [
        ({"val/loss": 1.0}, r"'val/los', was never logged \(logged: val/loss\)"),
        ({"val/los": float("nan")}, "'val/los', was never finite: the training diverged"),
        (None, "'val/los', was never logged .*no validation was reached"),
    ],
)
def test_trials_without_a_value_end_the_search(
    logged: dict[str, float] | None, message: str, workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings = []

    def made_up(config: Config, run_dir: Path, *, callbacks: Any, **_: object) -> None:
        trainings.append(run_dir)
        assert len(trainings) < 3, "the search does not end"
        if logged is not None:
            callbacks[0].on_validation_end(SimpleNamespace(current_epoch=0, callback_metrics=logged), None)

    monkeypatch.setattr(search_module, "train", made_up)
    values = _values(workshop, "search.trials=2", 'search.monitor="val/los"')
    with pytest.raises(RuntimeError, match=f"every trial failed.*{message}"):
        search(values, workshop / "valueless")


def test_a_key_within_a_list_is_no_parameter() -> None:
    with pytest.raises(ValueError, match=r"mix\.targets is none\. Set all of mix\.targets"):
        search_module.with_settings({"mix": {"targets": [{"kind": "speech"}]}}, {"mix.targets.weight": 2.0})
