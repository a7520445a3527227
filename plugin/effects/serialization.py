"""Effects as entries and back: the contents of presets, copies and pickles.

An entry is a table with the key `effect` and that effect's settings. In a preset file `effect` is a name: one
of pedalboard's effects, or one of hushgate's. A name leads to a class only through the tables here
and in `native_effects`, so an entry cannot name a module, a file of code or an attribute. In copies and
pickles `effect` may also be a class of the user's own; no file format can hold that.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushgate.engine import PARAMETERS
from hushgate.errors import PresetError
from hushgate.pedalboard_compat.effect_protocol import Effect

if TYPE_CHECKING:
    from hushgate.pedalboard_compat.native_effects import NativeEffect

# Import strings, resolved on use: these modules import this one.
_CLASSES = {
    "Chain": "hushgate.effects.chain:Chain",
    "Denoiser": "hushgate.effects.denoiser:Denoiser",
    "HumRemover": "hushgate.effects.hum_remover:HumRemover",
    "Linked": "hushgate.effects.linked:Linked",
    "Mix": "hushgate.effects.mix:Mix",
}
_LISTS = ("Chain", "Linked", "Mix")
_LIST_KEY = "effects"
_SETTINGS_KEY = "settings"


def effect_names() -> list[str]:
    """Every name that an entry's `effect` may have."""
    return sorted([*_CLASSES, *_native_effects()])


def _native_effects() -> Mapping[str, NativeEffect]:
    from hushgate.pedalboard_compat.native_effects import native_effects  # loads pedalboard

    return native_effects()


def describe_effect(effect: Effect | None) -> dict[str, Any]:
    """The entry of an effect. `make_effect` of it makes an equal one.

    Args:
        effect: An effect of hushgate or pedalboard, None for no change, or an object of your own with a
            method `to_dict` and a class method `from_dict` that accepts its result.

    Returns:
        Plain values under the key `effect` and the names of the settings. For an object of your own
        `{"effect": its class, "settings": its to_dict()}`.

    Raises:
        TypeError: An effect that cannot be described.
    """
    if effect is None:
        return {"effect": "Chain", _LIST_KEY: []}
    for name in _CLASSES:
        if type(effect) is _class(name):
            return {"effect": name, **effect.to_dict()}  # type: ignore[attr-defined]
    import pedalboard

    from hushgate.pedalboard_compat.native_effects import describe_native

    if isinstance(effect, pedalboard.PluginContainer):
        name = "Mix" if isinstance(effect, pedalboard.Mix) else "Chain"
        return {"effect": name, _LIST_KEY: [describe_effect(member) for member in effect]}
    if isinstance(effect, pedalboard.Plugin):
        name, settings = describe_native(effect)
        return {"effect": name, **settings}
    if _describes_itself(type(effect)):
        return {"effect": type(effect), _SETTINGS_KEY: effect.to_dict()}  # type: ignore[attr-defined]
    raise TypeError(
        f"{effect!r} cannot be described. Give its class a method to_dict and a class method from_dict, "
        "or make it again where it is needed."
    )


def make_effect(entry: object, where: str, folder: Path | None = None) -> Effect:
    """A new effect.

    Args:
        entry: The table.
        where: Name of the entry in error messages, such as "chain[0]".
        folder: Folder that paths of model files are relative to.

    Raises:
        PresetError: A key or value is missing, unknown or out of range; names it, and the allowed ones.
    """
    if not isinstance(entry, Mapping):
        raise PresetError(f"{where} must be a table with the key effect (got {entry!r}).")
    name = entry.get("effect")
    if isinstance(name, type) and _describes_itself(name):
        own: Effect = name.from_dict(entry[_SETTINGS_KEY])  # type: ignore[attr-defined]
        return own
    if name not in effect_names():
        given = "missing" if name is None else f"{name!r}, which is unknown"
        raise PresetError(f"{where}.effect is {given}. Allowed: {', '.join(effect_names())}.")
    settings = {key: value for key, value in entry.items() if key != "effect"}
    if name in _LISTS:
        try:
            return _class(name)(make_members(settings, f"{where}.", folder))
        except TypeError as error:
            raise PresetError(f"{where}: {error}") from error
    if name == "Denoiser":
        return _make_denoiser(settings, where, folder)
    if name == "HumRemover":
        remover: Effect = _class(name)(**_parameters(settings, ["hum_reduction_db"], name, where))
        return remover
    try:
        return _native_effects()[name].make(settings)
    except (ValueError, TypeError) as error:
        raise PresetError(f"{where} ({name}): {error}") from error


def make_members(settings: Mapping[str, Any], prefix: str, folder: Path | None = None) -> list[Effect]:
    """The effects of a table whose only key is `effects`, a list of entries.

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


def is_model_path(model: str) -> bool:
    """True for a path. A name without a folder and extension is a shipped model."""
    return model.endswith(".onnx") or len(Path(model).parts) > 1


def _class(name: str) -> Callable[..., Effect]:
    module, _, attribute = _CLASSES[name].partition(":")
    kind: type[Effect] = getattr(importlib.import_module(module), attribute)
    return kind


def _describes_itself(kind: type) -> bool:
    return callable(getattr(kind, "to_dict", None)) and callable(getattr(kind, "from_dict", None))


def _make_denoiser(settings: dict[str, Any], where: str, folder: Path | None) -> Effect:
    model = settings.pop("model", None)
    if model is not None and not isinstance(model, str):
        raise PresetError(f"{where}.model must be a model's name or path (got {model!r}).")
    # Not parameters of the sound: a description for a copy or another process has them, a preset need not.
    runs = {key: settings.pop(key) for key in ("engine", "device") if key in settings}
    arguments = runs | _parameters(settings, list(PARAMETERS), "Denoiser", where)
    if model is not None:
        arguments["model"] = _model_path(model, folder)
    try:
        return _class("Denoiser")(**arguments)
    except (OSError, ValueError) as error:
        raise PresetError(f"{where}.model: {error}") from error


def _parameters(settings: Mapping[str, Any], allowed: list[str], effect: str, where: str) -> dict[str, Any]:
    """The values of an entry's parameters, checked."""
    values: dict[str, Any] = {}
    for key, value in settings.items():
        if key not in allowed:
            known = ", ".join([*(["model"] if effect == "Denoiser" else []), *allowed])
            raise PresetError(f"{where}.{key} is unknown. Allowed for {effect}: {known}.")
        parameter = PARAMETERS[key]
        # TOML has no value for "no limit", so words are read as on the command line.
        read = parameter.parse if isinstance(value, str) else parameter.validate
        try:
            values[key] = read(value)
        except (ValueError, TypeError) as error:
            raise PresetError(f"{where}.{error}") from error
    return values


def _model_path(model: str, folder: Path | None) -> str:
    return str(folder / model) if folder is not None and is_model_path(model) else model
