"""Sharpness of attacks: plucked strings start at once, bowed, blown and sung tones swell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_HOP_S = 0.005
# 30 ms; in a shorter window the level of a bass string would pulsate with its period.
_HOPS_PER_WINDOW = 6
_JUMP_HOPS = 4
_RISE_HOPS = 30
# A pluck makes most of its rise within 20 ms: 42 recorded guitars needed 10 to 20 ms from 12 dB below
# their peak to 3 dB below it, bowed and blown tones 25 to 80.
_SHARP_SHARE, _SHARP_DB = 0.6, 12.0
_NEAR_TOP_DB = 3.0
_LEAST_PLUCK_DB = 4.0
# After a swell more is needed to count as plucked, because a swell continues.
_SHARP_SHARE_AFTER_SWELL, _LEAST_PLUCK_AFTER_SWELL_DB = 0.75, 6.0
_LEAST_SWELL_DB = 5.0
# The partials of a bass string beat: its level rises again by 5 to 7 dB, to 7 dB and more below the pluck.
# A rise is a swell only if it comes near the loudest before, which counts less as time goes on.
_NEAR_LOUDEST_DB, _FORGETTING_DB_PER_S = 6.0, 12.0
# Power weighted by the square of frequency shows a string that is plucked again while it rings, which hardly
# gets louder. Above this frequency the hiss of a voice or a bow would dominate.
_BRIGHT_TO_HZ = 5000.0
# Rises below these levels are noise.
_FLOOR_DB, _BRIGHT_FLOOR_DB = -75.0, -95.0
_TINY = 1e-12


def brightness_weights(size: int, sample_rate: float) -> NDArray[np.float64]:
    """Weight of each bin of a transform of `size` samples in the power that shows a pluck."""
    frequencies_hz = np.fft.rfftfreq(size, 1.0 / sample_rate)
    return np.where(frequencies_hz < _BRIGHT_TO_HZ, (frequencies_hz / _BRIGHT_TO_HZ) ** 2, 0.0)


class AttackMeter:
    """Measure whether a sound started as sharply as a plucked string, or swelled.

    Args:
        sample_rate: Hz.

    State: levels of the last 170 ms, the loudest before, and the sharpness of the last rise.
    """

    def __init__(self, sample_rate: float) -> None:
        self._hop = max(1, round(_HOP_S * sample_rate))
        size = _HOPS_PER_WINDOW * self._hop
        self._held = np.zeros(size - self._hop)
        self._window = np.hanning(size) / size
        self._weights = np.column_stack([np.ones(size // 2 + 1), brightness_weights(size, sample_rate)])
        self._floors_db = np.array([_FLOOR_DB, _BRIGHT_FLOOR_DB])
        self._recent_db = np.tile(self._floors_db, (_RISE_HOPS + _JUMP_HOPS, 1))
        self._is_sharp = False
        self._loudest_db = _FLOOR_DB

    @property
    def is_sharp(self) -> bool:
        """True if the last rise of more than a few dB was that of a pluck; False before the first."""
        return self._is_sharp

    def update(self, samples: NDArray[np.float64]) -> None:
        """Measure the next samples, float64 (samples,)."""
        sound = np.concatenate([self._held, samples])
        size = len(self._window)
        if len(sound) < size:
            self._held = sound
            return
        windows = np.lib.stride_tricks.sliding_window_view(sound, size)[:: self._hop]
        powers = np.abs(np.fft.rfft(windows * self._window)) ** 2 @ self._weights
        levels_db = np.maximum(10.0 * np.log10(powers + _TINY), self._floors_db)
        for last in levels_db:
            self._step(last)
        self._held = sound[len(windows) * self._hop :]

    def _step(self, levels_db: NDArray[np.float64]) -> None:
        recent = self._recent_db = np.concatenate([self._recent_db[1:], levels_db[np.newaxis]])
        rises = levels_db - recent.min(axis=0)
        jumps = recent[_JUMP_HOPS:] - recent[:-_JUMP_HOPS]
        near_top = recent[_JUMP_HOPS:] >= levels_db - _NEAR_TOP_DB
        fastest = np.where(near_top, jumps, -np.inf).max(axis=0)
        share, least = (
            (_SHARP_SHARE, _LEAST_PLUCK_DB)
            if self._is_sharp
            else (_SHARP_SHARE_AFTER_SWELL, _LEAST_PLUCK_AFTER_SWELL_DB)
        )
        if np.any((rises >= least) & (fastest >= np.minimum(share * rises, _SHARP_DB))):
            self._is_sharp = True
        elif rises[0] >= _LEAST_SWELL_DB and levels_db[0] >= self._loudest_db - _NEAR_LOUDEST_DB:
            self._is_sharp = False
        self._loudest_db = max(levels_db[0], self._loudest_db - _FORGETTING_DB_PER_S * _HOP_S)
