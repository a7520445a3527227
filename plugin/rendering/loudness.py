"""Loudness normalization: one gain for a whole recording, and a limiter of true peaks."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hushgate.errors import errors_naming
from hushgate.measuring.level_meter import LevelMeter, decibels
from hushgate.measuring.loudness_meter import LoudnessMeter, TruePeaks
from hushgate.rendering.peak_limiter import PeakLimiter

Block = NDArray[np.float32]

LOWEST_LUFS, HIGHEST_LUFS = -60.0, -5.0
TRUE_PEAK_DBTP = -1.0
"""Largest true peak after normalization, dBTP (EBU R 128)."""
# Meters differ by a tenth or two between samples, and rounding to 16 bits adds to peaks.
_CEILING_DBTP = TRUE_PEAK_DBTP - 0.5
_MOST_GAIN_DB = 60.0
# The limiter takes loudness away: the gain is raised until the result is this near, at most so often.
_TOLERANCE_LU, _MOST_PASSES = 0.1, 5
_BLOCK = 65_536


@dataclass(frozen=True)
class LoudnessFigures:
    """What a normalization did.

    Attributes:
        before_lufs, after_lufs: Integrated loudness; None for sound too short or too quiet to have one.
        gain_db: Gain of the whole recording.
        limited_db: Most that the limiter turned a peak down, dB >= 0.
        true_peak_dbtp: Largest true peak of the result; None for silence.
        level_dbfs, peak_dbfs: RMS level and largest sample of the result; None for silence.
        num_over: Samples of the result beyond full scale.
    """

    before_lufs: float | None
    after_lufs: float | None
    gain_db: float
    limited_db: float
    true_peak_dbtp: float | None
    level_dbfs: float | None
    peak_dbfs: float | None
    num_over: int


class LoudnessNormalizer:
    """Bring a recording to a loudness, with true peaks of at most -1 dBTP.

    All samples of all channels get one gain, so the stereo image stays; only peaks that would be too high are
    turned down, all channels alike. The gain needs the whole recording, which waits in a temporary file of
    4 bytes per sample: memory does not depend on the length. Use it in a `with` statement.

    Args:
        sample_rate: Hz.
        num_channels: 1 or more.
        lufs: Loudness of the result, LUFS, -60 to -5.
        folder: Folder for the temporary file; None for the system's.

    Attributes:
        figures: What it did; None before `blocks` has ended.

    Raises:
        ValueError: `lufs` is out of range.

    Reference: ITU-R BS.1770-5; EBU R 128, 2020.
    """

    def __init__(
        self, sample_rate: float, num_channels: int, lufs: float, *, folder: Path | None = None
    ) -> None:
        self.figures: LoudnessFigures | None = None
        self._rate, self._num_channels = sample_rate, num_channels
        self._lufs = checked_loudness(lufs)
        self._meter = LoudnessMeter(sample_rate, num_channels)
        self._peaks = TruePeaks(num_channels)
        self._file = tempfile.TemporaryFile(prefix=".hushgate-loudness-", dir=folder)  # noqa: SIM115
        self._name = f"the temporary file in {folder or tempfile.gettempdir()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # what could not be written is of no use any more
            self._file.close()

    def write(self, block: Block) -> None:
        """Keep the next samples, float32 (channels, samples), finite."""
        self._meter.update(block)
        self._peaks.process(block)
        with errors_naming(self._name):
            self._file.write(np.ascontiguousarray(block.T).tobytes())

    def blocks(self) -> Iterator[Block]:
        """Yield the recording at its new loudness, as long to the sample."""
        self._peaks.process(np.zeros((self._num_channels, self._peaks.latency_samples), np.float32))
        before, gain = self._meter.lufs, 1.0
        if before is not None:
            gain = _linear(min(self._lufs - before, _MOST_GAIN_DB))
            is_limited = self._peaks.peak * gain > _linear(_CEILING_DBTP)
            for _ in range(_MOST_PASSES if is_limited else 0):
                after = self._loudness_with(gain)
                if after is None or abs(after - self._lufs) <= _TOLERANCE_LU:
                    break
                gain *= _linear(self._lufs - after)
        meter, peaks = LoudnessMeter(self._rate, self._num_channels), TruePeaks(self._num_channels)
        levels = LevelMeter()
        limiter = TruePeakLimiter(self._rate, self._num_channels, _linear(_CEILING_DBTP))
        for block in self._with_gain(gain, limiter):
            meter.update(block)
            peaks.process(block)
            levels.update(block)
            yield block
        peaks.process(np.zeros((self._num_channels, peaks.latency_samples), np.float32))
        self.figures = LoudnessFigures(
            before,
            meter.lufs,
            20.0 * math.log10(gain),
            -20.0 * math.log10(limiter.lowest_gain),
            decibels(peaks.peak),
            levels.level_db,
            levels.peak_db,
            levels.num_over,
        )

    def _loudness_with(self, gain: float) -> float | None:
        meter = LoudnessMeter(self._rate, self._num_channels)
        limiter = TruePeakLimiter(self._rate, self._num_channels, _linear(_CEILING_DBTP))
        for block in self._with_gain(gain, limiter):
            meter.update(block)
        return meter.lufs

    def _with_gain(self, gain: float, limiter: TruePeakLimiter) -> Iterator[Block]:
        with errors_naming(self._name):
            self._file.seek(0)
        while data := self._file.read(4 * self._num_channels * _BLOCK):
            samples = np.frombuffer(data, np.float32).reshape(-1, self._num_channels).T
            ready = limiter.process(samples * np.float32(gain))
            if ready.shape[1]:
                yield ready
        rest = limiter.flush()
        if rest.shape[1]:
            yield rest


class TruePeakLimiter:
    """Limit peaks between samples too; see `PeakLimiter`.

    Args:
        sample_rate: Hz.
        num_channels: Channels of every block.
        ceiling: Largest true peak, linear.
    """

    def __init__(self, sample_rate: float, num_channels: int, ceiling: float) -> None:
        self._limiter = PeakLimiter(sample_rate, ceiling)
        self._peaks = TruePeaks(num_channels)
        self._waiting = np.empty((num_channels, 0), np.float32)
        self._num_leading = self._peaks.latency_samples  # peaks of no sample come first

    @property
    def lowest_gain(self) -> float:
        """Smallest gain so far, linear."""
        return self._limiter.lowest_gain

    def process(self, block: Block) -> Block:
        """The samples that are ready, float32 (channels, samples)."""
        peaks = self._peaks.process(block)
        skipped = min(self._num_leading, len(peaks))
        self._num_leading -= skipped
        peaks = peaks[skipped:]
        joined = np.concatenate([self._waiting, block], axis=1)
        self._waiting = joined[:, len(peaks) :]
        return self._limiter.process(joined[:, : len(peaks)], peaks)

    def flush(self) -> Block:
        """The samples held back."""
        silence = np.zeros((len(self._waiting), self._peaks.latency_samples), np.float32)
        ready = self.process(silence)
        rest = self._limiter.flush()
        return ready if rest is None else np.concatenate([ready, rest], axis=1)


def checked_loudness(lufs: float) -> float:
    """A loudness to normalize to.

    Raises:
        ValueError: It is out of range.
    """
    allowed = f"between {LOWEST_LUFS:g} and {HIGHEST_LUFS:g} LUFS"
    if not LOWEST_LUFS <= lufs <= HIGHEST_LUFS:  # also catches NaN
        raise ValueError(f"loudness must be {allowed} (got {lufs:g}).")
    return float(lufs)


def normalized(blocks: Iterable[Block], normalizer: LoudnessNormalizer | None) -> Iterator[Block]:
    """Blocks at the loudness of a normalizer; unchanged without one."""
    if normalizer is None:
        yield from blocks
        return
    for block in blocks:
        normalizer.write(block)
    yield from normalizer.blocks()


def _linear(decibels_: float) -> float:
    return float(10.0 ** (decibels_ / 20.0))
