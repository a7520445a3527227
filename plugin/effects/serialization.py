"""Effects as plain values and back: what presets and pickles hold.

An entry is a table with the key `effect` and that effect's settings. Only the names that are listed
here lead to an object, and only through the classes themselves: an entry cannot name a module, a
file of code, or an attribute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pedalboard

from hushgate.engine import PARAMETERS
from hushgate.errors import PresetError
from hushgate.pedalboard_compat.effect_protocol import Container, Effect
from hushgate.pedalboard_compat.native_effects import describe_native, native_effects

if TYPE_CHECKING:
    from hushgate.effects.denoiser import Denoiser

_LISTS = ("Chain", "Mix")
_LIST_KEY = "effects"


def effect_names() -> list[str]:
    """Every name that an entry's `effect` may have."""
    return sorted([*_LISTS, "Denoiser", *native_effects()])


def describe_effect(effect: Effect | None) -> dict[str, Any]:
    """The entry of an effect; `make_effect` makes an equal one of it.

    Raises:
        TypeError: An effect that plain values cannot describe.
    """
    from hushgate.effects.chain import Chain
    from hushgate.effects.denoiser import Denoiser
    from hushgate.effects.mix import Mix

    if effect is None:
        return {"effect": "Chain", _LIST_KEY: []}
    if isinstance(effect, Denoiser):
        return {"effect": "Denoiser", **effect.to_dict()}
    if isinstance(effect, Chain | Mix):
        return {"effect": "Mix" if effect.is_parallel else "Chain", **effect.to_dict()}
    if isinstance(effect, pedalboard.PluginContainer):
        name = "Mix" if isinstance(effect, pedalboard.Mix) else "Chain"
        return {"effect": name, _LIST_KEY: [describe_effect(member) for member in effect]}
    if isinstance(effect, pedalboard.Plugin):
        name, settings = describe_native(effect)
        return {"effect": name, **settings}
    raise TypeError(f"{effect!r} cannot be described by plain values. Make it again where it is needed.")


def make_effect(entry: object, where: str, folder: Path | None = None) -> Effect:
    """A new effect.

    Args:
        entry: The table.
        where: What the entry is called in error messages, such as "chain[0]".
        folder: What paths of model files are relative to.

    Raises:
        PresetError: Something is missing, unknown or out of range; names it, and what is allowed.
    """
    from hushgate.effects.chain import Chain
    from hushgate.effects.mix import Mix

    if not isinstance(entry, Mapping):
        raise PresetError(f"{where} must be a table with the key effect (got {entry!r}).")
    name = entry.get("effect")
    if name not in effect_names():
        given = "missing" if name is None else f"{name!r}, which is unknown"
        raise PresetError(f"{where}.effect is {given}. Allowed: {', '.join(effect_names())}.")
    settings = {key: value for key, value in entry.items() if key != "effect"}
    if name in _LISTS:
        members = make_members(settings, f"{where}.", folder)
        return Mix(members) if name == "Mix" else Chain(members)
    if name == "Denoiser":
        return _make_denoiser(settings, where, folder)
    try:
        return native_effects()[name].make(settings)
    except (ValueError, TypeError) as error:
        raise PresetError(f"{where} ({name}): {error}") from error


def make_members(settings: Mapping[str, Any], prefix: str, folder: Path | None = None) -> list[Effect]:
    """The effects of a table with nothing but a list of entries named `effects`.

    Raises:
        PresetError: As `make_effect`.
    """
    unknown = [key for key in settings if key != _LIST_KEY]
    if unknown:
        raise PresetError(f"{prefix}{unknown[0]} is unknown. Allowed: {_LIST_KEY}.")
    entries = settings.get(_LIST_KEY)
    if not isinstance(entries, list):
        raise PresetError(f"{prefix}{_LIST_KEY} must be a list of tables (got {entries!r}).")
    return [make_effect(entry, f"{prefix}{_LIST_KEY}[{i}]", folder) for i, entry in enumerate(entries)]


def find_denoisers(effect: Effect | None) -> Iterator[Denoiser]:
    """Every `Denoiser` in an effect, however deep."""
    from hushgate.effects.denoiser import Denoiser

    if isinstance(effect, Denoiser):
        yield effect
    elif isinstance(effect, Container):
        for member in effect.members:
            yield from find_denoisers(member)


def _make_denoiser(settings: Mapping[str, Any], where: str, folder: Path | None) -> Denoiser:
    from hushgate.effects.denoiser import Denoiser

    arguments: dict[str, Any] = {}
    for key, value in settings.items():
        if key == "model":
            if not isinstance(value, str):
                raise PresetError(f"{where}.model must be a model's name or path (got {value!r}).")
            arguments[key] = _model_path(value, folder)
        elif key in PARAMETERS:
            parameter = PARAMETERS[key]
            # Words too: TOML has none for "no limit".
            read = parameter.parse if isinstance(value, str) else parameter.validate
            try:
                arguments[key] = read(value)
            except OverflowError:
                raise PresetError(f"{where}.{key} must be {parameter.allowed} (got {value}).") from None
            except (ValueError, TypeError) as error:
                raise PresetError(f"{where}.{error}") from error
        else:
            known = ", ".join(["model", *PARAMETERS])
            raise PresetError(f"{where}.{key} is unknown. Allowed for Denoiser: {known}.")
    try:
        return Denoiser(**arguments)
    except (OSError, ValueError) as error:
        raise PresetError(f"{where}.model: {error}") from error


def is_model_path(model: str) -> bool:
    """Whether a model is named by a path; a name without a folder and extension is a shipped model."""
    return model.endswith(".onnx") or len(Path(model).parts) > 1


def _model_path(model: str, folder: Path | None) -> str:
    return str(folder / model) if folder is not None and is_model_path(model) else model
