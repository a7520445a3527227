"""Programme loudness and true peak, after ITU-R BS.1770-5 and EBU R 128."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]

_STEP_S, _STEPS = 0.1, 4  # gating blocks of 400 ms that overlap by three quarters
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_LUFS = -0.691
_HIGHEST_LUFS, _BINS_PER_LU = 30.0, 20
# K-weighting: a shelf for the head, and a second-order high-pass, which at a Q of 0.5 is two of first order.
_SHELF_HZ, _SHELF_DB, _SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_HIGHPASS_HZ, _HIGHPASS_Q = 38.13547087602444, 0.5003270373238773
# Left, right, centre, bass, then surrounds: by the number of channels.
_WEIGHTS = {5: (1.0, 1.0, 1.0, 1.41, 1.41), 6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)}
_OVERSAMPLING, _TAPS = 4, 24


class LoudnessMeter:
    """Integrated loudness of all channels together; memory does not grow.

    The filters are pedalboard's.

    Args:
        sample_rate: Hz.
        num_channels: 1 or more; 5 and 6 count as surround sound, others with equal weights.
    """

    def __init__(self, sample_rate: float, num_channels: int) -> None:
        from pedalboard import HighpassFilter, HighShelfFilter, Pedalboard

        self._rate = sample_rate
        # The standard's frequency is that of the poles, pedalboard's the middle of the slope.
        slope = math.tan(math.pi * _SHELF_HZ / sample_rate) / 10.0 ** (_SHELF_DB / 80.0)
        middle_hz = sample_rate / math.pi * math.atan(slope)
        self._filter = Pedalboard(
            [
                HighShelfFilter(middle_hz, _SHELF_DB, _SHELF_Q),
                HighpassFilter(_HIGHPASS_HZ),
                HighpassFilter(_HIGHPASS_HZ),
            ]
        )
        # The standard's high-pass is not scaled to a gain of 1 in its pass band.
        slope = math.tan(math.pi * _HIGHPASS_HZ / sample_rate)
        gain = 1.0 + slope / _HIGHPASS_Q + slope * slope
        weights = np.array(_WEIGHTS.get(num_channels, (1.0,) * num_channels))
        self._weights = weights * gain**2
        self._step = round(_STEP_S * sample_rate)
        self._open = np.zeros(0)
        self._steps: list[float] = []
        num_bins = round((_HIGHEST_LUFS - _ABSOLUTE_GATE_LUFS) * _BINS_PER_LU) + 1
        self._counts = np.zeros(num_bins, np.int64)
        self._energies = np.zeros(num_bins)

    def update(self, block: Block) -> None:
        """Measure the next samples, float32 (channels, samples), finite."""
        if not block.shape[1]:
            return
        # pedalboard cannot tell channels from samples in blocks with few samples.
        if block.shape[1] <= block.shape[0]:
            weighted = self._filter.process(np.ascontiguousarray(block.T), self._rate, reset=False).T
        else:
            weighted = self._filter.process(block, self._rate, reset=False)
        energy = self._weights @ np.square(weighted, dtype=np.float64)
        energies = np.concatenate([self._open, energy])
        count = len(energies) // self._step
        steps = energies[: count * self._step].reshape(count, self._step).mean(axis=1)
        self._open = energies[count * self._step :]
        for step in steps.tolist():
            self._steps = [*self._steps[1 - _STEPS :], step]
            if len(self._steps) == _STEPS:
                self._add(sum(self._steps) / _STEPS)

    @property
    def lufs(self) -> float | None:
        """Integrated loudness, LUFS; None where nothing is above -70 LUFS or 400 ms long."""
        total = int(self._counts.sum())
        if not total:
            return None
        gate = _loudness(float(self._energies.sum()) / total) + _RELATIVE_GATE_LU
        first = max(0, math.ceil((gate - _ABSOLUTE_GATE_LUFS) * _BINS_PER_LU))
        count = int(self._counts[first:].sum())
        return _loudness(float(self._energies[first:].sum()) / count) if count else None

    def _add(self, energy: float) -> None:
        """Count a gating block."""
        if energy <= 0.0:
            return
        place = math.floor((_loudness(energy) - _ABSOLUTE_GATE_LUFS) * _BINS_PER_LU)
        if place >= 0:
            place = min(place, len(self._counts) - 1)
            self._counts[place] += 1
            self._energies[place] += energy


class TruePeaks:
    """Peak of each sample's surroundings between samples too: four times oversampled.

    Args:
        num_channels: Channels of every block.

    Latency: `latency_samples`: `process` gives as many peaks as it gets samples, that much later.

    Attributes:
        peak: Largest so far, linear.
    """

    latency_samples = _TAPS // 2

    def __init__(self, num_channels: int) -> None:
        self.peak = 0.0
        self._tail = np.zeros((num_channels, _TAPS - 1), np.float32)
        # Rows of a windowed sinc, for a quarter, half and three quarters of a sample; the rest is the sample.
        places = np.arange(_TAPS) - _TAPS // 2 + 1
        window = np.kaiser(8 * _TAPS + 1, 6.0)
        self._phases: list[NDArray[np.float32]] = []
        for phase in range(1, _OVERSAMPLING):
            distance = places - phase / _OVERSAMPLING
            shape = np.interp(distance, np.linspace(-_TAPS / 2, _TAPS / 2, len(window)), window)
            taps = np.sinc(distance) * shape
            self._phases.append((taps / taps.sum()).astype(np.float32))

    def process(self, block: Block) -> NDArray[np.float32]:
        """Peaks, linear, float32 (samples,): each the largest of a sample and the quarters after it."""
        count = block.shape[1]
        if not count:
            return np.zeros(0, np.float32)
        joined = np.concatenate([self._tail, block], axis=1)
        self._tail = joined[:, count:].copy()
        start = _TAPS - 1 - self.latency_samples
        peaks: NDArray[np.float32] = np.abs(joined[:, start : start + count]).max(axis=0)
        for taps in self._phases:
            for channel in joined:
                np.maximum(peaks, np.abs(np.correlate(channel, taps, "valid")), out=peaks)
        self.peak = max(self.peak, float(peaks.max()))
        return peaks


def _loudness(energy: float) -> float:
    return _OFFSET_LUFS + 10.0 * math.log10(energy)
