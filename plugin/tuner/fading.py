"""Plucked strings fade; bowed, blown and sung tones go on."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

_BLOCK_S = 0.02
# Two periods of the lowest string, whose level would seem to pulsate in less.
_NUM_LEVEL_BLOCKS = 3
# A plucked string is loudest within a tenth of a second and falls from there. By 0.5 s after their peak 95 %
# of recorded guitar notes had fallen by 3.6 dB or more, half of the bowed and blown ones by nothing. Judged
# sooner, a string picked four times a second would vanish where one of its strokes is missed.
_FIRST_JUDGED = 25
_START_DB, _LEAST_FADE_DB_PER_S = 0.3, 2.0
# Later the last second counts as well: a blown accent falls at once, and then goes on.
_NUM_JUDGED = 50
# A string plucked anew while it rings hardly gets louder, but brighter: by this much within a tenth of a
# second, in power weighted by the square of frequency. Above, a voice's or a bow's hiss would count most.
_PLUCK_DB = 4.0
_FASTEST_PLUCK_BLOCKS, _SLOWEST_PLUCK_BLOCKS = 3, 5
_BRIGHT_TO_HZ = 5000.0
_TINY = 1e-12


class FadeMeter:
    """Follow the level of a sound, and tell when it goes on instead of fading.

    The time since the last rise counts: whatever begins gets half a second before it is judged.

    Args:
        sample_rate: Hz.

    State: the levels of the last second, and the loudest since the last rise.
    """

    def __init__(self, sample_rate: float) -> None:
        self._block_size = max(1, round(_BLOCK_S * sample_rate))
        self._rest = np.zeros(0)
        self._window = np.hanning(self._block_size)
        frequencies_hz = np.fft.rfftfreq(self._block_size, 1.0 / sample_rate)
        self._brightness = np.where(
            frequencies_hz < _BRIGHT_TO_HZ, (frequencies_hz / _BRIGHT_TO_HZ) ** 2, 0.0
        )
        self._recent: deque[NDArray[np.float64]] = deque(maxlen=_NUM_LEVEL_BLOCKS)
        self._bright_db: deque[float] = deque(maxlen=_SLOWEST_PLUCK_BLOCKS)
        self._levels_db: deque[float] = deque(maxlen=_NUM_JUDGED)
        self._num_since_rise = 0
        self._loudest_db = -np.inf
        centred = np.arange(_NUM_JUDGED) - (_NUM_JUDGED - 1) / 2.0
        self._slope_weights = centred / (np.sum(centred**2) * _BLOCK_S)

    def hear(self, samples: NDArray[np.float64]) -> None:
        """Go on by the next samples (samples,)."""
        sound = np.concatenate([self._rest, samples])
        num_blocks = len(sound) // self._block_size
        blocks = sound[: num_blocks * self._block_size].reshape(num_blocks, self._block_size)
        spectra = np.abs(np.fft.rfft(blocks * self._window)) ** 2 / self._block_size**2
        for powers in zip(np.mean(blocks**2, axis=1), spectra @ self._brightness, strict=True):
            self._step(*powers)
        self._rest = sound[num_blocks * self._block_size :]

    @property
    def goes_on(self) -> bool:
        """Whether what sounds has not faded as a plucked string does since it began."""
        if self._num_since_rise < _FIRST_JUDGED:
            return False
        expected_db = _START_DB + _LEAST_FADE_DB_PER_S * _BLOCK_S * self._num_since_rise
        if self._loudest_db - self._levels_db[-1] < expected_db:
            return True
        if self._num_since_rise < _NUM_JUDGED:
            return False
        slope_db_per_s = float(self._slope_weights @ np.array(self._levels_db))
        return slope_db_per_s > -_LEAST_FADE_DB_PER_S

    def _step(self, power: float, bright_power: float) -> None:
        self._recent.append(np.array([power, bright_power]))
        level_db, bright_db = 10.0 * np.log10(np.mean(self._recent, axis=0) + _TINY)
        before_db = list(self._bright_db)[: 1 - _FASTEST_PLUCK_BLOCKS]
        is_rise = not before_db or bright_db > min(before_db) + _PLUCK_DB
        self._num_since_rise = 0 if is_rise else self._num_since_rise + 1
        self._loudest_db = level_db if is_rise else max(self._loudest_db, level_db)
        self._levels_db.append(level_db)
        self._bright_db.append(bright_db)
