"""Clean one file: read, process, write, carry the tags, measure."""

from __future__ import annotations

import contextlib
import math
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.dither import word_gets_shorter
from hushgate.audio_files.formats import DEFAULT_BLOCK_SIZE, AudioFormat, output_format
from hushgate.audio_files.metadata_copy import copy_metadata
from hushgate.audio_files.open_audio import FileReader, FileWriter
from hushgate.batching.cleaning.level_meter import LevelMeter, decibels
from hushgate.batching.cleaning.peak_limiter import PeakLimiter
from hushgate.batching.planning.recipe import BatchSettings
from hushgate.batching.planning.storage import PART_PREFIX
from hushgate.engine.signal.input_checks import LARGEST_SAMPLE
from hushgate.errors import AudioFileError
from hushgate.pedalboard_compat.streaming import stream
from hushgate.pictures.overview import SpectrogramOverview
from hushgate.pictures.png import spectrogram_png

# Where limited and rescaled peaks end: dither, and decoders of compressed sound, need a little room.
_CEILING = 10.0 ** (-0.1 / 20.0)
_UNCLIPPED = ("FLOAT", "DOUBLE")
_SILENT_DB = -150.0

Block = NDArray[np.float32]


@dataclass(frozen=True)
class Paths:
    """Files of this machine: what to read, what to write, where to put what was removed."""

    source: Path
    target: Path
    residual: Path | None


class _TooLoudError(Exception):
    """The first pass found peaks beyond full scale; not an error to anybody outside."""

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
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> dict[str, Any]:
    """Write the cleaned twin of a file; the figures, named as in `FileResult`.

    Nothing half-written ever bears a final name. With clip mode "rescale" a file that turns out too
    loud is processed a second time.

    Args:
        paths: Where it lies and goes.
        name: Name of the output, which the dither depends on: two stems never get the same noise.
        settings: What to do.
        overwrite: Replace files that are there.
        pictures: Draw spectrograms.
        on_progress: Called with the share that is done, 0.0 to 1.0.

    Raises:
        OSError, AudioFileError: The file cannot be read, or its twin cannot be written.
        ModelError: The model failed.
        RuntimeError: The effect gave samples that are no numbers, or swallowed some.
    """
    started = time.perf_counter()
    had_residual = paths.residual is not None and paths.residual.exists()
    try:
        try:
            figures = _pass(paths, name, settings, 1.0, overwrite, pictures, on_progress)
        except _TooLoudError as too_loud:
            figures = _pass(paths, name, settings, too_loud.gain, overwrite, pictures, on_progress)
    except BaseException:
        if paths.residual is not None and not had_residual:  # in place already, but its output is not
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
    pictures: bool,
    on_progress: Callable[[float], None],
) -> dict[str, Any]:
    """Process a file once, turned down by `gain` at the end."""
    warnings: list[str] = []
    with contextlib.ExitStack() as files:
        reader = files.enter_context(FileReader(paths.source, allow_truncated=settings.allow_truncated))
        effect = settings.recipe.make()
        form = reader.format
        dither_seed = zlib.crc32(name.encode("utf-8", "surrogateescape"))

        def open_sink(path: Path, seed: int, *, keep_tags: bool) -> _Sink:
            target_form = output_format(form, paths.source, path, settings.subtype)
            shrinks = settings.dither and word_gets_shorter(form.subtype, target_form.subtype)

            def finish(part: Path) -> None:
                if keep_tags:
                    warnings.extend(copy_metadata(paths.source, form, part, target_form))

            writer = files.enter_context(
                FileWriter(
                    path,
                    target_form,
                    overwrite=overwrite,
                    dither_seed=seed if shrinks else None,
                    finish=finish,
                    part_prefix=PART_PREFIX,
                )
            )
            return _Sink(writer, settings.clip_mode, gain)

        # What is opened last is put in place first: an output under its final name has its residual.
        sink = open_sink(paths.target, dither_seed, keep_tags=True)
        rest = open_sink(paths.residual, dither_seed + 1, keep_tags=False) if paths.residual else None
        before = _Ear(form, pictures)
        source = _Source(reader.blocks(DEFAULT_BLOCK_SIZE), before, keep=rest is not None)
        after = _Ear(form, pictures)
        for block in stream(effect, source, form.sample_rate, DEFAULT_BLOCK_SIZE):
            if not np.isfinite(block).all():
                raise RuntimeError("the effect gave samples that are no numbers. Change its settings.")
            if rest is not None:
                rest.write(source.take(block.shape[1]) - block)
            after.hear(block)
            sink.write(block)
            if form.num_samples:
                on_progress(min(1.0, after.meter.num_samples / form.num_samples))
        sinks = [sink] if rest is None else [sink, rest]
        for each in sinks:
            each.finish()
        if before.meter.num_samples == 0:
            raise AudioFileError(f"{paths.source} holds no sound.")
        _check_peaks(sinks, settings, gain)
    warnings = [*reader.warnings, *warnings]
    if source.num_nonfinite:
        warnings.append(f"{source.num_nonfinite} samples were not numbers and became silence.")
    return _figures(before, after, sink, rest, gain, settings, warnings)


def _check_peaks(sinks: list[_Sink], settings: BatchSettings, gain: float) -> None:
    """End a first pass that would clip, so that nothing of it is put in place."""
    peak = max((sink.meter.peak for sink in sinks if sink.can_clip), default=0.0)
    if settings.clip_mode == "rescale" and gain == 1.0 and peak > 1.0:
        raise _TooLoudError(_CEILING / peak)


class _Source:
    """What is read, made finite, measured, and where the residual needs it kept until it is matched."""

    def __init__(self, blocks: Iterable[Block], ear: _Ear, *, keep: bool) -> None:
        self.num_nonfinite = 0
        self._blocks = blocks
        self._ear = ear
        self._keep = keep
        self._kept = np.empty((ear.form.num_channels, 0), np.float32)

    def __iter__(self) -> Iterator[Block]:
        for block in self._blocks:
            good = np.abs(block) <= LARGEST_SAMPLE  # not for NaN
            if not good.all():
                self.num_nonfinite += block.size - int(np.count_nonzero(good))
                block = np.where(good, block, np.float32(0.0))
            self._ear.hear(block)
            if self._keep:
                self._kept = np.concatenate([self._kept, block], axis=1)
            yield block

    def take(self, num_samples: int) -> Block:
        """The oldest kept samples."""
        taken, self._kept = self._kept[:, :num_samples], self._kept[:, num_samples:]
        return taken


class _Ear:
    """Meter and picture of one signal."""

    def __init__(self, form: AudioFormat, pictures: bool) -> None:
        self.meter = LevelMeter(form.sample_rate)
        self.form = form
        self.picture: SpectrogramOverview | None = None
        if pictures and form.num_samples:
            self.picture = SpectrogramOverview(form.num_samples, form.sample_rate)

    def hear(self, block: Block) -> None:
        """Take notice of the next samples."""
        self.meter.update(block)
        if self.picture is not None:
            self.picture.update(block)


class _Sink:
    """A file to write, with what keeps its peaks in bounds."""

    def __init__(self, writer: FileWriter, clip_mode: str, gain: float) -> None:
        self.writer = writer
        self.meter = LevelMeter(writer.format.sample_rate)
        self.can_clip = writer.format.subtype not in _UNCLIPPED
        self._gain = np.float32(gain) if self.can_clip else np.float32(1.0)
        is_limited = clip_mode == "limit" and self.can_clip
        self.limiter = PeakLimiter(writer.format.sample_rate, _CEILING) if is_limited else None

    def write(self, block: Block) -> None:
        """Append samples."""
        if self._gain != 1.0:
            block = block * self._gain
        if self.limiter is not None:
            block = self.limiter.process(block)
        self._write(block)

    def finish(self) -> None:
        """Write what the limiter held back."""
        rest = self.limiter.flush() if self.limiter is not None else None
        if rest is not None:
            self._write(rest)

    def _write(self, block: Block) -> None:
        if block.shape[1]:
            self.meter.update(block)
            self.writer.write(block)


def _figures(
    before: _Ear,
    after: _Ear,
    sink: _Sink,
    rest: _Sink | None,
    gain: float,
    settings: BatchSettings,
    warnings: list[str],
) -> dict[str, Any]:
    form = sink.writer.format
    heard, written = before.meter, sink.meter
    num_clipped = sink.writer.num_clipped + (rest.writer.num_clipped if rest is not None else 0)
    if num_clipped:
        warnings = [
            *warnings,
            f"{num_clipped} samples were beyond full scale and clipped in {form.subtype}. "
            "Use --clip-mode limit or rescale, or --subtype FLOAT.",
        ]
    lowest_gain = sink.limiter.lowest_gain if sink.limiter is not None else gain
    floors = heard.floor_db, after.meter.floor_db
    figures: dict[str, Any] = {
        "warnings": tuple(warnings),
        "duration_s": heard.num_samples / form.sample_rate,
        "sample_rate": form.sample_rate,
        "num_channels": form.num_channels,
        "num_samples": heard.num_samples,
        "container": form.container,
        "subtype": form.subtype,
        "level_before_dbfs": _rounded(heard.level_db),
        "level_after_dbfs": _rounded(written.level_db),
        "peak_before_dbfs": _rounded(heard.peak_db),
        "peak_after_dbfs": _rounded(written.peak_db),
        "floor_before_dbfs": floors[0],
        "floor_after_dbfs": floors[1],
        "noise_removed_db": None if None in floors else _rounded(_clamped(floors[0]) - _clamped(floors[1])),
        "residual_level_dbfs": _rounded(rest.meter.level_db) if rest is not None else None,
        "num_clipped": num_clipped,
        "clip_gain_db": _rounded(decibels(lowest_gain)) if settings.clip_mode != "report" else None,
        "model": ", ".join(Path(model.name).name for model in settings.recipe.models) or None,
    }
    if before.picture is not None and after.picture is not None:
        pictures = before.picture.decibels(), after.picture.decibels()
        top_db = float(pictures[0].max())
        figures["picture_before"] = spectrogram_png(pictures[0], top_db)
        figures["picture_after"] = spectrogram_png(pictures[1], top_db)
    return figures


def _clamped(level: float | None) -> float:
    return _SILENT_DB if level is None else max(_SILENT_DB, level)


def _rounded(level: float | None) -> float | None:
    return None if level is None or not math.isfinite(level) else round(level, 2)
