"""Pictures of a recording before and after: waveform and spectrogram on one time axis."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.open_audio import AudioFormat, FileReader
from hushgate.pictures.overview import SpectrogramOverview, WaveformOverview

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".pdf", ".svg", ".jpg")
_COLUMNS, _ROWS = 1200, 256
_RANGE_DB = 80.0
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
_COLOURS = {"before": "#555555", "after": "#1f6f8b", "removed": "#b3261e"}

Block = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
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
    """Draw a recording; with its cleaned twin, also that and the difference of the two.

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
        ValueError: The two files do not belong together.
    """
    if after is None:
        with FileReader(before) as reader:
            form = reader.format
            layers = _listen(form, ["before"], ([block] for block in reader.blocks()))
        return _draw(layers, form, [Path(before).name])
    with FileReader(before) as old, FileReader(after) as new:
        form = old.format
        _check_twins(form, new.format, str(before), str(after))
        triples = ([a, b, a - b] for a, b in _paired(old.blocks(), new.blocks(), str(before), str(after)))
        layers = _listen(form, ["before", "after", "removed"], triples)
    return _draw(layers, form, [Path(before).name, Path(after).name])


def check_figure_path(path: Path, *, overwrite: bool) -> None:
    """Refuse a picture that cannot or must not be written, before any work is done.

    Raises:
        ValueError: An extension that is none of `FORMATS`.
        OSError: It is there and `overwrite` is False, or its folder is missing.
    """
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"the figure must be a {', '.join(FORMATS)} file (got {str(path)!r}).")
    if path.exists() and not overwrite:
        raise FileExistsError(errno.EEXIST, "exists already (pass --overwrite to replace it)", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"the folder {path.parent} does not exist", str(path))


def _check_twins(before: AudioFormat, after: AudioFormat, old: str, new: str) -> None:
    for what, a, b in (
        ("sample rate", before.sample_rate, after.sample_rate),
        ("number of channels", before.num_channels, after.num_channels),
        ("length in samples", before.num_samples, after.num_samples),
    ):
        if a != b and None not in (a, b):
            raise ValueError(f"{old} and {new} must be the same recording: {what} {a} against {b}.")


def _paired(old: Iterable[Block], new: Iterable[Block], *names: str) -> Iterator[tuple[Block, Block]]:
    """Blocks of two files side by side; both readers cut at the same places."""
    for a, b in zip(old, new, strict=False):
        if a.shape != b.shape:
            raise ValueError(f"{names[0]} and {names[1]} must be the same recording: their lengths differ.")
        yield a, b


def _listen(form: AudioFormat, titles: list[str], blocks: Iterable[list[Block]]) -> list[Layer]:
    if form.num_samples is None:
        raise ValueError("the length of the recording must be known. Convert it to WAV first.")
    layers = [
        Layer(
            title,
            WaveformOverview(form.num_samples, columns=_COLUMNS),
            SpectrogramOverview(form.num_samples, form.sample_rate, columns=_COLUMNS, rows=_ROWS),
        )
        for title in titles
    ]
    for parts in blocks:
        for layer, block in zip(layers, parts, strict=True):
            clean = np.nan_to_num(block, posinf=0.0, neginf=0.0)
            layer.waveform.update(clean)
            layer.spectrogram.update(clean)
    return layers


def _draw(layers: list[Layer], form: AudioFormat, names: list[str]) -> Figure:
    # Without pyplot: no window system, no state that outlives the figure.
    from matplotlib.figure import Figure

    duration_s = (form.num_samples or 0) / form.sample_rate
    figure = Figure(figsize=(12, 1.0 + 2.9 * len(layers)), layout="constrained")
    axes: Any = figure.subplots(
        2 * len(layers), 1, sharex=True, squeeze=False, height_ratios=[1, 2] * len(layers)
    )[:, 0]
    levels = [layer.spectrogram.decibels() for layer in layers]
    top_db = float(levels[0].max())
    limit = max(1e-6, *(float(max(layer.waveform.high.max(), -layer.waveform.low.min())) for layer in layers))
    image = None
    for number, layer in enumerate(layers):
        wave, spectrum = axes[2 * number], axes[2 * number + 1]
        columns = len(layer.waveform.high)
        times = (np.arange(columns) + 0.5) * duration_s / columns
        wave.fill_between(
            times, layer.waveform.low, layer.waveform.high, color=_COLOURS[layer.title], linewidth=0.3
        )
        wave.set(ylim=(-limit, limit), ylabel="amplitude", title=layer.title)
        edges = np.log10(layer.spectrogram.edges_hz)
        # The rows are evenly spaced in log(Hz): an image on that axis is much quicker than a mesh.
        image = spectrum.imshow(
            levels[number],
            extent=(0.0, duration_s, edges[0], edges[-1]),
            aspect="auto",
            origin="lower",
            interpolation="nearest",
            cmap="inferno",
            vmin=top_db - _RANGE_DB,
            vmax=top_db,
        )
        ticks = [hz for hz in _TICKS_HZ if edges[0] <= np.log10(hz) <= edges[-1]]
        spectrum.set_yticks(np.log10(ticks), [f"{hz:g}" if hz < 1000 else f"{hz / 1000:g} k" for hz in ticks])
        spectrum.set(ylabel="Hz")
    axes[-1].set(xlabel="time, s", xlim=(0.0, duration_s))
    if image is not None:
        figure.colorbar(image, ax=list(axes[1::2]), label="dB", fraction=0.03, pad=0.01)
    # File names may hold what matplotlib takes for mathematics, or no valid text at all.
    title = " → ".join(names).encode("utf-8", "backslashreplace").decode().replace("$", r"\$")
    figure.suptitle(title)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in one step: what cannot be finished leaves nothing behind.

    Raises:
        OSError: It cannot be written.
    """
    part = path.with_name(f".hushgate-{os.getpid()}-{path.name}")
    try:
        figure.savefig(part, dpi=110, format=path.suffix.lstrip(".").lower())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
