"""The parameter table: ranges, texts, refusals."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from hushgate.engine import PARAMETERS, BlockDenoiser, Model, Parameter

NUMBERS = [p for p in PARAMETERS.values() if p.choices is None]
CHOICES = [p for p in PARAMETERS.values() if p.choices is not None]


@pytest.mark.level(2)
@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=lambda p: p.name)
def test_every_parameter_has_name_unit_range_and_a_default_inside_it(parameter: Parameter) -> None:
    assert PARAMETERS[parameter.name] is parameter
    assert parameter.description.endswith(".")
    assert parameter.validate(parameter.default) == parameter.default
    if parameter.choices is None:
        assert parameter.minimum < parameter.maximum
        ends_with_unit = parameter.unit in ("", "dBFS") or parameter.name.endswith(parameter.unit.lower())
        assert ends_with_unit


@pytest.mark.level(2)
@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=lambda p: p.name)
def test_values_survive_the_way_to_text_and_back(parameter: Parameter, rng: np.random.Generator) -> None:
    values = [parameter.default, *parameter.special, *(parameter.choices or ())]
    if parameter.choices is None:
        values += [parameter.minimum, parameter.maximum]
        values += list(rng.uniform(parameter.minimum, parameter.maximum, 20))
    for value in values:
        assert parameter.parse(parameter.format(value)) == value


@pytest.mark.level(6)
@pytest.mark.parametrize("parameter", NUMBERS, ids=lambda p: p.name)
def test_numbers_out_of_range_are_refused_by_name_and_value(parameter: Parameter) -> None:
    for value in (math.nextafter(parameter.minimum, -math.inf), parameter.maximum + 1e-3, math.nan, math.inf):
        with pytest.raises(ValueError, match=rf"^{parameter.name} must be between .* \(got .*\)\.$"):
            parameter.validate(value)
    for value in ("1.0", True, [1.0], 1j):  # type: ignore[assignment]
        with pytest.raises(TypeError, match=rf"^{parameter.name} must be a number"):
            parameter.validate(value)


@pytest.mark.parametrize("parameter", NUMBERS, ids=lambda p: p.name)
@pytest.mark.parametrize("value", [10**400, -(10**400), 10**5000, Fraction(10**400)], ids=range(4))
def test_numbers_that_no_float_holds_are_refused(parameter: Parameter, value: object) -> None:
    with pytest.raises(
        ValueError, match=rf"^{parameter.name} must be between .* \(got a number beyond 1e308"
    ):
        parameter.validate(value)


@pytest.mark.parametrize("parameter", CHOICES, ids=lambda p: p.name)
def test_other_words_than_the_choices_are_refused(parameter: Parameter) -> None:
    for value in ("", "loud", None, 1.0):
        with pytest.raises(ValueError, match=rf"^{parameter.name} must be one of '"):
            parameter.validate(value)


@pytest.mark.parametrize("parameter", NUMBERS, ids=lambda p: p.name)
def test_text_that_is_no_number_is_refused(parameter: Parameter) -> None:
    for text in ("", "loud", "1,0", "nan"):
        with pytest.raises(ValueError, match=rf"^{parameter.name} must be between"):
            parameter.parse(text)


def test_special_values_have_words() -> None:
    assert PARAMETERS["gate_threshold_db"].parse("off") == -math.inf
    assert PARAMETERS["gate_threshold_db"].parse("-inf") == -math.inf
    assert PARAMETERS["attenuation_limit_db"].parse("None") is None
    assert PARAMETERS["attenuation_limit_db"].validate(None) is None


def test_numbers_of_any_kind_become_float() -> None:
    for value in (1, np.float32(1.0), np.int64(1)):
        assert type(PARAMETERS["mix"].validate(value)) is float


@pytest.mark.level(6)
@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=lambda p: p.name)
def test_properties_read_what_was_written_and_keep_it_when_refusing(
    parameter: Parameter, identity: Model, rng: np.random.Generator
) -> None:
    denoiser = BlockDenoiser(identity)
    assert getattr(denoiser, parameter.name) == parameter.default
    values = list(parameter.choices or rng.uniform(parameter.minimum, parameter.maximum, 5))
    for value in [*values, *parameter.special]:
        setattr(denoiser, parameter.name, value)
        assert getattr(denoiser, parameter.name) == value
        for bad in (math.nan, "loud"):
            with pytest.raises((TypeError, ValueError)):
                setattr(denoiser, parameter.name, bad)
        assert getattr(denoiser, parameter.name) == value
    assert getattr(BlockDenoiser(identity, **{parameter.name: value}), parameter.name) == value


def test_unknown_parameters_are_refused(identity: Model) -> None:
    with pytest.raises(TypeError, match="no parameter 'strength'"):
        BlockDenoiser(identity, strength=1.0)
    with pytest.raises(ValueError, match="mix must be between"):
        BlockDenoiser(identity, mix=2.0)
