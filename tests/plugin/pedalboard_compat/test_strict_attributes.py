"""Misspelt settings are refused, as by pedalboard's plugins, and the nearest name is given."""

from __future__ import annotations

from typing import Any

import pedalboard
import pytest

from hushgate import Chain, Denoiser, Mix, Tuner


def _make(kind: type, identity: str) -> Any:
    return kind(identity) if kind is Denoiser else kind()


@pytest.mark.parametrize(
    ("kind", "name", "nearest"),
    [
        (Denoiser, "attenuation_limit", "attenuation_limit_db"),
        (Denoiser, "atack_ms", "attack_ms"),
        (Chain, "latency_sample", "latency_samples"),
        (Mix, "num_nonfinit", "num_nonfinite"),
        (Tuner, "readings_per_second", "readings_per_s"),
    ],
)
def test_a_misspelt_setting_is_refused_and_the_nearest_name_given(
    kind: type, name: str, nearest: str, identity: str
) -> None:
    effect = _make(kind, identity)
    with pytest.raises(AttributeError, match=rf"{kind.__name__} has no attribute '{name}'") as caught:
        setattr(effect, name, 10)
    assert f"Did you mean '{nearest}'?" in str(caught.value)
    assert not hasattr(effect, name)


def test_pedalboard_refuses_them_too() -> None:
    with pytest.raises(AttributeError):
        pedalboard.Gain().gain = 3.0  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [Denoiser, Chain, Mix, Tuner])
def test_a_subclass_declares_attributes_of_its_own_by_annotations(kind: type, identity: str) -> None:
    labelled = type("Labelled", (kind,), {"__annotations__": {"label": str}})
    effect = labelled(identity) if kind is Denoiser else labelled()
    effect.label = "left"
    effect._private = 1
    assert effect.label == "left"
    with pytest.raises(AttributeError, match="Did you mean 'label'"):
        effect.labl = "right"
    with pytest.raises(AttributeError, match="declares its own attributes by annotations in its body"):
        effect.xyzzy = 1


@pytest.mark.parametrize("name", ["presence", "num_nonfinite", "model", "latency_samples"])
def test_readings_cannot_be_set(name: str, identity: str) -> None:
    with pytest.raises(AttributeError, match=name):
        setattr(Denoiser(identity), name, 1)
