"""The effect of a preset or a model, with the user's own settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hushgate.effects.chain import Chain
    from hushgate.effects.denoiser import Denoiser
    from hushgate.effects.preset_file import Preset

DEFAULT_MODEL = "voice"


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
    from hushgate.effects.preset_file import read_preset

    chosen = {} if model is None else {"model": os.fspath(model)}
    return Chain(read_preset(preset).make_effects(**chosen, **settings))
