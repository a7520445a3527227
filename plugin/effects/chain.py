"""The chain: effects one after the other."""

from __future__ import annotations

import os
from typing import Self

from hushgate.effects.effect_list import EffectList
from hushgate.effects.preset_file import Preset, read_preset, save_preset


class Chain(EffectList):
    """A pedalboard that also takes effects in Python: `Denoiser`, other chains, `Mix`, and your own.

    A chain is a list of effects and an effect itself, called like `pedalboard.Pedalboard`. Neighbouring
    native plugins run together in native boards, and the delays of all effects are compensated as one.
    pedalboard alone runs a chain of native plugins, with the same samples bit for bit.

    Args:
        plugins: Effects in order: native plugins (also from `pedalboard.load_plugin`), native boards
            and mixes, and objects with pedalboard's `process` and `reset`. None lets sound pass.

    Shapes: as `process`. Latency: `latency_samples`, taken out by `process` when `reset` is true.
    State: that of its effects, and the layout of the last block. An effect can be in one chain at a
    time only once; it may be in several chains, as long as one of them runs. `process`, `reset` and
    changes of the list wait for each other, so a chain may be edited while another thread runs it.
    Setting an attribute that does not exist raises AttributeError with the nearest name; a subclass
    declares attributes of its own by annotations.

    Raises:
        TypeError: An object that is not an effect.
        ValueError: An instrument.
        DuplicateEffectError: The same effect twice.

    >>> from pedalboard import Gain, Limiter
    >>> chain = Chain([Gain(-6.0206)])
    >>> chain.append(Limiter(threshold_db=-1.0))
    >>> len(chain), chain[0].gain_db < 0
    (2, True)
    """

    @classmethod
    def from_preset(cls, preset: str | os.PathLike[str] | Preset) -> Self:
        """New effects as a preset describes them.

        Args:
            preset: A shipped name (see `hushgate.available_presets`), a path, or a loaded preset.

        Raises:
            FileNotFoundError, PresetError: There is no such preset, or it cannot be used.
        """
        return cls(read_preset(preset).make_effects())

    def save_preset(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        description: str = "",
        overwrite: bool = False,
    ) -> None:
        """Write all effects and their settings to a preset file.

        Args:
            path: File to write, `NAME.toml`.
            name: Name of the preset; that of the file by default.
            description: Its purpose, in a sentence.
            overwrite: Replace an existing file.

        Raises:
            TypeError: An effect that a preset cannot name: a plugin from a file, or a class of your own.
            ValueError: The chain is empty, or the path does not end in .toml.
            FileExistsError: The file exists and `overwrite` is False.
        """
        save_preset(self, path, name=name, description=description, overwrite=overwrite)
