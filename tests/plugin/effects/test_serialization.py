"""Effects as entries and back, a user's own included; loading builds each effect once."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from hushgate import Chain, Denoiser, Mix, PresetError, available_presets
from hushgate.effects.serialization import describe_effect, effect_names, make_effect
from tests.helpers.seeded_noise import noise

RATE = 48_000


class Louder:
    """An effect of a user's own that describes itself."""

    def __init__(self, gain: float = 2.0) -> None:
        self.gain = gain

    def process(
        self,
        input_array: NDArray[np.float32],
        sample_rate: float,
        buffer_size: int = 8192,
        reset: bool = True,
    ) -> NDArray[np.float32]:
        return input_array * np.float32(self.gain)

    def reset(self) -> None:
        pass

    def to_dict(self) -> dict[str, Any]:
        return {"gain": self.gain}

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Self:
        return cls(**settings)


class Quiet(Denoiser):
    """A subclass, which a preset's "Denoiser" would not bring back."""


@pytest.mark.parametrize(
    "clone",
    [
        copy.copy,
        copy.deepcopy,
        lambda c: pickle.loads(pickle.dumps(c)),
        lambda c: Chain.from_dict(c.to_dict()),
    ],
)
def test_an_effect_of_a_users_own_is_copied_and_pickled(
    clone: Callable[[Chain], Chain], identity: str
) -> None:
    chain = Chain([Louder(3.0), Mix([Louder(0.5), None]), Quiet(identity)])
    twin = clone(chain)
    assert isinstance(twin[0], Louder)
    assert twin[0] is not chain[0]
    assert twin[0].gain == 3.0
    assert type(twin[2]) is Quiet
    assert twin.to_dict() == chain.to_dict()
    sound = noise(2, 4_000)
    np.testing.assert_array_equal(twin(sound, RATE), chain(sound, RATE))


def test_an_effect_of_a_users_own_is_described_by_its_class_and_settings() -> None:
    assert describe_effect(Louder(3.0)) == {"effect": Louder, "settings": {"gain": 3.0}}


def test_a_preset_refuses_an_effect_of_a_users_own_and_writes_nothing(tmp_path: Path) -> None:
    for chain in (Chain([Louder()]), Chain([Mix([None, Louder()])])):
        with pytest.raises(TypeError, match=r"Louder is a class of your own.* Allowed: .*Linked, .*Mix"):
            chain.save_preset(tmp_path / "own.toml")
    assert list(tmp_path.iterdir()) == []


def test_text_never_leads_to_a_class_outside_the_tables() -> None:
    for name in (f"{__name__}:Louder", "Louder", "os:system", "Quiet"):
        with pytest.raises(PresetError, match="which is unknown"):
            make_effect({"effect": name, "settings": {"gain": 3.0}}, "chain[0]")
        assert name not in effect_names()


def test_a_refused_save_keeps_the_preset_that_is_there(tmp_path: Path, identity: str) -> None:
    path = tmp_path / "mine.toml"
    Chain([Denoiser(identity)]).save_preset(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="encode"):
        Chain([Denoiser(identity, mix=0.5)]).save_preset(path, name="\udcff", overwrite=True)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["mine.toml"]


def test_entries_of_shipped_effects_are_plain_values(identity: str) -> None:
    entry = describe_effect(Chain([Denoiser(identity), None]))
    assert json.loads(json.dumps(entry, allow_nan=True)) == entry


@pytest.mark.parametrize("load", [Chain.from_preset, Denoiser.from_preset])
def test_loading_a_preset_makes_each_effect_once(
    load: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    real = Denoiser.__init__

    def counted(self: Denoiser, *args: Any, **settings: Any) -> None:
        made.append(settings)
        real(self, *args, **settings)

    monkeypatch.setattr(Denoiser, "__init__", counted)
    name = "voice" if "voice" in available_presets() else available_presets()[0]
    load(name)
    assert len(made) == 1
