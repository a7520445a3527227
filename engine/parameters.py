"""The table of the denoiser's parameters: unit, range, default, choices and help text.

Checks, properties, command-line flags, preset keys and the gate read this table. A parameter is written down
in two places: here, and in the typed signature of `hushgate.Denoiser`. A test compares the two.
"""

from __future__ import annotations

import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, get_args, overload

Value = float | str | None
Output = Literal["denoised", "residual"]
ChannelLink = Literal["linked", "independent"]

T = TypeVar("T")


@dataclass(frozen=True)
class Parameter:
    """One row of the table: unit, range, default and help text; reading and writing a value as text.

    Attributes:
        name: Python name, also the preset key. The command-line flag has dashes for underscores.
        unit: "dB", "dBFS", "ms", or "" for plain numbers and choices.
        minimum, maximum: Inclusive range of a number; NaN for choices.
        default: Value of a new denoiser.
        description: One sentence for help texts.
        choices: Allowed words, or None for a number.
        special: Allowed values outside the range, each with its word in text.

    >>> PARAMETERS["mix"].validate(1)
    1.0
    >>> PARAMETERS["release_ms"].validate(-10.0)
    Traceback (most recent call last):
        ...
    ValueError: release_ms must be between 0.0 and 5000.0 ms (got -10.0).
    """

    name: str
    unit: str
    minimum: float
    maximum: float
    default: Value
    description: str
    choices: tuple[str, ...] | None = None
    special: Mapping[Value, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.name)

    def validate(self, value: object) -> Value:
        """`value` as it is stored: a float, a word or None.

        Raises:
            TypeError: Not a number where one is needed.
            ValueError: Outside the range, or not one of the choices.
        """
        if self.choices is not None:
            if isinstance(value, str) and value in self.choices:
                return value
            raise ValueError(f"{self.name} must be {self.allowed} (got {value!r}).")
        if value is None and None in self.special:
            return None
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"{self.name} must be a number {self.allowed} (got {value!r}).")
        try:
            number = float(value)
        except OverflowError:
            raise ValueError(f"{self.name} must be {self.allowed} (got a number beyond 1e308).") from None
        if number in self.special:
            return number
        if not self.minimum <= number <= self.maximum:  # also catches NaN
            raise ValueError(f"{self.name} must be {self.allowed} (got {number}).")
        return number

    def parse(self, text: str) -> Value:
        """The value of `text` from a command line or preset; the inverse of `format`.

        >>> PARAMETERS["attenuation_limit_db"].parse("none"), PARAMETERS["mix"].parse("0.5")
        (None, 0.5)
        """
        word = text.strip().lower()
        if self.choices is not None:
            return self.validate(word)
        for value, name in self.special.items():
            if word == name:
                return value
        try:
            number = float(word)
        except ValueError:
            raise ValueError(f"{self.name} must be {self.allowed} (got {text!r}).") from None
        return self.validate(number)

    def format(self, value: Value) -> str:
        """`value` as text. `parse` of it gives the same value.

        >>> PARAMETERS["gate_threshold_db"].format(-math.inf)
        'off'
        """
        value = self.validate(value)
        if isinstance(value, str):
            return value
        return self.special.get(value, repr(value))

    @property
    def allowed(self) -> str:
        """The range or the choices in words, for error and help texts.

        >>> PARAMETERS["gate_threshold_db"].allowed
        'between -100.0 and 0.0 dBFS, or -inf (off)'
        """
        if self.choices is not None:
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        text = f"between {self.minimum} and {self.maximum}" + (f" {self.unit}" if self.unit else "")
        for value, word in self.special.items():
            text += f", or {value}" + ("" if str(value).lower() == word else f" ({word})")
        return text


class _Property(Generic[T]):
    """One parameter as a typed property of a class with `ParameterProperties`; args as `Parameter`."""

    def __init__(
        self,
        unit: str,
        minimum: float,
        maximum: float,
        default: T,
        description: str,
        *,
        choices: tuple[str, ...] | None = None,
        special: Mapping[Value, str] | None = None,
    ) -> None:
        self._row: tuple[Any, ...] = (unit, minimum, maximum, default, description, choices, special or {})

    def __set_name__(self, owner: type, name: str) -> None:
        self.parameter = Parameter(name, *self._row)
        self.__doc__ = f"{self.parameter.description} Must be {self.parameter.allowed}."

    @overload
    def __get__(self, instance: None, owner: type) -> _Property[T]: ...
    @overload
    def __get__(self, instance: ParameterProperties, owner: type) -> T: ...
    def __get__(self, instance: ParameterProperties | None, owner: type) -> T | _Property[T]:
        if instance is None:
            return self
        return instance._get_parameter(self.parameter.name)  # type: ignore[return-value]

    def __set__(self, instance: ParameterProperties, value: T) -> None:
        instance._set_parameter(self.parameter.name, value)


class ParameterProperties(ABC):
    """Base class that offers every parameter as a property. The rows below are the table itself."""

    mix = _Property[float]("", 0.0, 1.0, 1.0, "Share of the processed sound; 0 is the aligned input.")
    attenuation_limit_db = _Property[float | None](
        "dB", 0.0, 120.0, None, "Most that model and gate together may remove.", special={None: "none"}
    )
    hum_reduction_db = _Property[float](
        "dB",
        0.0,
        60.0,
        0.0,
        "How far steady mains hum (50 or 60 Hz and multiples) is turned down; 0 leaves it.",
    )
    gate_threshold_db = _Property[float](
        "dBFS",
        -100.0,
        0.0,
        -math.inf,
        "Level of the wanted sound that opens the gate.",
        special={-math.inf: "off"},
    )
    gate_floor_db = _Property[float]("dB", -120.0, 0.0, -80.0, "Gain of the closed gate.")
    gate_hysteresis_db = _Property[float](
        "dB", 0.0, 40.0, 6.0, "Drop below the opening level at which the gate closes."
    )
    attack_ms = _Property[float]("ms", 0.0, 1000.0, 1.0, "Time in which the gate opens by 63 %.")
    hold_ms = _Property[float](
        "ms", 0.0, 5000.0, 100.0, "Time the gate stays open after the sound has fallen."
    )
    release_ms = _Property[float](
        "ms", 0.0, 5000.0, 100.0, "Time in which the gate closes by 63 % of its dB."
    )
    presence_db = _Property[float](
        "dB",
        -60.0,
        60.0,
        0.0,
        "Level of the wanted sound above the noise that opens the gate; -60 switches this condition off.",
    )
    output = _Property[Output](
        "",
        math.nan,
        math.nan,
        "denoised",
        "The cleaned sound, or the sound that was removed.",
        choices=get_args(Output),
    )
    channel_link = _Property[ChannelLink](
        "",
        math.nan,
        math.nan,
        "linked",
        "One mask and gate for all channels, which keeps the stereo image, or one for each.",
        choices=get_args(ChannelLink),
    )

    @abstractmethod
    def _get_parameter(self, name: str) -> Value:
        """The value of a parameter."""

    @abstractmethod
    def _set_parameter(self, name: str, value: object) -> None:
        """Check a value and store it."""


PARAMETERS: dict[str, Parameter] = {
    name: row.parameter for name, row in vars(ParameterProperties).items() if isinstance(row, _Property)
}


class ParameterValues(ParameterProperties):
    """A checked value of every parameter, which cannot be changed.

    Args:
        **values: Values by name; the others take their defaults.

    Raises:
        TypeError: A name that is not in the table, or not a number where one is needed.
        ValueError: A value out of range, or not one of the choices.

    >>> ParameterValues(hold_ms=20).hold_ms, ParameterValues().gate_threshold_db
    (20.0, -inf)
    """

    def __init__(self, **values: Any) -> None:
        unknown = sorted(values.keys() - PARAMETERS.keys())
        if unknown:
            raise TypeError(f"there is no parameter {unknown[0]!r}. Known: {', '.join(PARAMETERS)}.")
        self._values = {name: p.validate(values.get(name, p.default)) for name, p in PARAMETERS.items()}

    def __repr__(self) -> str:
        return f"ParameterValues({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParameterValues) and self._values == other._values

    def __hash__(self) -> int:
        return hash(tuple(self._values.values()))

    def _get_parameter(self, name: str) -> Value:
        return self._values[name]

    def _set_parameter(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} of ParameterValues cannot be changed. Make new ParameterValues.")
