"""Command-line flags for the denoiser's parameters, made from the engine's table."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection

from hushgate.engine.parameters import PARAMETERS, Parameter, Value

_DEST = "parameter_"

GATE_PARAMETERS = (
    "presence_db",
    "gate_floor_db",
    "gate_hysteresis_db",
    "attack_ms",
    "hold_ms",
    "release_ms",
)
"""Parameters that do nothing while `gate_threshold_db` is off."""


def add_parameter_flags(parser: argparse.ArgumentParser, *, exclude: Collection[str] = ()) -> None:
    """Add one flag for each of `PARAMETERS` but `exclude`, named like it with dashes: `--release-ms`."""
    group = parser.add_argument_group(
        "parameters",
        "The gate is off until --gate-threshold-db is set, by a preset or here; presence, floor, hysteresis, "
        "attack, hold and release are its settings.",
    )
    for parameter in PARAMETERS.values():
        if parameter.name in exclude:
            continue
        default = parameter.format(parameter.default)
        allowed = parameter.allowed[0].upper() + parameter.allowed[1:]
        text = f"{parameter.description} {allowed}; default {default}."
        group.add_argument(
            "--" + parameter.name.replace("_", "-"),
            dest=_DEST + parameter.name,
            type=_reader(parameter),
            metavar="WORD" if parameter.choices else (parameter.unit or "NUMBER").upper(),
            help=text.replace("%", "%%"),
        )


def given_parameters(args: argparse.Namespace) -> dict[str, Value]:
    """The parameters that were given as flags, by name; the others keep the model's or preset's value."""
    given = {name: getattr(args, _DEST + name, None) for name in PARAMETERS}
    return {name: value[0] for name, value in given.items() if value is not None}


def _reader(parameter: Parameter) -> Callable[[str], tuple[Value]]:
    def read(text: str) -> tuple[Value]:
        # A 1-tuple tells the value None ("no limit") from a flag that was not given.
        try:
            return (parameter.parse(text),)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read
