"""Recipe and settings of a batch, as plain values for other processes and machines."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hushgate.audio_files.formats.containers import available_subtypes, container_for
from hushgate.audio_files.formats.sample_formats import parse_subtype
from hushgate.batching.planning.remote_store import checksum
from hushgate.errors import AudioFileError
from hushgate.rendering.loudness import checked_loudness
from hushgate.version import __version__

if TYPE_CHECKING:
    from hushgate.engine.model_files.devices import Device
    from hushgate.pedalboard_compat.effect_protocol import Effect

ClipMode = Literal["report", "limit", "rescale"]
CLIP_MODES: tuple[ClipMode, ...] = ("report", "limit", "rescale")


@dataclass(frozen=True)
class ModelFile:
    """A model of a recipe.

    Attributes:
        name: Its name in the settings: a shipped name or an absolute path.
        sha256: Checksum of the file, hexadecimal.
        content: The bytes, for machines without the file; None for a shipped model.
        trusted: Whether to load it without the limits on strangers' files.
    """

    name: str
    sha256: str
    content: bytes | None = field(default=None, repr=False)
    trusted: bool = False


@dataclass(frozen=True)
class Recipe:
    """A description of the effect, to make new ones from.

    Attributes:
        label: Name of the preset, or of the model where there is none.
        preset: The preset as given; None without one.
        settings: Description of the effect, as `hushgate.effects.serialization` reads it.
        models: Every model in it.
    """

    label: str
    preset: str | None
    settings: Mapping[str, Any]
    models: tuple[ModelFile, ...]

    def make(self) -> Effect:
        """A new effect.

        Raises:
            ModelError: This machine has another model under the same name, or none.
        """
        from hushgate.effects.serialization import make_effect
        from hushgate.engine import load_model

        places = {model.name: _find_model(model.name, model.sha256, model.content) for model in self.models}
        for model in self.models:
            for device in _devices(self.settings):
                load_model(places[model.name], trusted=model.trusted, device=device)
        return make_effect(_with_models(self.settings, places), "effect")

    def identity(self) -> dict[str, Any]:
        """Everything that decides the sound of the effect, without the places of its files."""
        checksums = {model.name: f"sha256:{model.sha256}" for model in self.models}
        return {"preset": self.preset and self.label, "effect": _with_models(self.settings, checksums)}

    def packed(self) -> Recipe:
        """The same with the content of model files that do not ship with hushgate."""
        return replace(self, models=tuple(_packed(model) for model in self.models))


@dataclass(frozen=True)
class BatchSettings:
    """Everything that decides the outputs of a batch.

    Attributes:
        recipe: The effect.
        extension: File name extension of the outputs, which decides their container; None keeps
            that of each input.
        subtype: soundfile's name of the sample format; None keeps that of each input.
        clip_mode: Treatment of samples beyond full scale: "report" clips and counts them,
            "limit" turns peaks down ahead of time, "rescale" turns the whole file down.
        dither: Dither where the output has fewer bits than the input.
        output_residual: Also write the removed sound.
        allow_truncated: Clean the readable part of files that are cut short.
        loudness: Loudness of the outputs, LUFS; None for that which the effect gives.
    """

    recipe: Recipe
    extension: str | None = None
    subtype: str | None = None
    clip_mode: ClipMode = "report"
    dither: bool = True
    output_residual: bool = False
    allow_truncated: bool = False
    loudness: float | None = None

    def __post_init__(self) -> None:
        if self.clip_mode not in CLIP_MODES:
            raise ValueError(f"clip_mode must be one of {', '.join(CLIP_MODES)} (got {self.clip_mode!r}).")
        if self.loudness is not None:
            checked_loudness(self.loudness)
        container = None
        if self.extension is not None:
            try:
                container = container_for(Path(f"x.{self.extension}"))
            except AudioFileError:
                raise ValueError(
                    f"format must be an extension such as wav, flac, ogg, opus, mp3 or aiff "
                    f"(got {self.extension!r})."
                ) from None
        if self.subtype is not None:
            known = available_subtypes(container)
            if parse_subtype(self.subtype) not in known:
                of = f" of {container}" if container else ""
                raise ValueError(
                    f"subtype must be a sample format{of}: {', '.join(sorted(known))} (got {self.subtype!r})."
                )
            object.__setattr__(self, "subtype", parse_subtype(self.subtype))  # one name, one hash

    def identity(self) -> dict[str, Any]:
        """Everything except the input that an output depends on, as plain values."""
        return {
            "hushgate": __version__,
            **self.recipe.identity(),
            "format": self.extension,
            "subtype": self.subtype,
            "clip_mode": self.clip_mode,
            "dither": self.dither,
            "output_residual": self.output_residual,
            "allow_truncated": self.allow_truncated,
            **({} if self.loudness is None else {"loudness": self.loudness}),
        }

    @property
    def hash(self) -> str:
        """Short fingerprint of `identity`, equal for equal settings, models and versions."""
        text = json.dumps(self.identity(), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_recipe(
    preset: str | os.PathLike[str] | None,
    model: str | os.PathLike[str] | None,
    parameters: Mapping[str, Any],
) -> Recipe:
    """The recipe of a preset, of a model, or of a preset with another model or other parameters.

    The caller has checked the names of the parameters.

    Raises:
        FileNotFoundError, PresetError, ModelError: The preset or the model cannot be used.
        TypeError, ValueError: A parameter is out of range.
    """
    from hushgate.effects.denoiser import find_denoisers
    from hushgate.effects.preset_file import read_preset
    from hushgate.effects.preset_or_model import make_preset_or_model
    from hushgate.effects.serialization import describe_effect
    from hushgate.engine import PARAMETERS, load_model

    for name, value in parameters.items():
        if name == "device":
            continue  # not a parameter of the sound; `Denoiser` checks it
        PARAMETERS[name].validate(value)
    loaded = None if preset is None else read_preset(preset)
    effect = make_preset_or_model(loaded, model, parameters)
    names = dict.fromkeys(denoiser.model for denoiser in find_denoisers(effect))
    label = Path(next(iter(names))).stem if loaded is None else loaded.name
    loaded_models = {name: load_model(name) for name in names}
    absolute = {
        name: str(model.path.resolve()) if _is_file(name) else name for name, model in loaded_models.items()
    }
    models = tuple(
        ModelFile(absolute[name], checksum(model.path), trusted=model.trusted)
        for name, model in loaded_models.items()
    )
    settings = _with_models(describe_effect(effect), absolute)
    return Recipe(label, None if preset is None else os.fspath(preset), settings, models)


def _is_file(model: str) -> bool:
    from hushgate.engine import available_models

    return model not in available_models()


def _packed(model: ModelFile) -> ModelFile:
    return replace(model, content=Path(model.name).read_bytes()) if _is_file(model.name) else model


@cache
def _find_model(name: str, sha256: str, content: bytes | None) -> str:
    """A name or path under which this machine has exactly this model."""
    from hushgate.engine import ModelError, available_models, load_model

    shipped = name in available_models()
    path = load_model(name).path if shipped else Path(name)
    if path.is_file() and checksum(path) == sha256:
        return name
    if content is not None:
        # A folder of this process alone; the file keeps its name for messages.
        folder = tempfile.mkdtemp(prefix="hushgate-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        copy = Path(folder) / path.name
        copy.write_bytes(content)
        return str(copy)
    fault = "another version of it is here" if path.is_file() else "it is not here"
    raise ModelError(f"model {name} must be the one the batch was planned with ({fault}). Install the same.")


def _devices(settings: Mapping[str, Any]) -> set[Device]:
    """Where the models of a description run."""
    members = settings.get("effects")
    if isinstance(members, list):
        return set().union(*map(_devices, members))
    return {settings.get("device", "cpu")} if settings.get("effect") == "Denoiser" else set()


def _with_models(settings: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A description with other names for its models."""
    changed = dict(settings)
    if changed.get("effect") == "Denoiser":
        changed["model"] = names.get(changed["model"], changed["model"])
    if isinstance(changed.get("effects"), list):
        changed["effects"] = [_with_models(member, names) for member in changed["effects"]]
    return changed
