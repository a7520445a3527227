"""Overviews of long recordings: a spectrogram and a waveform of a fixed size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FRAME_MS = 40.0
_FRAMES_PER_COLUMN = 3
_FRAMES_AT_ONCE = 16
_LOWEST_HZ = 40.0
_SILENCE_DB = -200.0


def frequency_range_hz(sample_rate: float) -> tuple[float, float]:
    """Lowest and highest frequency of an overview, Hz.

    >>> frequency_range_hz(48_000)
    (40.0, 24000.0)
    """
    nyquist = sample_rate / 2.0
    return min(_LOWEST_HZ, nyquist / 2.0), nyquist


class SpectrogramOverview:
    """A spectrogram of a fixed size, for a recording of any length.

    Each column is the mean of a few frames spread over its share of the time, each row the mean over
    its share of a logarithmic frequency axis from 40 Hz to half the sample rate. Channels are averaged.
    Memory does not grow with the length.

    Args:
        num_samples: Length of the recording, samples; an estimate will do. Where the recording ends before
            it, the last column is repeated.
        sample_rate: Hz.
        columns, rows: Size of the picture.

    Attributes:
        edges_hz: Lower edge of each row, and the upper edge of the last, Hz.
    """

    def __init__(self, num_samples: int, sample_rate: float, *, columns: int = 200, rows: int = 48) -> None:
        size = 2 ** max(4, round(np.log2(sample_rate * _FRAME_MS / 1000.0)))
        self._size = size
        self._window = np.hanning(size + 1)[:-1].astype(np.float32)
        spread = np.linspace(0, max(0, num_samples - size), columns * _FRAMES_PER_COLUMN)
        self._starts = np.round(spread).astype(np.int64)
        self._columns = columns
        self.edges_hz = np.geomspace(*frequency_range_hz(sample_rate), rows + 1)
        bins = self.edges_hz / (sample_rate / size)
        self._low = np.minimum(np.floor(bins[:-1]).astype(int), size // 2)
        self._high = np.maximum(self._low + 1, np.ceil(bins[1:]).astype(int))
        self._power = np.zeros((columns, rows))
        self._counts = np.zeros(columns)
        self._next = 0
        self._held = np.empty(0, np.float32)
        self._position = 0  # index of the first held sample
        # A full-scale sine has power 1.
        self._scale = 4.0 / float(self._window.sum()) ** 2

    def update(self, block: NDArray[np.float32]) -> None:
        """Add the next samples, float32 (channels, samples)."""
        self._held = np.concatenate([self._held, block.mean(axis=0)])
        end = self._position + len(self._held)
        ready = int(np.searchsorted(self._starts, end - self._size, side="right"))
        if ready > self._next:
            self._add(np.arange(self._next, ready))
            self._next = ready
        needed = int(self._starts[self._next]) if self._next < len(self._starts) else end
        drop = min(max(0, needed - self._position), len(self._held))
        self._held = self._held[drop:]
        self._position += drop

    def decibels(self) -> NDArray[np.float32]:
        """Levels, dB below a full-scale sine, (rows, columns), the lowest frequency first."""
        begun = int(np.searchsorted(self._starts, self._position + len(self._held)))
        if self._next < begun:  # the recording ends within these frames
            self._held = np.pad(self._held, (0, self._size))
            self._add(np.arange(self._next, begun))
            self._next = begun
        mean = self._power / np.maximum(self._counts, 1.0)[:, np.newaxis]
        num_columns = int(np.count_nonzero(self._counts))
        if num_columns:
            mean[num_columns:] = mean[num_columns - 1]
        levels: NDArray[np.float64] = 10.0 * np.log10(np.maximum(mean, 10.0 ** (_SILENCE_DB / 10.0)))
        return levels.T.astype(np.float32)

    def _add(self, frames: NDArray[np.int64]) -> None:
        # In parts: at rates of megahertz, all frames of a block that fills the picture would take gigabytes.
        for first in range(0, len(frames), _FRAMES_AT_ONCE):
            self._add_part(frames[first : first + _FRAMES_AT_ONCE])

    def _add_part(self, frames: NDArray[np.int64]) -> None:
        offsets = np.maximum(self._starts[frames] - self._position, 0)
        pieces = np.stack([self._held[offset : offset + self._size] for offset in offsets])
        power = np.abs(np.fft.rfft(pieces * self._window)) ** 2 * self._scale
        sums = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
        high = np.minimum(self._high, power.shape[1])
        rows = (sums[:, high] - sums[:, self._low]) / (high - self._low)
        columns = frames // _FRAMES_PER_COLUMN
        np.add.at(self._power, columns, rows)
        np.add.at(self._counts, columns, 1.0)


class WaveformOverview:
    """The lowest and highest sample in each of a fixed number of time steps.

    Args:
        num_samples: Length of the recording, samples.
        columns: Number of steps.
    """

    def __init__(self, num_samples: int, *, columns: int = 1000) -> None:
        self._columns = min(columns, max(1, num_samples))
        self._num_samples = max(1, num_samples)
        self._position = 0
        self.low = np.zeros(self._columns, np.float32)
        self.high = np.zeros(self._columns, np.float32)

    def update(self, block: NDArray[np.float32]) -> None:
        """Add the next samples, float32 (channels, samples)."""
        if not block.shape[1]:
            return
        positions = self._position + np.arange(block.shape[1])
        columns = np.minimum(positions * self._columns // self._num_samples, self._columns - 1)
        starts = np.flatnonzero(np.diff(columns, prepend=-1))
        touched = columns[starts]
        self.low[touched] = np.minimum(self.low[touched], np.minimum.reduceat(block.min(axis=0), starts))
        self.high[touched] = np.maximum(self.high[touched], np.maximum.reduceat(block.max(axis=0), starts))
        self._position += block.shape[1]
