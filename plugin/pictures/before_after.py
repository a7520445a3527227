"""Figures of a recording before and after: waveform and spectrogram on one time axis."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.pictures.colour_map import RANGE_DB, brightest_db
from hushgate.pictures.figures import new_figure, plain_text
from hushgate.pictures.overview import SpectrogramOverview, WaveformOverview

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS, _ROWS = 1200, 256
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
_COLOURS = {"before": "#555555", "after": "#1f6f8b", "removed": "#b3261e"}

Block = NDArray[np.float32]


@dataclass(frozen=True)
class _Panels:
    """One recording as it is drawn.

    Attributes:
        title: "before", "after" or "removed".
        waveform: Lowest and highest sample of each column.
        spectrogram: Levels of each row and column.
    """

    title: str
    waveform: WaveformOverview
    spectrogram: SpectrogramOverview


def plot_file(before: str | os.PathLike[str], after: str | os.PathLike[str] | None = None) -> Figure:
    """Draw a recording; with its processed version, also that and the difference of the two.

    Long recordings cost time but no memory. All spectrograms share one range of 80 dB, so they can
    be compared by eye.

    Args:
        before: A sound file.
        after: The same recording, processed: same rate, channels and length.

    Returns:
        A matplotlib figure; save it with its `savefig`.

    Raises:
        ModuleNotFoundError: matplotlib is not installed (extra `plot`).
        OSError, AudioFileError: A file cannot be read.
        ValueError: The two files differ in sample rate, channels or length.
    """
    if after is None:
        with FileReader(before) as reader:
            audio_format = _with_length(reader.format, before)
            rows = _measure(audio_format, ["before"], ([block] for block in reader.blocks()))
        return _draw(rows, audio_format, [Path(before).name])
    with FileReader(before) as old, FileReader(after) as new:
        check_same_recording(old.format, new.format, str(before), str(after))
        audio_format = _with_length(old.format, before)
        triples = ([a, b, a - b] for a, b in paired(old.blocks(), new.blocks(), str(before), str(after)))
        rows = _measure(audio_format, ["before", "after", "removed"], triples)
    return _draw(rows, audio_format, [Path(before).name, Path(after).name])


def _with_length(audio_format: AudioFormat, path: str | os.PathLike[str]) -> AudioFormat:
    """The format with its length, counted in a pass of its own where the container does not say it."""
    if audio_format.num_samples is not None:
        return audio_format
    with FileReader(path) as reader:
        return replace(audio_format, num_samples=sum(block.shape[1] for block in reader.blocks()))


def check_same_recording(before: AudioFormat, after: AudioFormat, old: str, new: str) -> None:
    """Refuse two files that cannot be compared sample by sample.

    Raises:
        ValueError: They differ in sample rate, channels or, where it is known, length.
    """
    for what, a, b in (
        ("sample rate", before.sample_rate, after.sample_rate),
        ("number of channels", before.num_channels, after.num_channels),
        ("length in samples", before.num_samples, after.num_samples),
    ):
        if a != b and None not in (a, b):
            raise ValueError(f"{old} and {new} must be the same recording: {what} {a} against {b}.")


def paired(old: Iterable[Block], new: Iterable[Block], *names: str) -> Iterator[tuple[Block, Block]]:
    """Blocks of two files in pairs; both readers cut at the same places.

    Raises:
        ValueError: One is longer.
    """
    for a, b in zip(old, new, strict=False):
        if a.shape != b.shape:
            raise ValueError(f"{names[0]} and {names[1]} must be the same recording: their lengths differ.")
        yield a, b


def _measure(audio_format: AudioFormat, titles: list[str], blocks: Iterable[list[Block]]) -> list[_Panels]:
    length = audio_format.num_samples or 0
    rows = [
        _Panels(
            title,
            WaveformOverview(length, columns=_COLUMNS),
            SpectrogramOverview(length, audio_format.sample_rate, columns=_COLUMNS, rows=_ROWS),
        )
        for title in titles
    ]
    for parts in blocks:
        for row, block in zip(rows, parts, strict=True):
            clean = np.nan_to_num(block, posinf=0.0, neginf=0.0)
            row.waveform.update(clean)
            row.spectrogram.update(clean)
    return rows


def _draw(rows: list[_Panels], audio_format: AudioFormat, names: list[str]) -> Figure:
    duration_s = (audio_format.num_samples or 0) / audio_format.sample_rate
    figure = new_figure(12, 1.0 + 2.9 * len(rows))
    axes: Any = figure.subplots(
        2 * len(rows), 1, sharex=True, squeeze=False, height_ratios=[1, 2] * len(rows)
    )[:, 0]
    levels = [row.spectrogram.decibels() for row in rows]
    top_db = brightest_db(float(levels[0].max()))
    limit = max(1e-6, *(float(max(row.waveform.high.max(), -row.waveform.low.min())) for row in rows))
    image = None
    for number, row in enumerate(rows):
        wave, spectrum = axes[2 * number], axes[2 * number + 1]
        columns = len(row.waveform.high)
        times = (np.arange(columns) + 0.5) * duration_s / columns
        wave.fill_between(
            times, row.waveform.low, row.waveform.high, color=_COLOURS[row.title], linewidth=0.3
        )
        wave.set(ylim=(-limit, limit), ylabel="amplitude", title=row.title)
        edges = np.log10(row.spectrogram.edges_hz)
        # The rows are evenly spaced in log(Hz): an image on that axis is much quicker than a mesh.
        image = spectrum.imshow(
            levels[number],
            extent=(0.0, duration_s, edges[0], edges[-1]),
            aspect="auto",
            origin="lower",
            interpolation="nearest",
            cmap="inferno",
            vmin=top_db - RANGE_DB,
            vmax=top_db,
        )
        ticks = [hz for hz in _TICKS_HZ if edges[0] <= np.log10(hz) <= edges[-1]]
        spectrum.set_yticks(np.log10(ticks), [f"{hz:g}" if hz < 1000 else f"{hz / 1000:g} k" for hz in ticks])
        spectrum.set(ylabel="Hz")
    axes[-1].set(xlabel="time, s", xlim=(0.0, duration_s))
    if image is not None:
        figure.colorbar(image, ax=list(axes[1::2]), label="dB", fraction=0.03, pad=0.01)
    figure.suptitle(plain_text(" → ".join(names)))
    return figure
