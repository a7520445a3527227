"""Preset files: whole chains in TOML, for Python, the command line and live.

A file holds `version = 1`, `name`, `description`, and one `[[chain]]` table for each effect, in order.
See docs/presets.md for the keys.
"""

from __future__ import annotations

import importlib.resources
import json
import logging
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushgate.audio_files.atomic_write import write_atomically
from hushgate.effects.serialization import effect_names, is_model_path, make_effect
from hushgate.engine import PARAMETERS
from hushgate.engine.errors import did_you_mean
from hushgate.errors import PresetError

if TYPE_CHECKING:
    from hushgate.effects.effect_list import EffectList
    from hushgate.pedalboard_compat.effect_protocol import Effect

_logger = logging.getLogger(__name__)

PRESET_VERSION = 1
_KEYS = ("version", "name", "description", "loudness", "chain")
# LUFS; the limits of hushgate.rendering.loudness.
_LOUDNESS = (-60.0, -5.0)
# A stranger's file must not fill the memory. The largest shipped preset has 4 effects and 1 kB.
_MAX_BYTES = 64 << 10
_MAX_EFFECTS = 200
_MAX_DENOISERS = 32
_MAX_DEPTH = 16


@dataclass(frozen=True)
class Preset:
    """A chain as a file describes it. Every call of `make_effects` makes new effects.

    Attributes:
        name: Name of the preset.
        description: Its purpose, in a sentence.
        entries: One table for each effect.
        path: Path of the file; None for a shipped preset.
        loudness: Loudness of finished files, LUFS; None for that which the chain gives. A chain alone knows
            nothing of it: it needs the whole recording.
    """

    name: str
    description: str
    entries: tuple[Mapping[str, Any], ...]
    path: Path | None = None
    loudness: float | None = None

    def make_effects(self, **denoiser_settings: Any) -> list[Effect]:
        """New effects in order.

        Args:
            **denoiser_settings: `model` or parameters that replace the preset's in every `Denoiser`, and
                `hum_reduction_db` in every `HumRemover`.

        Raises:
            PresetError: An entry cannot be used, or there is no `Denoiser` for `denoiser_settings`.
        """
        folder = self.path.parent if self.path else None
        source = self.path or self.name
        model = denoiser_settings.get("model")
        if isinstance(model, str | os.PathLike) and is_model_path(os.fspath(model)):
            denoiser_settings["model"] = os.path.abspath(model)  # relative to the caller, not to the preset
        try:
            entries = [_with_settings(entry, denoiser_settings) for entry in self.entries]
            effects = [make_effect(entry, f"chain[{i}]", folder) for i, entry in enumerate(entries)]
        except RecursionError as error:
            raise PresetError(f"{source}: is nested too deeply.") from error
        except PresetError as error:
            raise PresetError(f"{source}: {error}") from error
        lost = [name for name in denoiser_settings if not any(_takes(entry, name) for entry in entries)]
        if lost:
            raise PresetError(f"{source}: has no Denoiser to set {', '.join(lost)} of.")
        return effects


def available_presets() -> tuple[str, ...]:
    """Names of the presets that ship with hushgate.

    >>> "podcast" in available_presets()
    True
    """
    files = importlib.resources.files("hushgate.presets").iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def read_preset_text(preset: str | os.PathLike[str]) -> str:
    """The text of a preset file.

    Args:
        preset: A shipped name, or the path of a file.

    Raises:
        PresetError: No such shipped preset, or not text.
        OSError: The file cannot be read.
    """
    if _is_path(preset):
        data = _read_file(Path(preset))
    elif preset in available_presets():
        data = importlib.resources.files("hushgate.presets").joinpath(f"{preset}.toml").read_bytes()
    else:
        if os.path.isfile(preset):
            raise PresetError(
                f"there is no preset {preset!r}. The file {preset} exists; presets end in .toml."
            )
        raise PresetError(
            f"there is no preset {preset!r}.{did_you_mean(str(preset), available_presets())} "
            f"Shipped: {', '.join(available_presets())}. "
            "A file is named by its path, with .toml."
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise PresetError(f"{os.fspath(preset)}: is not UTF-8 text.") from error


def _read_file(path: Path) -> bytes:
    """Read a preset file: a regular file of at most 64 KiB, as it may come from a stranger."""
    status = path.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise PresetError(f"{path} is a device or a pipe, not a preset file.")
    with open(path, "rb") as file:  # a folder raises IsADirectoryError
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise PresetError(f"{path} has more than {_MAX_BYTES:,} bytes, too many for a preset.")
    return data


def load_preset(preset: str | os.PathLike[str]) -> Preset:
    """Read a preset, and make its effects once to check them.

    Args:
        preset: A shipped name (see `available_presets`), or the path of a file: anything with a
            folder or the extension .toml.

    Raises:
        PresetError: Unknown, not TOML, from a later version, or with a key or value that is not
            allowed; names file and key, and what is allowed.
        OSError: The file cannot be read.

    >>> load_preset("podcast").name
    'podcast'
    """
    loaded = read_preset(preset)
    loaded.make_effects()
    return loaded


def read_preset(preset: str | os.PathLike[str] | Preset) -> Preset:
    """Read a preset. `make_effects` of it checks the effects.

    Args:
        preset: As `load_preset`, or a preset that was read, which comes back.

    Raises:
        PresetError: Unknown, not TOML, from a later version, or not a preset's keys.
        OSError: The file cannot be read.
        TypeError: Neither a name nor a path nor a preset.
    """
    if isinstance(preset, Preset):
        return preset
    if not isinstance(preset, str | os.PathLike):
        raise TypeError(
            f"preset must be a shipped name, a path or a loaded preset (got {type(preset).__name__})."
        )
    source = os.fspath(preset)
    text = read_preset_text(preset)
    import tomllib  # commands without a preset do without it

    try:
        table = tomllib.loads(text)
    except ValueError as error:  # a fault of TOML, or an integer of more digits than Python reads
        raise PresetError(f"{source}: is not valid TOML: {error}.") from error
    except RecursionError as error:
        raise PresetError(f"{source}: is nested too deeply.") from error
    _check_version(table, source)
    for key in table:
        if key not in _KEYS:
            raise PresetError(f"{source}: {key} is unknown. Allowed: {', '.join(_KEYS)}.")
    for key in ("name", "description"):
        if not isinstance(table.get(key, ""), str):
            raise PresetError(f"{source}: {key} must be text (got {table[key]!r}).")
    loudness = table.get("loudness")
    if loudness is not None:
        is_number = isinstance(loudness, int | float) and not isinstance(loudness, bool)
        if not is_number or not _LOUDNESS[0] <= loudness <= _LOUDNESS[1]:
            raise PresetError(
                f"{source}: loudness must be between {_LOUDNESS[0]:g} and {_LOUDNESS[1]:g} LUFS "
                f"(got {loudness!r})."
            )
    entries = table.get("chain")
    if not isinstance(entries, list) or not entries:
        raise PresetError(f"{source}: chain must be one or more [[chain]] tables, one for each effect.")
    _check_size(entries, source)
    path = Path(source) if _is_path(preset) else None
    name = table.get("name") or Path(source).stem
    _logger.info("preset %s: %d effects from %s", name, len(entries), path or "the package")
    return Preset(name, table.get("description", ""), tuple(entries), path, loudness)


def save_preset(
    chain: EffectList,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    description: str = "",
    overwrite: bool = False,
) -> None:
    """Write a chain to a preset file. `load_preset` of it makes equal effects.

    Args:
        chain: The effects.
        path: File to write, `NAME.toml`. It is written under a temporary name first.
        name: Name of the preset; that of the file by default.
        description: Its purpose, in a sentence.
        overwrite: Replace an existing file.

    Raises:
        TypeError: An effect that a preset cannot name: a plugin from a file, or a class of your own.
        ValueError: The chain is empty, the path does not end in .toml, or the file is a model of the chain.
        FileExistsError: The file exists and `overwrite` is False.
    """
    target = Path(path)
    if target.suffix != ".toml":
        raise ValueError(f"path must end in .toml, which presets are known by (got {os.fspath(path)!r}).")
    entries = [_with_portable_models(entry, target.parent) for entry in chain.to_dict()["effects"]]
    if not entries:
        raise ValueError("chain must have one effect or more to be saved (got none).")
    lines = [
        f"version = {PRESET_VERSION}",
        f"name = {_toml(name or target.stem)}",
        f"description = {_toml(description)}",
    ]
    for entry in entries:
        lines += ["", "[[chain]]"]
        lines += [f"{key} = {_toml(value)}" for key, value in _without_defaults(entry).items()]
    models = [path for entry in chain.to_dict()["effects"] for path in _model_paths(entry)]
    write_atomically(target, ("\n".join(lines) + "\n").encode(), overwrite=overwrite, originals=models)
    _logger.info("preset saved: %s", target)


def _check_size(entries: list[Any], source: str) -> None:
    """Count effects and Denoisers, those inside others too."""
    counts = {"effects": 0, "Denoisers": 0}
    level, depth = entries, 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise PresetError(f"{source}: effects are nested more than {_MAX_DEPTH} deep.")
        tables = [entry for entry in level if isinstance(entry, Mapping)]
        counts["effects"] += len(level)
        counts["Denoisers"] += sum(entry.get("effect") == "Denoiser" for entry in tables)
        for kind, limit in (("effects", _MAX_EFFECTS), ("Denoisers", _MAX_DENOISERS)):
            if counts[kind] > limit:
                raise PresetError(f"{source}: has more than {limit} {kind}.")
        inner = [entry["effects"] for entry in tables if isinstance(entry.get("effects"), list)]
        level = [entry for entries in inner for entry in entries]


def _check_version(table: Mapping[str, Any], source: str) -> None:
    version = table.get("version")
    if type(version) is not int or version < 1:
        raise PresetError(f"{source}: version must be {PRESET_VERSION} (got {version!r}).")
    if version > PRESET_VERSION:
        raise PresetError(
            f"{source}: version must be {PRESET_VERSION} (got {version}). "
            "It was made for a later hushgate: update hushgate to use it."
        )


def _is_path(preset: str | os.PathLike[str]) -> bool:
    return not isinstance(preset, str) or preset.endswith(".toml") or len(Path(preset).parts) > 1


def _with_settings(entry: Any, settings: Mapping[str, Any]) -> Any:
    """An entry with other settings for every `Denoiser` and `HumRemover` in it."""
    if not settings or not isinstance(entry, Mapping):
        return entry
    if entry.get("effect") in ("Denoiser", "HumRemover"):
        return {**entry, **{name: value for name, value in settings.items() if _takes(entry, name)}}
    if isinstance(entry.get("effects"), list):
        return {**entry, "effects": [_with_settings(inner, settings) for inner in entry["effects"]]}
    return entry


def _takes(entry: Mapping[str, Any], name: str) -> bool:
    """True where an effect or one inside it has a setting that a user may replace."""
    if entry["effect"] == "HumRemover":
        return name == "hum_reduction_db"
    inner = entry.get("effects", [])
    return entry["effect"] == "Denoiser" or any(_takes(member, name) for member in inner)


def _model_paths(entry: Mapping[str, Any]) -> list[str]:
    """The model files that an entry and those inside it name."""
    paths = [path for inner in entry.get("effects", []) for path in _model_paths(inner)]
    return [*paths, entry["model"]] if is_model_path(str(entry.get("model", ""))) else paths


def _with_portable_models(entry: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """An entry whose model paths work from `folder`: relative for files below it, else absolute."""
    if isinstance(entry["effect"], type):
        raise TypeError(
            f"{entry['effect'].__name__} is a class of your own, which a preset cannot name. "
            f"Allowed: {', '.join(effect_names())}."
        )
    # A preset is for any machine, whatever runs it there.
    moved = {key: value for key, value in entry.items() if key not in ("engine", "device")}
    if entry["effect"] == "Denoiser" and is_model_path(entry["model"]):
        path, root = Path(entry["model"]).resolve(), folder.resolve()
        moved["model"] = str(path.relative_to(root) if path.is_relative_to(root) else path)
    if "effects" in entry:
        moved["effects"] = [_with_portable_models(inner, folder) for inner in entry["effects"]]
    return moved


def _without_defaults(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry without settings at their default. The model is kept, as its default may change."""
    from hushgate.pedalboard_compat.native_effects import native_effects  # loads pedalboard

    native = native_effects().get(entry["effect"])
    defaults: dict[str, Any] = {}
    if native is not None:
        defaults = {name: parameter.default for name, parameter in native.parameters.items()}
    elif entry["effect"] == "Denoiser":
        defaults = {name: parameter.default for name, parameter in PARAMETERS.items()}
    kept = {key: value for key, value in entry.items() if key not in defaults or value != defaults[key]}
    if isinstance(kept.get("effects"), list):
        kept["effects"] = [_without_defaults(inner) for inner in kept["effects"]]
    return kept


def _toml(value: Any, indent: str = "") -> str:
    """A value in TOML, with the word "none" for None."""
    if value is None:
        return '"none"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for DEL, which TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(inner, indent)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        deeper = indent + "  "
        items = "".join(f"\n{deeper}{_toml(inner, deeper)}," for inner in value)
        return f"[{items}\n{indent}]" if value else "[]"
    return repr(value) if isinstance(value, int) or math.isfinite(value) else str(float(value))
