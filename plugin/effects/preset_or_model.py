"""The effect of a preset or a model, with the user's own settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from hushgate.effects.preset_file import Preset, read_preset
from hushgate.pedalboard_compat.effect_protocol import Effect

if TYPE_CHECKING:
    from hushgate.effects.chain import Chain
    from hushgate.effects.denoiser import Denoiser

DEFAULT_MODEL = "voice"

AnyEffect = Effect | str | os.PathLike[str] | Preset
"""An effect, or a preset: a shipped name, the path of a file, or one that was read."""


def preset_of(effect: AnyEffect) -> str | os.PathLike[str] | Preset | None:
    """The preset that was given in place of an effect; None for an effect."""
    return effect if isinstance(effect, str | os.PathLike | Preset) else None


def as_effect(effect: AnyEffect) -> Effect:
    """The effect itself, or a new chain of a preset.

    Raises:
        OSError, PresetError: The preset cannot be used.
        TypeError: Neither an effect nor a preset.
    """
    if isinstance(effect, str | os.PathLike | Preset):
        return make_preset_or_model(effect, None, {})
    methods = [getattr(effect, name, None) for name in ("process", "reset")]
    if isinstance(effect, type) or not all(map(callable, methods)):
        got = f"the class {effect.__name__}" if isinstance(effect, type) else type(effect).__name__
        remedy = " Wrap a list in Chain([...])." if isinstance(effect, list | tuple) else ""
        raise TypeError(f"effect must be an effect or a preset (got {got}).{remedy}")
    return effect


def loudness_of(
    loudness: float | Literal["preset"] | None, preset: str | os.PathLike[str] | Preset | None
) -> float | None:
    """The loudness that finished files get, LUFS; None for that which the effect gives.

    Args:
        loudness: A loudness, None, or "preset" for that of the preset.
        preset: As in `make_preset_or_model`.
    """
    if loudness != "preset":
        return loudness
    if preset is None:
        return None
    return read_preset(preset).loudness


def make_preset_or_model(
    preset: str | os.PathLike[str] | Preset | None,
    model: str | os.PathLike[str] | None,
    settings: Mapping[str, Any],
) -> Denoiser | Chain:
    """A new effect: the preset's chain, or without a preset a `Denoiser`.

    Args:
        preset: A shipped name, a path, a preset that was read, or None.
        model: A shipped name or a path; None for the preset's own, or without a preset "voice".
        settings: Parameters of `Denoiser`, which replace the preset's.

    Raises:
        OSError, PresetError, ModelError: The preset or the model cannot be used.
        TypeError, ValueError: A parameter that does not exist, or is out of range.
    """
    if preset is None:
        from hushgate.effects.denoiser import Denoiser

        return Denoiser(DEFAULT_MODEL if model is None else model, **settings)
    from hushgate.effects.chain import Chain

    chosen = {} if model is None else {"model": os.fspath(model)}
    return Chain(read_preset(preset).make_effects(**chosen, **settings))
