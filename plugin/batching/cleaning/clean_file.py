"""Cleaning of one file of a batch: output, residual, tags, dither, peaks, figures."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.sample_formats import UNCLIPPED_SUBTYPES
from hushgate.audio_files.open_audio import open_output
from hushgate.audio_files.part_files import PART_PREFIX
from hushgate.batching.planning.recipe import BatchSettings
from hushgate.measuring.level_meter import LevelMeter, decibels
from hushgate.measuring.loudness_meter import LoudnessMeter
from hushgate.pedalboard_compat.effect_protocol import Effect
from hushgate.pictures.listening.browser_sounds import BrowserCopy
from hushgate.pictures.overview import SpectrogramOverview
from hushgate.pictures.png import spectrogram_png
from hushgate.rendering.file_loop import Block, FileLoop
from hushgate.rendering.loudness import LoudnessFigures, LoudnessNormalizer, normalized
from hushgate.rendering.peak_limiter import PeakLimiter
from hushgate.rendering.summary import engine_of

# Level of limited and rescaled peaks. Dither and decoders of compressed sound need a little room above it.
_CEILING = 10.0 ** (-0.1 / 20.0)
_CLIP_REMEDY = 'Use clip_mode="limit", clip_mode="rescale" or subtype="FLOAT".'


@dataclass(frozen=True)
class Paths:
    """Local files: the source, the output, and the residual or None."""

    source: Path
    target: Path
    residual: Path | None


@dataclass(frozen=True)
class _Page:
    """What the page of a report needs of a file."""

    pictures: bool
    removed_copy: Path | None


class _TooLoudError(Exception):
    """The first pass found peaks beyond full scale. `clean_file` catches it and starts a second pass."""

    def __init__(self, gain: float) -> None:
        super().__init__(gain)
        self.gain = gain


def clean_file(
    paths: Paths,
    name: str,
    settings: BatchSettings,
    *,
    overwrite: bool,
    pictures: bool,
    removed_copy: Path | None = None,
    part_prefix: str = PART_PREFIX,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> dict[str, Any]:
    """Write the cleaned version of a file.

    A file gets its final name only when it is complete. With clip mode "rescale" a file whose peaks
    exceed full scale is processed a second time.

    Args:
        paths: Files to read and write.
        name: Name of the output. It seeds the dither, so that no two stems get the same noise.
        settings: Settings of the batch.
        overwrite: Replace files that are there.
        pictures: Draw spectrograms.
        removed_copy: Where to write what was removed as browsers play it, for the page of a report.
        part_prefix: How the temporary names begin.
        on_progress: Called with the share that is done, 0.0 to 1.0.

    Returns:
        Figures of the file, named as in `FileResult`.

    Raises:
        OSError, AudioFileError: The file cannot be read or written.
        ModelError: The model cannot be loaded.
        RuntimeError: The effect gave samples that are not finite, or swallowed some.
    """
    page = _Page(pictures, removed_copy)
    started = time.perf_counter()
    had_residual = paths.residual is not None and paths.residual.exists()
    try:
        try:
            figures = _pass(paths, name, settings, 1.0, overwrite, page, part_prefix, on_progress)
        except _TooLoudError as too_loud:
            gain = too_loud.gain
            figures = _pass(paths, name, settings, gain, overwrite, page, part_prefix, on_progress)
    except BaseException:
        if paths.residual is not None and not had_residual:  # renamed already, but its output was not
            paths.residual.unlink(missing_ok=True)
        raise
    elapsed_s = time.perf_counter() - started
    figures["elapsed_s"] = elapsed_s
    figures["real_time_factor"] = elapsed_s / figures["duration_s"]
    return figures


def _pass(
    paths: Paths,
    name: str,
    settings: BatchSettings,
    gain: float,
    overwrite: bool,
    page: _Page,
    part_prefix: str,
    on_progress: Callable[[float], None],
) -> dict[str, Any]:
    """Process a file once, turned down by `gain` at the end."""
    with contextlib.ExitStack() as files:
        reader = files.enter_context(FileReader(paths.source, allow_truncated=settings.allow_truncated))
        effect = settings.recipe.make()
        source = reader.format

        def open_sink(path: Path, dither_name: str, *, keep_tags: bool) -> _Sink:
            writer = files.enter_context(
                open_output(
                    path,
                    source,
                    paths.source,
                    subtype=settings.subtype,
                    overwrite=overwrite,
                    dither=settings.dither,
                    dither_name=dither_name,
                    part_prefix=part_prefix,
                    keep_tags=keep_tags,
                )
            )
            assert isinstance(writer, FileWriter)
            return _Sink(writer, source.sample_rate, settings.clip_mode, gain)

        # The ExitStack closes in reverse order, so the residual is renamed before the output.
        sink = open_sink(paths.target, name, keep_tags=True)
        residual = None
        if paths.residual is not None:
            residual = open_sink(paths.residual, f"{name}.residual", keep_tags=False)
        before, after, removed = _views(reader, page.pictures)
        copy = None
        if page.removed_copy is not None and residual is None:
            copy = files.enter_context(BrowserCopy(page.removed_copy, source, [paths.source], part_prefix))
        kept = _Queue(source.num_channels)
        needs_removed = residual is not None or removed is not None or copy is not None

        def on_input(block: Block) -> None:
            if before is not None:
                before.update(block)
            if needs_removed:
                kept.put(block)

        def progress(num_done: int, num_samples: int | None) -> None:
            if num_samples := num_samples or reader.expected_samples:
                on_progress(min(1.0, num_done / num_samples))

        loop = FileLoop(effect, reader, str(paths.source), progress=progress, on_input=on_input, measure=True)
        normalizer = None
        if settings.loudness is not None:
            normalizer = files.enter_context(
                LoudnessNormalizer(
                    source.sample_rate, source.num_channels, settings.loudness, folder=paths.target.parent
                )
            )

        def cleaned() -> Iterator[Block]:
            for block in loop.blocks():
                if needs_removed:
                    difference = kept.take(block.shape[1]) - block
                    if residual is not None:
                        residual.write(difference)
                    if removed is not None:
                        removed.update(difference)
                    if copy is not None:
                        copy.write(difference)
                yield block

        for block in normalized(cleaned(), normalizer):
            if after is not None:
                after.update(block * sink.gain)
            sink.write(block)
        sinks = [sink] if residual is None else [sink, residual]
        for each in sinks:
            each.finish()
        _check_peaks(sinks, settings, gain)
    loudness = normalizer.figures if normalizer is not None else None
    figures = _figures(effect, loop, sink, residual, gain, settings, loudness)
    figures.update({"source_container": source.container, "source_subtype": source.subtype})
    if before is not None and after is not None and removed is not None:
        views = {"before": before, "after": after, "removed": removed}
        levels = {name: view.overview.decibels() for name, view in views.items()}
        top_db = float(levels["before"].max())
        for name, view in views.items():
            figures[f"picture_{name}"] = spectrogram_png(levels[name], top_db)
            figures[f"heard_{name}_lufs"] = _rounded(view.loudness.lufs)
    return figures


def _check_peaks(sinks: list[_Sink], settings: BatchSettings, gain: float) -> None:
    """End a first pass that would clip, so that its files are not renamed."""
    peak = max((sink.meter.peak for sink in sinks if sink.can_clip), default=0.0)
    if settings.clip_mode == "rescale" and gain == 1.0 and peak > 1.0:
        raise _TooLoudError(_CEILING / peak)


class _View:
    """What a report shows of one version of a file."""

    def __init__(self, num_samples: int, sample_rate: int, num_channels: int) -> None:
        self.overview = SpectrogramOverview(num_samples, sample_rate)
        self.loudness = LoudnessMeter(sample_rate, num_channels)

    def update(self, block: Block) -> None:
        """Add the next samples, finite or not."""
        clean = np.nan_to_num(block, posinf=0.0, neginf=0.0)
        self.overview.update(clean)
        self.loudness.update(clean)


def _views(reader: FileReader, is_wanted: bool) -> tuple[_View | None, _View | None, _View | None]:
    """Views of before, after and removed."""
    if not is_wanted or not reader.expected_samples:
        return None, None, None
    size = reader.expected_samples, reader.format.sample_rate, reader.format.num_channels
    return _View(*size), _View(*size), _View(*size)


class _Queue:
    """Input samples, kept until the effect's output for them arrives."""

    def __init__(self, num_channels: int) -> None:
        self._kept = np.empty((num_channels, 0), np.float32)

    def put(self, block: Block) -> None:
        self._kept = np.concatenate([self._kept, block], axis=1)

    def take(self, num_samples: int) -> Block:
        """The oldest samples."""
        taken, self._kept = self._kept[:, :num_samples], self._kept[:, num_samples:]
        return taken


class _Sink:
    """A file to write, with its gain, limiter and meter."""

    def __init__(self, writer: FileWriter, sample_rate: int, clip_mode: str, gain: float) -> None:
        self.writer = writer
        self.sample_rate = sample_rate
        self.meter = LevelMeter()
        self.can_clip = writer.format.subtype not in UNCLIPPED_SUBTYPES
        self.gain = np.float32(gain) if self.can_clip else np.float32(1.0)
        is_limited = clip_mode == "limit" and self.can_clip
        self.limiter = PeakLimiter(sample_rate, _CEILING) if is_limited else None

    def write(self, block: Block) -> None:
        """Append samples."""
        if self.gain != 1.0:
            block = block * self.gain
        if self.limiter is not None:
            block = self.limiter.process(block)
        self._write(block)

    def finish(self) -> None:
        """Write the samples that the limiter holds."""
        held = self.limiter.flush() if self.limiter is not None else None
        if held is not None:
            self._write(held)

    def _write(self, block: Block) -> None:
        if block.shape[1]:
            self.meter.update(block)
            self.writer.write(block)


def _figures(
    effect: Effect,
    loop: FileLoop,
    sink: _Sink,
    residual: _Sink | None,
    gain: float,
    settings: BatchSettings,
    loudness: LoudnessFigures | None,
) -> dict[str, Any]:
    assert loop.meter is not None
    target, written = sink.writer.format, sink.meter
    gain_db = 20.0 * math.log10(sink.gain) + (loudness.gain_db if loudness else 0.0)
    figures = loop.meter.figures().turned_up(gain_db)
    noise = figures.noise
    writers = [sink.writer] if residual is None else [sink.writer, residual.writer]
    lowest_gain = sink.limiter.lowest_gain if sink.limiter is not None else gain
    warnings = loop.warnings(*writers, clip_remedy=_CLIP_REMEDY)
    if residual is not None and residual.limiter is not None and residual.limiter.lowest_gain < 1.0:
        lowered_db = -20.0 * math.log10(residual.limiter.lowest_gain)
        warnings.append(
            f"the residual was turned down by up to {lowered_db:.1f} dB by the limiter: it is not all that "
            'was removed. Use subtype="FLOAT" for that.'
        )
    return {
        "warnings": tuple(warnings),
        "duration_s": loop.num_samples / sink.sample_rate,
        "sample_rate": target.sample_rate,
        "num_channels": target.num_channels,
        "num_samples": sink.writer.num_written,
        "container": target.container,
        "subtype": target.subtype,
        "level_before_dbfs": _rounded(figures.level_before_dbfs),
        "level_after_dbfs": _rounded(written.level_db),
        "peak_before_dbfs": _rounded(figures.peak_before_dbfs),
        "peak_after_dbfs": _rounded(written.peak_db),
        "floor_before_dbfs": _rounded(noise.before_db if noise else None),
        "floor_after_dbfs": _rounded(noise.after_db if noise else None),
        "floor_from_hz": _rounded(noise.from_hz if noise else None),
        "floor_unknown": figures.noise_unknown,
        "noise_removed_db": _rounded(figures.noise_removed_db),
        "target_change_db": _rounded(figures.target_change_db),
        "target_changed": figures.target_changed,
        "loudness_before_lufs": _rounded(loudness.before_lufs if loudness else None),
        "loudness_after_lufs": _rounded(loudness.after_lufs if loudness else None),
        "true_peak_dbtp": _rounded(loudness.true_peak_dbtp if loudness else None),
        "residual_level_dbfs": _rounded(residual.meter.level_db) if residual is not None else None,
        "num_clipped": sum(writer.num_clipped for writer in writers),
        "clip_gain_db": _rounded(decibels(lowest_gain)) if settings.clip_mode != "report" else None,
        "model": ", ".join(Path(model.name).name for model in settings.recipe.models) or None,
        "preset": settings.recipe.label if settings.recipe.preset is not None else None,
        "engine": engine_of(effect),
        "latency_samples": round(float(getattr(effect, "latency_samples", 0))),
    }


def _rounded(level: float | None) -> float | None:
    return None if level is None or not math.isfinite(level) else round(level, 2)
