"""The mix: effects side by side, aligned and added."""

from __future__ import annotations

from hushgate.effects.effect_list import EffectList


class Mix(EffectList):
    """Run branches on the same sound and add them, aligned to the sample.

    Like `pedalboard.Mix`, but for any effect that `Chain` takes, and also when sound is streamed:
    pedalboard's own loses what waits in it between two calls with `reset=False`.

    Args:
        plugins: One effect for each branch; a `Chain` for several in a row, None for the unchanged
            sound. Branches are added with equal weight: put a `pedalboard.Gain` into one to weigh it.

    Shapes: as `process`. Latency: `latency_samples`, that of the slowest branch; the others wait.
    State: that of its effects, samples that wait, and the layout of the last block. Attributes: as `Chain`.

    Raises:
        TypeError, ValueError, DuplicateEffectError: As `Chain`.

    >>> from pedalboard import Gain
    >>> Mix([Gain(0.0), None])(np.float32([0.25, 0.5]), 48_000)
    array([0.5, 1. ], dtype=float32)
    """

    _is_parallel = True
