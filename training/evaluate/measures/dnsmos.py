"""DNSMOS: ratings of speech predicted without the clean sound.

The networks come from the package speechmos. Its own code is not imported: it needs librosa, pandas and
requests, which its metadata does not list, and the features take a few lines.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.model_files.runtime import import_onnxruntime
from hushgate.training.dnsmos_files import P808_FILE, P835_FILE, RATINGS, network_path
from hushgate.training.evaluate.measures.base import Audio, Column, Item
from hushgate.training.evaluate.measures.mono_at_rate import mono_at

_RATE = 16_000
_SECONDS = 9.01
_FRAME, _HOP, _BANDS = 321, 160, 120


class Dnsmos:
    """DNSMOS P.835 (speech, background, overall) and P.808, 1 to 5 (Reddy, Gopal and Cutler 2021, 2022).

    Windows of 9.01 s, a second apart, averaged; shorter sounds are repeated, as the authors do. Figures equal
    those of speechmos to 1e-3.
    """

    columns = (
        Column("dnsmos_ovr", "DNSMOS overall", 2),
        Column("dnsmos_sig", "DNSMOS speech", 2),
        Column("dnsmos_bak", "DNSMOS background", 2),
        Column("dnsmos_p808", "DNSMOS P.808", 2),
    )

    def __init__(self) -> None:
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1

        def load(name: str) -> Any:
            return onnxruntime.InferenceSession(
                network_path(name), options, providers=["CPUExecutionProvider"]
            )

        self._p835, self._p808 = load(P835_FILE), load(P808_FILE)
        self._filters = mel_filters()

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        audio = np.clip(mono_at(output, item.sample_rate, _RATE), -1.0, 1.0)
        if len(audio) == 0 or not np.isfinite(audio).all():
            return dict.fromkeys((column.name for column in self.columns), math.nan)
        length = int(_SECONDS * _RATE)
        while len(audio) < length:
            audio = np.append(audio, audio)
        ratings: list[list[float]] = []
        for second in range(int(int(len(audio) / _RATE) - _SECONDS) + 1):
            # The authors' arithmetic drops windows that rounding makes a sample too short. Keep it, so that
            # the figures are comparable with published ones.
            window = audio[second * _RATE : int((second + _SECONDS) * _RATE)]
            if len(window) == length:
                ratings.append(self._rate(window))
        means = np.mean(ratings, axis=0)
        names = [*RATINGS, "dnsmos_p808"]
        return {name: float(value) for name, value in zip(names, means, strict=True)}

    def _rate(self, window: NDArray[np.float64]) -> list[float]:
        raw = self._p835.run(None, {"input_1": window[None].astype(np.float32)})[0][0]
        features = log_mel(window[:-_HOP], self._filters)[None].astype(np.float32)
        p808 = float(self._p808.run(None, {"input_1": features})[0][0][0])
        return [
            *(float(np.polyval(powers, value)) for powers, value in zip(RATINGS.values(), raw, strict=True)),
            p808,
        ]


def log_mel(audio: NDArray[np.float64], filters: NDArray[np.float64]) -> NDArray[np.float64]:
    """The P.808 network's features: levels in mel bands, (frames, bands), 0 dB of the loudest at 1.0."""
    padded = np.pad(audio, _FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_FRAME) / _FRAME)
    power = np.square(np.abs(np.fft.rfft(frames * window))) @ filters.T
    level_db = 10.0 * np.log10(np.maximum(power, 1e-10) / max(float(power.max()), 1e-10))
    result: NDArray[np.float64] = (np.maximum(level_db, level_db.max() - 80.0) + 40.0) / 40.0
    return result


def mel_filters() -> NDArray[np.float64]:
    """Triangles of unit area, evenly spaced on Slaney's mel scale from 0 Hz to Nyquist: (bands, bins)."""
    edges = _hz(np.linspace(0.0, float(_mel(_RATE / 2)), _BANDS + 2))
    bins = np.fft.rfftfreq(_FRAME, 1.0 / _RATE)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filters: NDArray[np.float64] = triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return filters


# Slaney's scale: linear up to 1 kHz (15 mel), logarithmic above.
_LINEAR_HZ, _KNEE_HZ, _KNEE_MEL, _LOG_STEP = 200.0 / 3.0, 1000.0, 15.0, math.log(6.4) / 27.0


def _mel(frequency_hz: float) -> float:
    if frequency_hz < _KNEE_HZ:
        return frequency_hz / _LINEAR_HZ
    return _KNEE_MEL + math.log(frequency_hz / _KNEE_HZ) / _LOG_STEP


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _KNEE_HZ * np.exp(_LOG_STEP * (mel - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _LINEAR_HZ, above)
