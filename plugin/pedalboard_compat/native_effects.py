"""pedalboard's effects and their parameters, read from the installed pedalboard.

Presets and copies name native effects by class. The classes that may be named are read from the installed
pedalboard: every effect that can be made without an argument and whose constructor takes plain numbers,
switches and choices. Containers, plugins from files, and effects that read a file do not qualify, so
describing an effect never opens or runs a file.
"""

from __future__ import annotations

import functools
import math
import numbers
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pedalboard

from hushgate.pedalboard_compat.native_ranges import range_of

_SIGNATURE = re.compile(r"__init__\(self: [\w.]+(?P<parameters>.*)\) -> None")
_PARAMETER = re.compile(r", (\w+): ")

# Effects that pedalboard itself cannot run block by block: at each call with `reset=False`, PitchShift
# and GSMFullRateCompressor drop the samples they hold, and the others shift the sound when block sizes vary.
NOT_STREAMABLE = frozenset({"GSMFullRateCompressor", "MP3Compressor", "PitchShift", "Resample"})

Setting = float | bool | str


@dataclass(frozen=True)
class NativeParameter:
    """One argument of a native effect's constructor.

    Attributes:
        name: pedalboard's name of the argument and of the property.
        default: The constructor's default; a choice by its name.
        choices: The enumeration's members by name; None for numbers and switches.
    """

    name: str
    default: Setting
    choices: Mapping[str, Any] | None = None

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.choices is not None:
            return "one of " + ", ".join(repr(name) for name in self.choices)
        return "true or false" if isinstance(self.default, bool) else str(range_of(self.name))

    def to_native(self, value: object) -> Any:
        """`value` as the constructor takes it.

        Raises:
            TypeError: Not a number, switch or name where one is needed.
            ValueError: Not one of the choices, or out of range.
        """
        if self.choices is not None:
            if isinstance(value, str) and value in self.choices:
                return self.choices[value]
            raise ValueError(f"{self.name} must be {self.allowed} (got {value!r}).")
        is_switch = isinstance(self.default, bool)
        if isinstance(value, bool) != is_switch or not isinstance(value, numbers.Real):
            raise TypeError(f"{self.name} must be {self.allowed} (got {value!r}).")
        if is_switch:
            return value
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        allowed = range_of(self.name)
        if not allowed.lowest <= number <= allowed.highest:  # false for NaN
            raise ValueError(f"{self.name} must be {self.allowed} (got {value}).")
        return number

    def from_native(self, value: Any) -> Setting:
        """A property's value as plain data. `to_native` of it gives the same value."""
        if self.choices is not None:
            return str(value.name)
        return value if isinstance(value, bool) else _shortest(float(value))


@dataclass(frozen=True)
class NativeEffect:
    """A class of pedalboard that can be described by plain values.

    >>> sorted(native_effects()["Compressor"].parameters)
    ['attack_ms', 'ratio', 'release_ms', 'threshold_db']
    """

    kind: type[pedalboard.Plugin]
    parameters: Mapping[str, NativeParameter]

    def __hash__(self) -> int:
        return hash(self.kind)

    def make(self, settings: Mapping[str, object]) -> pedalboard.Plugin:
        """A new effect; settings that are left out take pedalboard's defaults.

        Raises:
            ValueError: An unknown name, or a value out of range.
            TypeError: A value of the wrong type.
        """
        arguments = {}
        for name, value in settings.items():
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise ValueError(f"{name!r} is not a parameter of {self.kind.__name__}. Known: {known}.")
            arguments[name] = self.parameters[name].to_native(value)
        try:
            return self.kind(**arguments)
        except (ValueError, TypeError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            for name, value in arguments.items():
                if self._refuses(name, value):
                    raise ValueError(f"{name} cannot be {value}: {reason}") from None
            raise ValueError(reason) from None

    def read(self, effect: pedalboard.Plugin) -> dict[str, Setting]:
        """The settings of an effect of this class."""
        return {name: p.from_native(getattr(effect, name)) for name, p in self.parameters.items()}

    def _refuses(self, name: str, value: Any) -> bool:
        try:
            self.kind(**{name: value})
        except (ValueError, TypeError, RuntimeError):
            return True
        return False


@functools.cache
def native_effects() -> Mapping[str, NativeEffect]:
    """Every native effect that plain values can describe, by class name."""
    found = {}
    for name, kind in sorted(vars(pedalboard).items()):
        if not isinstance(kind, type) or not issubclass(kind, pedalboard.Plugin):
            continue
        if issubclass(kind, pedalboard.ExternalPlugin | pedalboard.PluginContainer):
            continue
        if (parameters := _parameters(kind)) is not None:
            found[name] = NativeEffect(kind, parameters)
    return found


def describe_native(effect: pedalboard.Plugin) -> tuple[str, dict[str, Setting]]:
    """Class name and settings of a native effect.

    Raises:
        TypeError: It cannot be described by plain values: a plugin from a file, or one that reads a file.
    """
    native = native_effects().get(type(effect).__name__)
    if native is None or native.kind is not type(effect):
        raise TypeError(f"{effect!r} cannot be described by plain values. Make it again where it is needed.")
    return type(effect).__name__, native.read(effect)


def _parameters(kind: type[pedalboard.Plugin]) -> dict[str, NativeParameter] | None:
    """Names from the signature in pybind11's docstring; types from a new object's properties."""
    signature = _SIGNATURE.search(kind.__init__.__doc__ or "")
    try:
        example = kind()
    except (TypeError, ValueError, RuntimeError):
        return None
    if signature is None:
        return None
    parameters = {}
    for name in _PARAMETER.findall(signature["parameters"]):
        value: Any = getattr(example, name, None)
        members = getattr(type(value), "__members__", None)
        if members is not None:
            parameters[name] = NativeParameter(name, str(value.name), dict(members))
        elif isinstance(value, bool | float):
            parameters[name] = NativeParameter(name, value if isinstance(value, bool) else _shortest(value))
        else:
            return None
    return parameters


def _shortest(value: float) -> float:
    """A single-precision number with as few digits as it needs: 0.33 and not 0.33000001311."""
    short = float(str(np.float32(value)))
    return short if np.float32(value) == value else value
