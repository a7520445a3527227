"""Meter of a cleaning: noise floor before and after, change of the target, levels and peaks."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hushgate.measuring.level_meter import LevelMeter
from hushgate.measuring.noise_floor import (
    NoiseFloor,
    decibels,
    floor_in_bands,
    floor_in_pauses,
    noise_of_bands,
)
from hushgate.measuring.row_store import RowStore

Block = NDArray[np.float32]

_FRAME_S = 0.0427  # 2048 samples at 48 kHz
_PARTS = 8
# Levels are taken of every frame, which costs little, spectra of one in six and soon fewer. Frames wait
# until there are enough of them, because calls of numpy cost more than the samples of a frame.
_BATCH = 32
_RUN, _RUNS, _SPECTRA, _SPECTRA_STRIDE = 64, 512, 64, 6
_LEAST_FRAMES = 12
_SILENCE = 1e-14  # energy of a part: -140 dBFS
_BANDS_PER_OCTAVE = 3
_LEAST_BINS = 4
# Tiles of the target: this far above the noise, so that the noise in them does not count.
_TARGET_DB = 15.0
# Without a known noise floor: the loudest tiles.
_LOUD_SHARE_DB = 20.0
CHANGED_DB = 3.0
"""A part of the target counts as changed where its level moved by more than this against the rest, dB."""


@dataclass(frozen=True)
class CleaningFigures:
    """What a cleaning did to a recording.

    Attributes:
        level_before_dbfs, level_after_dbfs: RMS level; None for digital silence.
        peak_before_dbfs, peak_after_dbfs: Largest sample; None for digital silence.
        num_over: Samples of the result beyond full scale.
        noise: Noise floor where the target is silent; None where it could not be measured.
        noise_unknown: Why it, or what is left of it, could not be measured, in a few words; None where both
            could.
        target_change_db: Change of the target's level; None where it could not be measured.
        target_changed: Share of the target, counted in bands of a third of an octave and frames of 43 ms,
            that changed by more than `CHANGED_DB` against the rest, 0 to 1.
    """

    level_before_dbfs: float | None
    level_after_dbfs: float | None
    peak_before_dbfs: float | None
    peak_after_dbfs: float | None
    num_over: int
    noise: NoiseFloor | None
    noise_unknown: str | None
    target_change_db: float | None
    target_changed: float | None

    @property
    def noise_removed_db(self) -> float | None:
        """How far the noise floor fell, dB; None where it is not known."""
        if self.noise is None or self.noise.after_db is None:
            return None
        return self.noise.before_db - self.noise.after_db

    def turned_up(self, gain_db: float) -> CleaningFigures:
        """The figures of noise and target where the result has a gain behind it; levels and peaks stay."""
        noise = self.noise and self.noise.turned_up(gain_db)
        return replace(
            self,
            noise=noise,
            noise_unknown=noise.after_unknown if noise else self.noise_unknown,
            target_change_db=None if self.target_change_db is None else self.target_change_db + gain_db,
        )


class CleaningMeter:
    """Compare a recording with what an effect made of it, block by block.

    The noise is measured in pauses of the target, which are found by what the effect took away; for sound
    without pauses in the gaps that the target leaves in single bands. Digital silence is left out. Memory
    does not depend on the length, figures do not depend on the sizes of blocks.

    Args:
        sample_rate: Hz.
        unknown: Why noise and target cannot be told apart, in a few words; None where they can.
    """

    def __init__(self, sample_rate: float, *, unknown: str | None = None) -> None:
        self._levels = LevelMeter(), LevelMeter()
        part = max(8, 2 ** round(np.log2(sample_rate * _FRAME_S / _PARTS)))
        self._size = _PARTS * part
        self._frame_s = self._size / sample_rate
        self._unknown = unknown
        self._recording = _Queue()
        self._result = _Queue()
        self._num_frames = 0
        edges = _band_edges(self._size)
        self._edges = edges
        self._edges_hz = edges * sample_rate / self._size
        window = np.hanning(self._size)
        self._window = window.astype(np.float32)
        self._scale = 2.0 / (self._size * float(np.sum(window**2)))
        self._frames = RowStore(2, run=_RUN, capacity=_RUNS)
        self._spectra = RowStore(2 * len(edges), run=1, capacity=_SPECTRA, stride=_SPECTRA_STRIDE)

    def update(self, block: Block) -> None:
        """Measure the next samples of the recording, float32 (channels, samples), finite."""
        self._recording.put(block)

    def compare(self, block: Block) -> None:
        """Measure the next samples of the result, aligned with the recording and not ahead of it."""
        self._result.put(block)
        if self._result.num_samples >= _BATCH * self._size:
            self._measure()

    def figures(self) -> CleaningFigures:
        """The figures so far, but for the last part of a frame."""
        self._measure()
        before_meter, after_meter = (copy.copy(meter) for meter in self._levels)
        before_meter.update(self._recording.first(self._recording.num_samples))
        after_meter.update(self._result.first(self._result.num_samples))
        runs = [run.astype(np.float64) for run in self._frames.runs()]
        rows = [run.astype(np.float64) for run in self._spectra.runs()]
        num_bands = len(self._edges)
        spectra = np.concatenate(rows) if rows else np.zeros((0, 2 * num_bands))
        spectra = spectra[spectra[:, :num_bands].sum(axis=1) > 0.0]
        before, after = spectra[:, :num_bands], spectra[:, num_bands:]
        noise = floor_in_pauses(runs, self._frame_s)
        if noise is None and len(spectra):
            noise = floor_in_bands(before, after, self._edges_hz)
        change, changed = _target_change(before, after)
        if self._unknown:
            noise = change = changed = None
        return CleaningFigures(
            level_before_dbfs=before_meter.level_db,
            level_after_dbfs=after_meter.level_db,
            peak_before_dbfs=before_meter.peak_db,
            peak_after_dbfs=after_meter.peak_db,
            num_over=after_meter.num_over,
            noise=noise,
            noise_unknown=noise.after_unknown if noise else self._why_unknown(before_meter),
            target_change_db=change,
            target_changed=changed,
        )

    def _why_unknown(self, before: LevelMeter) -> str:
        if self._unknown:
            return self._unknown
        if before.level_db is None:
            return "digital silence"
        if self._num_frames < _LEAST_FRAMES:
            return "too short"
        return "no pause in which something was removed"

    def _measure(self) -> None:
        """Measure the whole frames that both sides have."""
        count = self._result.num_samples // self._size
        if not count:
            return
        before = self._recording.first(count * self._size)
        after = self._result.first(count * self._size)
        for meter, samples in zip(self._levels, (before, after), strict=True):
            meter.update(samples)
        parts = _energies(before, self._size // _PARTS).reshape(count, _PARTS)
        levels = np.stack([parts.mean(axis=1), _energies(after, self._size)], axis=1)
        levels[parts.min(axis=1) < _SILENCE] = 0.0
        self._frames.add(self._num_frames, levels)
        wanted = self._spectra.wanted(self._num_frames, count)
        wanted = wanted[levels[wanted, 0] > 0.0]
        rows = np.concatenate([self._bands(before, wanted), self._bands(after, wanted)], axis=1)
        for place, row in zip(wanted, rows, strict=True):
            self._spectra.add(self._num_frames + int(place), row[None])
        self._num_frames += count
        self._recording.drop(count * self._size)
        self._result.drop(count * self._size)

    def _bands(self, samples: Block, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Energies of the bands of some frames, (frames, bands)."""
        frames = samples.reshape(len(samples), -1, self._size)[:, places]
        spectra = np.fft.rfft(frames * self._window)
        powers = (spectra.real**2 + spectra.imag**2).mean(axis=0) * self._scale
        bands: NDArray[np.float32] = np.add.reduceat(powers, self._edges, axis=1).astype(np.float32)
        return bands


class _Queue:
    """Samples that wait, in memory that is used again: fresh pages would cost more than the measuring."""

    def __init__(self) -> None:
        self.num_samples = 0
        self._samples = np.empty((1, 0), np.float32)

    def put(self, block: Block) -> None:
        """Append samples."""
        end = self.num_samples + block.shape[1]
        if end > self._samples.shape[1] or len(block) != len(self._samples):
            grown = np.empty((len(block), 2 * end), np.float32)
            grown[:, : self.num_samples] = self._samples[:, : self.num_samples]
            self._samples = grown
        self._samples[:, self.num_samples : end] = block
        self.num_samples = end

    def first(self, count: int) -> Block:
        """The oldest samples, until the next `drop`."""
        return self._samples[:, :count]

    def drop(self, count: int) -> None:
        """Forget the oldest samples."""
        self.num_samples -= count
        self._samples[:, : self.num_samples] = self._samples[:, count : count + self.num_samples].copy()


def _energies(samples: Block, size: int) -> NDArray[np.float32]:
    """Mean energy over channels and each `size` samples, of (channels, samples)."""
    parts = samples.reshape(len(samples), -1, size)
    energies: NDArray[np.float32] = np.vecdot(parts, parts).mean(axis=0) / np.float32(size)
    return energies


def _band_edges(size: int) -> NDArray[np.int64]:
    """First bins of bands of a third of an octave, each of four bins or more; the lowest leaves out 0 Hz."""
    edges = [1]
    last = size // 2 + 1
    while True:
        following = max(edges[-1] + _LEAST_BINS, int(edges[-1] * 2.0 ** (1.0 / _BANDS_PER_OCTAVE)))
        if following + _LEAST_BINS > last:
            return np.array(edges)
        edges.append(following)


def _target_change(
    before: NDArray[np.float64], after: NDArray[np.float64]
) -> tuple[float | None, float | None]:
    """Change of level of the tiles that hold the target, dB, and the share that changed against the rest."""
    if not len(before):
        return None, None
    least = noise_of_bands(before, after) * 10.0 ** (_TARGET_DB / 10.0)
    loud = before.mean(axis=0) * 10.0 ** (-_LOUD_SHARE_DB / 10.0)
    is_target = before > np.where(np.isnan(least), loud, least)
    if not is_target.any():
        return None, None
    tiles_before, tiles_after = before[is_target], after[is_target]
    change = decibels(tiles_after.sum()) - decibels(tiles_before.sum())
    deviations = 10.0 * np.log10(np.maximum(tiles_after, 1e-20) / tiles_before) - change
    return change, float(np.mean(np.abs(deviations) > CHANGED_DB))
