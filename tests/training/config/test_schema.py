"""Training configurations: strict, complete, and shipped ones that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from hushgate.training.config.schema import Config, load_config, shipped_config
from hushgate.training.models import build_model


def _write(folder: Path, text: str) -> Path:
    path = folder / "some.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_configuration_survives_being_stored_as_plain_data() -> None:
    config = load_config(shipped_config("voice"))
    assert Config.from_dict(config.to_dict()) == config


def test_overrides_change_single_values() -> None:
    config = load_config(shipped_config("voice"), ["train.seed=7", "data.folders=['a', 'b']"])
    assert config.train.seed == 7
    assert config.data.folders == ("a", "b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[train]\nsede = 1\n", "has no key 'sede'"),
        ("[train]\nseed = 'one'\n", "seed must be int"),
        ("[train]\nseed = true\n", "seed must be int"),
        ("[mix]\nsnr_db = [0, 1]\n", "snr_db must have 3 values"),
        ("[mix]\nspeed = 1.0\n", "speed must be a list"),
        ("[[mix.noises]]\nkind = 'noise'\nweigth = 2\n", "has no key 'weigth'"),
        ("data = 3\n", "data must be a table"),
        ("model = 3\n", "model must be a table (got 3)"),
        ("[mix]\nroom = 25\n", "mix: room must be between 0 and 1 (got 25)"),
        ("[mix]\nclean_only = -0.1\n", "clean_only must be between 0 and 1"),
        ("[mix]\nsecond_target = 1\n", "second_target must be below 1"),
        ("[mix]\nspeed = [0, 1]\n", "speed must rise from above 0 (got 0 to 1)"),
        ("[mix]\nlevel_db = [-10, -20]\n", "level_db must rise, dB (got -10 to -20)"),
        ("[mix]\nstock = 0\n", "stock must be 1 or more"),
        ("[data]\nsegment_s = -1\n", "data: segment_s must be above 0 s (got -1)"),
        ("[data]\nval_examples = 0\n", "val_examples must be 1 or more"),
        ("[train]\nmax_steps = 0\n", "train: max_steps must be 1 or more (got 0)"),
        ("[train]\nsteps_per_epoch = 0\n", "steps_per_epoch must be 1 or more"),
        ("[train]\nseed = -1\n", "seed must be 0 or more"),
        ("[train]\nlearning_rate = 0\n", "learning_rate must be above 0"),
        ("[search]\ntrials = 0\n", "trials must be 1 or more"),
        ("[data\n", "is not valid TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match="some") as caught:
        load_config(_write(tmp_path, text))
    assert words in str(caught.value)


@pytest.mark.parametrize("override", ["seed=1", "train.seed", "train.seed=one two"])
def test_wrong_overrides_are_named(override: str) -> None:
    with pytest.raises(ValueError, match="--set must be"):
        load_config(shipped_config("voice"), [override])


@pytest.mark.parametrize(
    ("override", "words"),
    [("mix.targets.weight=2", r"mix\.targets is none"), ("card.name.x=1", r"card\.name is none")],
)
def test_a_key_of_what_is_no_table_is_refused(override: str, words: str) -> None:
    with pytest.raises(ValueError, match=rf"^--set {override}: .* must be a key of a table, and {words}"):
        load_config(shipped_config("voice"), [override])


def test_unknown_names_list_what_there_is() -> None:
    with pytest.raises(FileNotFoundError, match="voice"):
        shipped_config("voise")
    with pytest.raises(ValueError, match="one of hush"):
        build_model({"family": "unknown"})
    with pytest.raises(ValueError, match="no key 'chanels'"):
        build_model({"family": "hush", "chanels": 3})
    with pytest.raises(ValueError, match=r"model: num_bins must be int \(got 'many'\)"):
        build_model({"family": "hush", "num_bins": "many"})
    with pytest.raises(ValueError, match="model: filters must be a list"):
        build_model({"family": "unet", "filters": 3})
