"""Spectrograms of clean sound, noisy sound and added noise, side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from hushgate.pictures.figures import new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Audio = NDArray[np.float32]
SCALES = ("linear", "log")
_LOWEST_HZ = 40.0


@dataclass(frozen=True)
class StftSettings:
    """Length of a frame and its advance, samples, and the window's name for `scipy.signal.get_window`."""

    frame_size: int
    hop_size: int
    window: str = "hann"

    def __post_init__(self) -> None:
        if self.frame_size < 16:
            raise ValueError(f"frame_size must be 16 samples or more (got {self.frame_size}).")
        if not 1 <= self.hop_size <= self.frame_size:
            raise ValueError(
                f"hop_size must be between 1 and frame_size, {self.frame_size} samples (got {self.hop_size})."
            )
        try:
            signal.get_window(self.window, 16)
        except ValueError as error:
            raise ValueError(f"window must be one that SciPy knows by name (got {self.window!r}).") from error


def parse_stft(text: str, window: str = "hann") -> StftSettings:
    """Read "FRAME/HOP" in samples, or "FRAME" with a hop of a quarter.

    >>> parse_stft("512/128")
    StftSettings(frame_size=512, hop_size=128, window='hann')
    """
    match = re.fullmatch(r"(\d+)(?:/(\d+))?", text)
    if match is None:
        raise ValueError(f"stft must be FRAME/HOP in samples, such as 512/128 (got {text!r}).")
    frame = int(match[1])
    return StftSettings(frame, int(match[2]) if match[2] else max(1, frame // 4), window)


def level_spectrogram(audio: Audio, settings: StftSettings) -> NDArray[np.float64]:
    """Return levels in dB, (bins, frames): a full-scale sine reads about 0."""
    window = signal.get_window(settings.window, settings.frame_size)
    padded = np.pad(audio.astype(np.float64), settings.frame_size // 2)
    padded = np.pad(padded, (0, max(0, settings.frame_size - len(padded))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, settings.frame_size)[:: settings.hop_size]
    spectrum = np.abs(np.fft.rfft(frames * window, axis=1)) * (2.0 / window.sum())
    return np.asarray(20.0 * np.log10(np.maximum(spectrum.T, 1e-9)))


def draw_preview(
    clean: Audio,
    noisy: Audio,
    sample_rate: int,
    settings: Sequence[StftSettings],
    *,
    range_db: float = 80.0,
    scale: str = "linear",
    title: str = "",
) -> Figure:
    """Draw one row of three spectrograms (clean, noisy, added noise) for every STFT setting.

    All share one range of levels, so that they can be compared by eye.

    Args:
        clean, noisy: float (samples,), of the same length.
        sample_rate: Hz.
        settings: At least one.
        range_db: From the loudest point down to black, dB above 0.
        scale: "linear" or "log" frequency.
        title: Above it all.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: An argument is not as above.
        ModuleNotFoundError: matplotlib is not installed (extra `plot`).
    """
    if clean.shape != noisy.shape or clean.ndim != 1 or not len(clean):
        raise ValueError(
            f"clean and noisy must be equally long and mono (got shapes {clean.shape} and {noisy.shape})."
        )
    if not 0.0 < range_db < float("inf"):
        raise ValueError(f"range_db must be above 0 dB (got {range_db:g}).")
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(SCALES)} (got {scale!r}).")
    sounds = {"clean": clean, "noisy": noisy, "added noise": noisy - clean}
    levels = [[level_spectrogram(sound, one) for sound in sounds.values()] for one in settings]
    top_db = max(float(level.max()) for row in levels for level in row)
    figure = new_figure(13.0, 0.8 + 3.0 * len(settings))
    axes: Any = figure.subplots(len(settings), 3, squeeze=False, sharex=True, sharey=True)
    image: Any = None
    for row, one in enumerate(settings):
        for column, name in enumerate(sounds):
            axis, level = axes[row, column], levels[row][column]
            edges_s = (np.arange(level.shape[1] + 1) - 0.5) * one.hop_size / sample_rate
            edges_hz = (np.arange(level.shape[0] + 1) - 0.5) * sample_rate / one.frame_size
            image = axis.pcolormesh(
                edges_s, np.maximum(edges_hz, 0.5 * _LOWEST_HZ), level,
                cmap="inferno", vmin=top_db - range_db, vmax=top_db, rasterized=True,
            )  # fmt: skip
            milliseconds = 1000.0 * one.frame_size / sample_rate
            axis.set_title(
                name
                if column
                else f"{name}   {one.window} {one.frame_size}/{one.hop_size} ({milliseconds:.3g} ms)"
            )
        axes[row, 0].set(ylabel="Hz")
    axes[0, 0].set(xlim=(0.0, len(clean) / sample_rate), yscale=scale)
    axes[0, 0].set_ylim(_LOWEST_HZ if scale == "log" else 0.0, sample_rate / 2.0)
    for axis in axes[-1]:
        axis.set(xlabel="time, s")
    figure.colorbar(image, ax=axes, label="dB", fraction=0.03, pad=0.01)
    figure.suptitle(plain_text(title))
    return figure


def read_pair(clean: Path, noisy: Path) -> tuple[Audio, Audio, int]:
    """Read a clean file and its noisy take as mono (samples,), cut to the shorter, and their rate in Hz.

    Raises:
        ValueError: Their rates differ.
    """
    (one, one_hz), (two, two_hz) = (
        soundfile.read(path, dtype="float32", always_2d=True) for path in (clean, noisy)
    )
    if one_hz != two_hz:
        raise ValueError(
            f"{clean} and {noisy} must have the same sample rate (got {one_hz} and {two_hz} Hz)."
        )
    length = min(len(one), len(two))
    return one[:length].mean(axis=1), two[:length].mean(axis=1), one_hz
