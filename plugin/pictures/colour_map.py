"""The colours of spectrograms, without matplotlib."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Points of matplotlib's "inferno": black over purple and orange to pale yellow. Equal steps look equal, also
# in grey.
_ANCHORS = (
    (0, 0, 4),
    (40, 11, 84),
    (101, 21, 110),
    (159, 42, 99),
    (212, 72, 66),
    (245, 125, 21),
    (252, 255, 164),
)

RANGE_DB = 80.0
_LOWEST_TOP_DB = -60.0


def brightest_db(loudest_db: float) -> float:
    """Level of the brightest colour, dB; `RANGE_DB` below it is black. At least -60 dB: silence is dark."""
    return max(loudest_db, _LOWEST_TOP_DB)


def inferno(num_colours: int = 256) -> NDArray[np.uint8]:
    """Red, green and blue from dark to bright, uint8 (num_colours, 3).

    >>> inferno()[[0, 255]].tolist()
    [[0, 0, 4], [252, 255, 164]]
    """
    steps = np.linspace(0.0, len(_ANCHORS) - 1.0, num_colours)
    channels = [np.interp(steps, range(len(_ANCHORS)), [anchor[i] for anchor in _ANCHORS]) for i in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
