"""TOML tables read into dataclasses; every key and type is checked."""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def read_values(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Read a TOML file as plain data; `overrides` are "table.key=value" with the value in TOML.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file or an override is not TOML, or an override names no table.
    """
    with open(path, "rb") as file:
        try:
            values = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path} is not valid TOML: {error}.") from error
    for override in overrides:
        key, separator, text = override.partition("=")
        try:
            parsed = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError as error:
            raise ValueError(
                f"--set must be table.key=value with a TOML value (got {override!r}). Quote strings."
            ) from error
        key = key.strip()
        if not separator or "." not in key:
            raise ValueError(f"--set must be table.key=value (got {override!r}).")
        try:
            set_value(values, key, parsed)
        except ValueError as error:
            raise ValueError(f"--set {override}: {error}") from error
    return values


def set_value(values: dict[str, Any], name: str, value: Any) -> None:
    """Set the key of a table, "table.key", in plain data, in place; tables that are missing are made.

    Raises:
        ValueError: What should be a table is none.
    """
    *tables, last = name.split(".")
    table = values
    for depth, one in enumerate(tables, 1):
        table = table.setdefault(one, {})
        if not isinstance(table, dict):
            place = ".".join(tables[:depth])
            raise ValueError(f"{name} must be a key of a table, and {place} is none. Set all of {place}.")
    table[last] = value


def toml_string(text: str) -> str:
    """Write a string as TOML."""
    # A JSON string is a valid TOML basic string.
    return json.dumps(text, ensure_ascii=False)


def build(kind: type, values: Any, where: str) -> Any:
    """Make a dataclass from a table; fields that are dataclasses themselves are tables within it.

    Raises:
        ValueError: An unknown key, a value of the wrong type or one that the dataclass refuses; begins
            with `where`.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{where} must be a table (got {values!r}).")
    hints = typing.get_type_hints(kind)
    unknown = [key for key in values if key not in hints]
    if unknown:
        raise ValueError(f"{where} has no key {unknown[0]!r}. Known keys: {', '.join(sorted(hints))}.")
    converted = {key: _convert(hints[key], value, f"{where}: {key}") for key, value in values.items()}
    try:
        return kind(**converted)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, where)
    if origin in (tuple, Sequence):
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where} must be a list (got {value!r}).")
        inner = typing.get_args(hint)
        if origin is Sequence or (len(inner) == 2 and isinstance(inner[1], types.EllipsisType)):
            return tuple(_convert(inner[0], item, where) for item in value)
        if len(value) != len(inner):
            raise ValueError(f"{where} must have {len(inner)} values (got {len(value)}).")
        return tuple(_convert(one, item, where) for one, item in zip(inner, value, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if origin is Mapping:
        if not isinstance(value, Mapping):
            raise ValueError(f"{where} must be a table (got {value!r}).")
        return value
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"{where} must be {hint.__name__} (got {value!r}).")
    return value
