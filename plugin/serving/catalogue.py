"""The presets and models that clients may name, and effects made of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hushgate.effects.chain import Chain
from hushgate.effects.denoiser import Denoiser
from hushgate.effects.preset_file import Preset, available_presets, read_preset
from hushgate.effects.preset_or_model import DEFAULT_MODEL, make_preset_or_model
from hushgate.engine import available_models, load_model, trusting_models
from hushgate.engine.parameters import Value
from hushgate.errors import HushgateError
from hushgate.rendering import check_streamable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Choice:
    """What a client asked to run.

    Attributes:
        preset: Name in the catalogue; None for the model alone.
        model: Name in the catalogue; None for the preset's own, or "voice".
        settings: Parameters of `Denoiser` by name.
    """

    preset: str | None = None
    model: str | None = None
    settings: Mapping[str, Value] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `Choice(**values)` is equal."""
        return asdict(self)


class UnknownNameError(HushgateError, ValueError):
    """A client named a preset or model that is not in the catalogue."""


class Catalogue:
    """Shipped and configured presets and models by name. Names never become paths.

    Args:
        presets, models: Configured files by name; a name that ships as well means the configured file.
        trust_models: Load models without the limits of docs/security.md.

    Raises:
        OSError, PresetError, ModelError: A configured file cannot be used.
        ValueError: A configured name that a client could not write.
    """

    def __init__(
        self, presets: Mapping[str, Path], models: Mapping[str, Path], *, trust_models: bool = False
    ) -> None:
        for name in (*presets, *models):
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"a name must be up to 64 letters, digits, dots, dashes and underscores (got {name!r})."
                )
        self._trust_models = trust_models
        self._presets: dict[str, Preset] = {name: read_preset(name) for name in available_presets()}
        self._presets |= {name: read_preset(path) for name, path in presets.items()}
        self._models: dict[str, str] = {name: name for name in available_models()}
        self._models |= {name: os.path.abspath(path) for name, path in models.items()}
        for name in models:
            with self._trust():
                load_model(self._models[name])
        for name in presets:
            check_streamable(self.make_effect(Choice(preset=name)))

    def make_effect(self, choice: Choice) -> Denoiser | Chain:
        """A new effect.

        Raises:
            UnknownNameError: No such preset or model.
            TypeError, ValueError: A setting out of range, or one that the preset has no `Denoiser` for.
        """
        preset, model = self._find(choice)
        with self._trust():
            effect = make_preset_or_model(preset, model, choice.settings or {})
        check_streamable(effect)
        return effect

    def check(self, choice: Choice) -> None:
        """Refuse what `make_effect` would refuse for its names, without making anything.

        Raises:
            UnknownNameError: No such preset or model.
        """
        self._find(choice)

    def list_presets(self) -> list[dict[str, Any]]:
        """Name and description of each preset."""
        return [
            {"name": name, "description": preset.description}
            for name, preset in sorted(self._presets.items())
        ]

    def list_models(self) -> list[dict[str, Any]]:
        """Name, task, latency and licence of each model."""
        return [self._describe_model(name) for name in sorted(self._models)]

    def _describe_model(self, name: str) -> dict[str, Any]:
        with self._trust():
            info = load_model(self._models[name]).info
        return {
            "name": name,
            "task": info.task,
            "description": info.description,
            "latency_ms": info.latency_ms,
            "bandwidth_hz": info.bandwidth_hz,
            "licence": info.licence,
            "attribution": info.attribution,
            "is_default": name == DEFAULT_MODEL,
        }

    def _find(self, choice: Choice) -> tuple[Preset | None, str | None]:
        preset = None if choice.preset is None else self._presets.get(choice.preset)
        if choice.preset is not None and preset is None:
            raise UnknownNameError(_unknown("preset", choice.preset, self._presets))
        model = None if choice.model is None else self._models.get(choice.model)
        if choice.model is not None and model is None:
            raise UnknownNameError(_unknown("model", choice.model, self._models))
        return preset, model

    def _trust(self) -> AbstractContextManager[None]:
        return trusting_models() if self._trust_models else nullcontext()


def _unknown(kind: str, name: str, known: Mapping[str, object]) -> str:
    return f"there is no {kind} {name[:64]!r} on this server. There are: {', '.join(sorted(known))}."
