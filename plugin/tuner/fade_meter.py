"""Fading of tones: plucked strings fade, bowed, blown and sung tones do not."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from hushgate.tuner.attack_meter import AttackMeter, brightness_weights

_BLOCK_S = 0.02
# Two periods of the lowest string; in a shorter window its level would pulsate.
_NUM_LEVEL_BLOCKS = 3
# A plucked string is loudest within a tenth of a second and falls from there. By 0.5 s after their peak 95 %
# of recorded guitar notes had fallen by 3.6 dB or more, half of the bowed and blown ones not at all. With an
# earlier judgement a string picked four times a second would disappear where one stroke is missed.
_FIRST_JUDGED = 25
_START_DB, _LEAST_FADE_DB_PER_S = 0.3, 2.0
# Later the last second counts as well, because a blown accent falls at once and then keeps its level.
_NUM_JUDGED = 50
# The upper partials of a string fade first. At 0.2 s 95 % of the notes had lost 2.4 dB of brightness; three
# quarters of the other sounds with a sharp start had lost less than 1.9.
_FIRST_BRIGHT_JUDGED = 8
_LEAST_BRIGHT_FADE_DB_PER_S = 6.0
# A string is loudest when it is plucked, and beats raise it by little; a bow or a breath may swell later.
_BEGINNING_BLOCKS = 8
_MOST_LATE_RISE_DB = 1.0
# A sound without a sharp start must fade faster: at 0.5 s 95 % of the notes had fallen by 3.6 dB.
_PROOF_DB_PER_S, _LATE_PROOF_DB_PER_S = 6.0, 4.0
# A string that is plucked again while it rings hardly gets louder, but brighter: by this much within a tenth
# of a second.
_PLUCK_DB = 4.0
_FASTEST_PLUCK_BLOCKS, _SLOWEST_PLUCK_BLOCKS = 3, 5
_TINY = 1e-12


class FadeMeter:
    """Follow the level of a sound, and detect one that neither starts nor fades like a plucked string.

    A sound that starts sharply is accepted for a sixth of a second; then its brightness must fade, and from
    half a second on its level. A sound that swells is accepted once it has faded for half a second. After a
    second a sound that got louder after its start is rejected, unless another note was begun.

    Args:
        sample_rate: Hz.

    State: the levels of the last second, the loudest and brightest since the last rise, the kind and the
    level of that rise.
    """

    def __init__(self, sample_rate: float) -> None:
        self._block_size = max(1, round(_BLOCK_S * sample_rate))
        self._rest = np.zeros(0)
        self._window = np.hanning(self._block_size)
        self._brightness = brightness_weights(self._block_size, sample_rate)
        self._attack = AttackMeter(sample_rate)
        self._recent: deque[NDArray[np.float64]] = deque(maxlen=_NUM_LEVEL_BLOCKS)
        self._bright_db: deque[float] = deque(maxlen=_SLOWEST_PLUCK_BLOCKS)
        self._levels_db: deque[float] = deque(maxlen=_NUM_JUDGED)
        self._num_since_rise = 0
        self._loudest_db = self._beginning_db = self._brightest_db = -np.inf
        # Largest fade since the last rise, because missed strokes make the sound brighter again.
        self._bright_faded_db = 0.0
        centred = np.arange(_NUM_JUDGED) - (_NUM_JUDGED - 1) / 2.0
        self._slope_weights = centred / (np.sum(centred**2) * _BLOCK_S)

    def begin_note(self) -> None:
        """Start another note: from here on its own start is the level to compare with."""
        self._beginning_db = self._loudest_db

    def update(self, samples: NDArray[np.float64]) -> None:
        """Measure the next samples, float64 (samples,)."""
        self._attack.update(samples)
        sound = np.concatenate([self._rest, samples])
        num_blocks = len(sound) // self._block_size
        blocks = sound[: num_blocks * self._block_size].reshape(num_blocks, self._block_size)
        spectra = np.abs(np.fft.rfft(blocks * self._window)) ** 2 / self._block_size**2
        for powers in zip(np.mean(blocks**2, axis=1), spectra @ self._brightness, strict=True):
            self._step(*powers)
        self._rest = sound[num_blocks * self._block_size :]

    @property
    def is_sustained(self) -> bool:
        """True if the sound did not start, or has not faded, like that of a plucked string."""
        if not self._levels_db:
            return True
        age, is_sharp = self._num_since_rise, self._attack.is_sharp
        seconds = _BLOCK_S * age
        faded_db = self._loudest_db - self._levels_db[-1]
        if age < _FIRST_JUDGED:
            most_faded_db = max(faded_db, self._bright_faded_db)
            has_to_fade = age >= _FIRST_BRIGHT_JUDGED
            return not is_sharp or (has_to_fade and most_faded_db < _LEAST_BRIGHT_FADE_DB_PER_S * seconds)
        if age < _NUM_JUDGED:
            least_db_per_s = _LEAST_FADE_DB_PER_S if is_sharp else _PROOF_DB_PER_S
            return faded_db < _START_DB + least_db_per_s * seconds
        late_rise_db = self._loudest_db - self._beginning_db
        if late_rise_db > (_MOST_LATE_RISE_DB if is_sharp else 0.0):
            return True
        if faded_db < _START_DB + _LEAST_FADE_DB_PER_S * seconds:
            return True
        slope_db_per_s = float(self._slope_weights @ np.array(self._levels_db))
        return slope_db_per_s > -(_LEAST_FADE_DB_PER_S if is_sharp else _LATE_PROOF_DB_PER_S)

    def _step(self, power: float, bright_power: float) -> None:
        self._recent.append(np.array([power, bright_power]))
        level_db, bright_db = 10.0 * np.log10(np.mean(self._recent, axis=0) + _TINY)
        before_db = list(self._bright_db)[: 1 - _FASTEST_PLUCK_BLOCKS]
        is_rise = not before_db or bright_db > min(before_db) + _PLUCK_DB
        if is_rise:
            self._num_since_rise = -1
            self._loudest_db = self._brightest_db = -np.inf
            self._bright_faded_db = 0.0
        self._num_since_rise += 1
        self._loudest_db = max(self._loudest_db, level_db)
        if self._num_since_rise <= _BEGINNING_BLOCKS:
            self._beginning_db = self._loudest_db
        self._brightest_db = max(self._brightest_db, bright_db)
        self._bright_faded_db = max(self._bright_faded_db, self._brightest_db - bright_db)
        self._levels_db.append(level_db)
        self._bright_db.append(bright_db)
