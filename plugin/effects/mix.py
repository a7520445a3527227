"""Effects side by side."""

from __future__ import annotations

from hushgate.effects.effect_list import EffectList


class Mix(EffectList):
    """Run branches on the same sound and add them, aligned to the sample.

    Like `pedalboard.Mix`, but for any effect that `Chain` takes, and also when sound is streamed:
    pedalboard's own loses what waits in it between two calls with `reset=False`.

    Args:
        plugins: One effect for each branch; a `Chain` for several in a row, None for the sound as it
            is. Branches are added as they are: put a `pedalboard.Gain` into them to weigh them.

    Shapes: as `process`. Latency: `latency_samples`, that of the slowest branch; the others wait.
    State: that of its effects, what waits, and the layout of the last block.

    Raises:
        TypeError, ValueError, DuplicateEffectError: As `Chain`.

    >>> from pedalboard import Gain
    >>> Mix([Gain(0.0), None])(np.float32([0.25, 0.5]), 48_000)
    array([0.5, 1. ], dtype=float32)
    """

    is_parallel = True
