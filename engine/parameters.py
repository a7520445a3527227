"""Every setting of the denoiser: name, unit, range, default. The only place they are written down.

Constructor checks, properties, command-line flags and preset keys all read this table.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field

Value = float | str | None


@dataclass(frozen=True)
class Parameter:
    """One setting: its unit, what it may be, and how to read and write it as text.

    Attributes:
        name: Python name, also the preset key; the command-line flag has dashes for underscores.
        unit: "dB", "dBFS", "ms", or "" for plain numbers and choices.
        minimum, maximum: Inclusive range of a number; NaN for choices.
        default: Value of a new denoiser.
        description: One sentence for help texts.
        choices: Allowed words, or None for a number.
        special: Allowed values outside the range, each with the word it is written as.

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
        """`value` in the form that is stored: float, word or None.

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
        number = float(value)
        if number in self.special:
            return number
        if not self.minimum <= number <= self.maximum:  # also catches NaN
            raise ValueError(f"{self.name} must be {self.allowed} (got {number}).")
        return number

    def parse(self, text: str) -> Value:
        """The value that `text` stands for, as typed on a command line; inverse of `format`.

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
        """`value` as text that `parse` reads back exactly.

        >>> PARAMETERS["gate_threshold_db"].format(-math.inf)
        'off'
        """
        value = self.validate(value)
        if isinstance(value, str):
            return value
        return self.special.get(value, repr(value))

    @property
    def allowed(self) -> str:
        """The condition a value must meet, in words, for error and help texts.

        >>> PARAMETERS["gate_threshold_db"].allowed
        'between -100.0 and 0.0 dBFS, or -inf (off)'
        """
        if self.choices is not None:
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        text = f"between {self.minimum} and {self.maximum}" + (f" {self.unit}" if self.unit else "")
        for value, word in self.special.items():
            text += f", or {value}" + ("" if str(value).lower() == word else f" ({word})")
        return text


_ALL = (
    Parameter("mix", "", 0.0, 1.0, 1.0, "Share of the processed sound; 0 is the aligned input."),
    Parameter(
        "attenuation_limit_db",
        "dB",
        0.0,
        120.0,
        None,
        "How much may be removed, by model and gate together.",
        special={None: "none"},
    ),
    Parameter(
        "gate_threshold_db",
        "dBFS",
        -100.0,
        0.0,
        -math.inf,
        "Level of the wanted sound that opens the gate.",
        special={-math.inf: "off"},
    ),
    Parameter("gate_floor_db", "dB", -120.0, 0.0, -80.0, "Gain of the closed gate."),
    Parameter(
        "gate_hysteresis_db",
        "dB",
        0.0,
        40.0,
        6.0,
        "How far the sound must fall below what opened the gate before it closes.",
    ),
    Parameter("attack_ms", "ms", 0.0, 1000.0, 1.0, "Time in which the gate opens by 63 %."),
    Parameter("hold_ms", "ms", 0.0, 5000.0, 100.0, "Time the gate stays open after the sound has fallen."),
    Parameter("release_ms", "ms", 0.0, 5000.0, 100.0, "Time in which the gate closes by 63 % of its dB."),
    Parameter(
        "presence_db",
        "dB",
        -60.0,
        60.0,
        0.0,
        "How far the wanted sound must stand above the noise to open the gate; -60 asks for nothing.",
    ),
    Parameter(
        "output",
        "",
        math.nan,
        math.nan,
        "denoised",
        "The cleaned sound, or what was taken away from it.",
        choices=("denoised", "residual"),
    ),
    Parameter(
        "channel_link",
        "",
        math.nan,
        math.nan,
        "linked",
        "One mask and gate for all channels, which keeps the image still, or one for each.",
        choices=("linked", "independent"),
    ),
)

PARAMETERS: dict[str, Parameter] = {parameter.name: parameter for parameter in _ALL}
