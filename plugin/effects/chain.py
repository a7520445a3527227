"""Effects one after the other, whoever made them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from hushgate.effects.effect_list import EffectList

if TYPE_CHECKING:
    from hushgate.effects.preset_file import Preset


class Chain(EffectList):
    """A pedalboard that also takes effects in Python: `Denoiser`, other chains, `Mix`, and your own.

    It is a list of effects and an effect itself, called like `pedalboard.Pedalboard`. Neighbouring
    native plugins run together in native boards, the delays of all effects are compensated as one.
    A chain of native plugins only is run by pedalboard alone, and gives the same samples bit for bit.

    Args:
        plugins: Effects in order: native plugins (also from `pedalboard.load_plugin`), native boards
            and mixes, and objects with pedalboard's `process` and `reset`. None lets sound pass.

    Shapes: as `process`. Latency: `latency_samples`, taken out by `process` when `reset` is true.
    State: that of its effects, and the layout of the last block. An effect can be in one chain at a
    time only once; it may be in several chains, as long as one of them runs. `process`, `reset` and
    changes of the list wait for each other, so a chain may be edited while another thread runs it.

    Raises:
        TypeError: Something that is no effect.
        ValueError: An instrument.
        DuplicateEffectError: The same effect twice.

    >>> from pedalboard import Gain, Limiter
    >>> chain = Chain([Gain(-6.0206)])
    >>> chain.append(Limiter(threshold_db=-1.0))
    >>> len(chain), chain[0].gain_db < 0
    (2, True)
    """

    is_parallel = False

    @classmethod
    def from_preset(cls, preset: str | os.PathLike[str] | Preset) -> Self:
        """New effects as a preset describes them.

        Args:
            preset: A shipped name (see `hushgate.available_presets`), a path, or a loaded preset.

        Raises:
            FileNotFoundError, PresetError: There is no such preset, or it cannot be used.
        """
        from hushgate.effects.preset_file import Preset, load_preset

        loaded = preset if isinstance(preset, Preset) else load_preset(preset)
        return cls(loaded.make_effects())

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
            path: File to write, by custom `NAME.toml`.
            name: What the preset calls itself; the file's name by default.
            description: What it is for, in a sentence.
            overwrite: Replace a file that is there.

        Raises:
            TypeError: An effect that plain values cannot describe, such as a plugin from a file.
            FileExistsError: There is a file and `overwrite` is False.
        """
        from hushgate.effects.preset_file import save_preset

        save_preset(self, path, name=name, description=description, overwrite=overwrite)
