"""Training configurations: strict, complete, and shipped ones that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from hushgate.training.config.schema import Config, load_config, shipped_config
from hushgate.training.models import build_model

CONFIGS = sorted((Path(load_config.__code__.co_filename).parent / "configs").glob("*.toml"))


def _write(folder: Path, text: str) -> Path:
    path = folder / "some.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_shipped_configuration_builds_a_model(path: Path) -> None:
    config = load_config(path)
    network = build_model(config.model)
    num_parameters = sum(p.numel() for p in network.parameters())
    assert num_parameters > 10_000
    # Ours must stay light; the baselines are what they were.
    assert config.model["family"] != "hush" or num_parameters < 300_000
    assert config.card.name == path.stem
    assert config.card.licence
    assert config.card.attribution


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


def test_unknown_names_list_what_there_is() -> None:
    with pytest.raises(FileNotFoundError, match="voice"):
        shipped_config("voise")
    with pytest.raises(ValueError, match="one of hush"):
        build_model({"family": "unknown"})
    with pytest.raises(ValueError, match="no key 'chanels'"):
        build_model({"family": "hush", "chanels": 3})
