"""The removal of mains hum from a stream of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.hum.hum_search import HISTORY_HOPS, HumSearch
from hushgate.engine.hum.hum_tracker import HumTracker
from hushgate.engine.hum.line_spectra import HOP_S, Complex, LineSpectra
from hushgate.engine.signal.beginning import HUM_LEARNT_S

_MOST_LEARNT_HOPS = round(HUM_LEARNT_S / HOP_S)
# Between two searches.
_SEARCH_HOPS = 10
# Of the waveform of a hop; amplitudes move from one to the next.
_NUM_ROWS = 24
# Changes of frequency that a row's samples are computed anew for, Hz: less is 0.005 rad at most.
_LEAST_CHANGE_HZ = 2e-3

Samples = NDArray[np.float32]


class HumCanceller:
    """Subtract steady mains hum, 50 or 60 Hz and its multiples up to 3 kHz, from a stream.

    Hum is what sounds on exact multiples of a frequency within 0.3 Hz of 50 or 60 Hz, at all times in the
    last 8 s (`HumSearch`). Its lines are followed hop by hop (`HumTracker`), and the waveform that they
    predict for the next 0.1 s is subtracted. Everything else passes bit for bit, and so does all sound while
    there is no hum.

    Args:
        sample_rate: Hz.
        num_channels: Channels of every block.

    Shapes: `process` maps float32 (channels, samples) to the same shape; samples may be 0. Latency: 0. The
    output does not depend on block sizes. State: the spectra of 8 s up to 3 kHz (30 s while it learns), the
    present hop, the lines.
    """

    def __init__(self, sample_rate: float, num_channels: int) -> None:
        self._lines = LineSpectra(sample_rate)
        self._search = HumSearch(self._lines)
        size = self._size = self._lines.hop_size
        # The present hop, and the samples before it that the low-pass needs.
        self._hop = np.zeros((num_channels, self._lines.num_preceding + size), dtype=np.float32)
        self._frame = self._lines.at_low_rate(self._hop).repeat(2, axis=1)
        # The history is a window that moves over a buffer of twice its length.
        self._spectra = np.zeros((2 * HISTORY_HOPS, num_channels, self._lines.num_bins), dtype=np.complex64)
        # The waveform of a hop is computed in rows: e^(i w n) is the row's start times the place in the row.
        self._row = -(-size // _NUM_ROWS)
        self._starts = np.arange(0, size, self._row)
        self._rate = sample_rate
        self.reset()

    def reset(self) -> None:
        """Forget all sound."""
        self._hop[:] = 0.0
        self._frame[:] = 0.0
        self._spectra[:] = 0.0
        self._end = HISTORY_HOPS
        self._num_hops = 0
        self._filled = 0
        self._tracker: HumTracker | None = None
        # Spectra of all hops that `learn` has taken in.
        self._learnt: list[Complex] | None = None
        # The hum that these have, before the first of them and after the last.
        self._beginning: HumTracker | None = None
        self._ahead: HumTracker | None = None
        # No search finds hum in so many.
        self._num_vain = 0
        self._waveform: Samples | None = None
        self._columns = np.zeros((0, self._row), dtype=np.complex64)
        self._column_orders, self._columns_hz = np.zeros((0, 1), dtype=np.intp), 0.0

    @property
    def frequency_hz(self) -> float | None:
        """Frequency of the mains whose hum is being removed, Hz; None while there is none."""
        return None if self._tracker is None else self._tracker.frequency_hz

    def process(self, block: Samples) -> Samples | None:
        """The hum in the next samples, float32 (channels, samples); None where there is none.

        Args:
            block: float32 (channels, samples), finite; not written to.
        """
        num_samples = block.shape[1]
        hum: Samples | None = None
        done = 0
        while done < num_samples:
            count = min(num_samples - done, self._size - self._filled)
            part, now = slice(done, done + count), slice(self._filled, self._filled + count)
            start = self._lines.num_preceding + self._filled
            self._hop[:, start : start + count] = block[:, part]
            if self._waveform is not None:
                if hum is None:
                    hum = np.zeros_like(block)
                hum[:, part] = self._waveform[:, now]
            self._filled += count
            done += count
            if self._filled == self._size:
                self._filled = 0
                self._finish_hop()
        return hum

    def learn(self, block: Samples) -> None:
        """Take in the beginning of a recording, block by block. `rewind` is to follow.

        30 s of it count. Hum that music covers at first is found later and followed back to the first sample.
        """
        if self._learnt is None:
            self.reset()
            self._learnt = []
        num_missing = (_MOST_LEARNT_HOPS - self._num_hops) * self._size - self._filled
        self.process(block[:, : max(0, num_missing)])

    def _history(self) -> Complex:
        """Spectra of the last 8 s."""
        return self._spectra[self._end - HISTORY_HOPS : self._end]

    def rewind(self) -> None:
        """Begin the recording anew whose beginning `learn` was given, and know its hum from the first sample.

        After less than 8 s, or without hum, this is `reset`. It may be repeated until `learn` or `reset`.
        """
        beginning, num_vain = self._beginning, self._num_vain
        if beginning is not None and self._ahead is not None and self._ahead is self._tracker:
            beginning.take_up(self._ahead)  # it never lost the hum
        self.reset()
        self._num_vain = num_vain
        if beginning is not None:
            self._beginning, self._tracker = beginning, beginning.copy()
            self._waveform = self._next_waveform(beginning)

    def _finish_hop(self) -> None:
        half, kept = self._frame.shape[1] // 2, self._lines.num_preceding
        self._frame[:, :half] = self._frame[:, half:]
        self._frame[:, half:] = self._lines.at_low_rate(self._hop)
        self._hop[:, :kept] = self._hop[:, self._size :]
        if self._end == len(self._spectra):
            self._spectra[: HISTORY_HOPS - 1] = self._spectra[-HISTORY_HOPS + 1 :]
            self._end = HISTORY_HOPS - 1
        self._spectra[self._end] = self._lines.of_frame(self._frame)
        self._end += 1
        self._num_hops += 1
        if self._learnt is not None:
            self._learnt.append(self._spectra[self._end - 1].copy())
        tracker = self._tracker
        if tracker is not None:
            if self._num_hops == 1:
                # After `rewind`: half of the first frame precedes the recording.
                tracker.coast()
            else:
                tracker.step(self._history())
        elif self._num_hops >= max(HISTORY_HOPS, self._num_vain + 1) and self._num_hops % _SEARCH_HOPS == 0:
            self._tracker = tracker = self._find()
        is_heard = self._learnt is None
        self._waveform = self._next_waveform(tracker) if tracker is not None and is_heard else None
        if tracker is not None and tracker.is_lost:
            self._tracker = None

    def _find(self) -> HumTracker | None:
        """What follows the hum of the last 8 s from now on; None if there is none."""
        history = self._history()
        path = self._search.find(history)
        if path is None:
            self._num_vain = 0 if self._learnt is None else self._num_hops
            return None
        tracker = HumTracker(self._lines, self._search, path, history)
        if self._learnt is not None and self._beginning is None:
            beginning = HumTracker(self._lines, self._search, path, history, np.array(self._learnt))
            if not beginning.is_lost:
                self._beginning, self._ahead = beginning, tracker
        return tracker

    def _next_waveform(self, tracker: HumTracker) -> Samples:
        """The hum of the next hop; amplitudes move in small steps from the last hop's to its own."""
        size = self._size
        sounding = np.flatnonzero(np.any((tracker.amplitudes != 0.0) | (tracker.before != 0.0), axis=0))
        orders = (sounding + 1)[:, None]
        if (
            len(orders) != len(self._columns)
            or (orders != self._column_orders).any()
            or abs(tracker.frequency_hz - self._columns_hz) > _LEAST_CHANGE_HZ
        ):
            self._column_orders, self._columns_hz = orders, tracker.frequency_hz
            angles = 2.0 * np.pi * tracker.frequency_hz / self._rate * np.arange(self._row)
            self._columns = np.exp(1j * (orders * angles)).astype(np.complex64)
        turn = 2.0 * np.pi * tracker.frequency_hz / self._rate
        # The last frame's middle is a hop before the next sample.
        rows = np.exp(1j * (orders * (tracker.phase + turn * (size + self._starts)))).astype(np.complex64)
        before, after = tracker.before[:, sounding, None], tracker.amplitudes[:, sounding, None]
        moved = before + (after - before) * (self._starts / size).astype(np.float32)
        rows = np.swapaxes(moved * rows, 1, 2)
        waveform = rows.real @ self._columns.real - rows.imag @ self._columns.imag
        result: Samples = waveform.reshape(len(rows), -1)[:, :size]
        return result
