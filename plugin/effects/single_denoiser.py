"""Presets as the settings of one denoiser, for the plugins and the web page, where no chains run."""

from __future__ import annotations

import os
from typing import Any

from hushgate.effects.denoiser import Denoiser, find_denoisers
from hushgate.effects.hum_remover import HumRemover
from hushgate.effects.preset_file import read_preset


def as_denoiser(preset: str | os.PathLike[str], **without_model: Any) -> Denoiser | None:
    """The denoiser of a preset, without the other effects of its chain; None where there is not just one.

    A preset that removes hum alone becomes a denoiser of the same sound, whose mix is 0.

    Args:
        preset: A shipped name or a path.
        **without_model: Arguments of that denoiser: its model, whose latency it has.

    Raises:
        FileNotFoundError, PresetError: There is no such preset, or it cannot be used.
    """
    effects = read_preset(preset).make_effects()
    denoisers = [denoiser for effect in effects for denoiser in find_denoisers(effect)]
    if len(denoisers) == 1:
        return denoisers[0]
    if len(effects) == 1 and isinstance(effects[0], HumRemover):
        return Denoiser(**without_model, mix=0.0, hum_reduction_db=effects[0].hum_reduction_db)
    return None
