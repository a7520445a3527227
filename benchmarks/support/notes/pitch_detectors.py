"""Pitch detectors under comparison, behind one call.

A detector turns mono float32 at 16 kHz into a `Track`. Where it says how sure it is, its own limit
decides what counts as voiced; YIN gives a pitch for everything, so all sound above -60 dBFS counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
LOWEST_HZ, HIGHEST_HZ = 40.0, 1600.0
_FRAME, _HOP = 2048, 320
_LEVEL_WINDOW_S = 0.064
_YIN_LEAST_DB = -60.0
_SWIFT_FRAME_S = 0.064


@dataclass(frozen=True)
class Track:
    """Pitch over time.

    Attributes:
        centre_s: Middle of what each reading looked at, seconds.
        end_s: End of it: nothing could be shown before.
        frequency_hz: Hz; NaN where nothing is shown.
    """

    centre_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    frequency_hz: NDArray[np.float64]


Detector = Callable[[NDArray[np.float32]], Track]


def levels_db(audio: NDArray[np.float32], centre_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Level in a window of 64 ms around each time, dBFS (RMS)."""
    half = round(_LEVEL_WINDOW_S * RATE / 2)
    power = np.concatenate([[0.0], np.cumsum(audio.astype(np.float64) ** 2)])
    middle = np.round(centre_s * RATE).astype(int)
    low, high = np.clip(middle - half, 0, len(audio)), np.clip(middle + half, 0, len(audio))
    mean = (power[high] - power[low]) / np.maximum(high - low, 1)
    return np.asarray(10.0 * np.log10(mean + 1e-20))


def _swift_f0() -> Detector:
    detector = import_module("swift_f0").SwiftF0(threads=1, spin=False)

    def detect(audio: NDArray[np.float32]) -> Track:
        result = detector.detect(audio, RATE)
        hz = np.where(result.confidence >= 0.5, result.pitch_hz, np.nan).astype(np.float64)
        times = np.asarray(result.timestamps, np.float64)
        return Track(times, times + _SWIFT_FRAME_S / 2, hz)

    return detect


def _yin() -> Detector:
    yin = import_module("librosa").yin

    def detect(audio: NDArray[np.float32]) -> Track:
        hz = yin(
            audio, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=RATE, frame_length=_FRAME, hop_length=_HOP, center=True
        )
        times = np.arange(len(hz)) * _HOP / RATE
        sounds = levels_db(audio, times) > _YIN_LEAST_DB
        return Track(times, times + _FRAME / 2 / RATE, np.where(sounds, hz, np.nan))

    return detect


def _pyin() -> Detector:
    pyin = import_module("librosa").pyin

    def detect(audio: NDArray[np.float32]) -> Track:
        hz, _, _ = pyin(
            audio, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=RATE, frame_length=_FRAME, hop_length=_HOP, center=True
        )
        times = np.arange(len(hz)) * _HOP / RATE
        return Track(times, times + _FRAME / 2 / RATE, hz)

    return detect


def _tuner() -> Detector:
    from hushgate import Tuner

    # Settings of `hushgate tune`, but without hold: a reading kept on the display after the sound is no
    # reading of it.
    tuner = Tuner(hold_ms=0.0, sustained=False)

    def detect(audio: NDArray[np.float32]) -> Track:
        readings = tuner.process(audio, RATE)
        end = np.array([reading.time_s for reading in readings])
        hz = np.array([np.nan if r.frequency_hz is None else r.frequency_hz for r in readings])
        return Track(end - 0.0575, end, hz)

    return detect


DETECTORS: dict[str, Callable[[], Detector]] = {
    "Swift-F0": _swift_f0,
    "YIN": _yin,
    "pYIN": _pyin,
    "hushgate.Tuner": _tuner,
}
"""Name and factory; a factory raises ImportError where its package is missing."""
