"""The page of one recording, with its sounds in it: `hushgate plot -o page.html`."""

from __future__ import annotations

import base64
import contextlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.atomic_write import Original, write_atomically
from hushgate.audio_files.excerpt import Excerpt, ExcerptReader
from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.measuring.level_meter import LevelMeter
from hushgate.measuring.loudness_meter import LoudnessMeter
from hushgate.pictures.before_after import check_same_recording, paired
from hushgate.pictures.listening.browser_sounds import BrowserSound
from hushgate.pictures.listening.page import how_to_listen, page_html
from hushgate.pictures.listening.player import (
    Version,
    escaped,
    matching_gain_db,
    player_html,
    reference_lufs,
)
from hushgate.pictures.overview import SpectrogramOverview
from hushgate.pictures.png import spectrogram_png

LONGEST_S = 300.0
# What was removed is often faint: it is written into the page turned up by this much at most.
_MOST_GAIN_DB = 40.0
_CEILING_DB = -0.3
_COLUMNS, _ROWS = 600, 120
# One below the other, on one time axis.
_STYLE = ".sounds { grid-template-columns: 1fr; } .plot img { height: 180px; }\n"

Block = NDArray[np.float32]
PathLike = str | os.PathLike[str]


@dataclass
class _Measured:
    """One version: its measures, filled in the first pass."""

    name: str
    overview: SpectrogramOverview
    loudness: LoudnessMeter
    level: LevelMeter = field(default_factory=LevelMeter)

    def update(self, block: Block) -> None:
        self.overview.update(block)
        self.loudness.update(block)
        self.level.update(block)


def write_recording_page(
    path: Path,
    before: PathLike,
    after: PathLike | None = None,
    *,
    excerpt: Excerpt | None = None,
    overwrite: bool = True,
    originals: Iterable[Original] = (),
    on_written: Callable[[], None] = lambda: None,
) -> None:
    """Write a page to listen to a recording; with its processed version, to both and to their difference.

    The sounds are in the page, FLAC in 16 bits, `LONGEST_S` seconds of them at most.

    Args:
        path: The page.
        before: A sound file.
        after: The same recording, processed: same rate, channels and length.
        excerpt: Part of the recording; None for all.
        overwrite: Replace a file that exists.
        originals: Files that are never replaced.
        on_written: Called before the complete page gets its name.

    Raises:
        OSError, AudioFileError: A file cannot be read, or the page cannot be written.
        ValueError: The files differ in sample rate, channels or length, or what is to be heard is too long.
    """
    files = [before] if after is None else [before, after]
    with _opened(files, excerpt) as readers:
        audio_format = readers[0].format
        num_samples = _length(audio_format, readers[0])
    duration_s = num_samples / audio_format.sample_rate
    if duration_s > LONGEST_S:
        raise ValueError(
            f"a page holds {LONGEST_S:.0f} s of sound at most (got {duration_s:.0f} s). "
            "Set start_s=... and end_s=... to choose a part."
        )
    names = ["before"] if after is None else ["before", "after", "removed"]
    measured = [
        _Measured(
            name,
            SpectrogramOverview(num_samples, audio_format.sample_rate, columns=_COLUMNS, rows=_ROWS),
            LoudnessMeter(audio_format.sample_rate, audio_format.num_channels),
        )
        for name in names
    ]
    with _opened(files, excerpt) as readers:
        for blocks in _versions(files, readers):
            for version, block in zip(measured, blocks, strict=True):
                version.update(block)
    page = _page(measured, files, excerpt, audio_format, duration_s)
    content = page.encode("utf-8", "backslashreplace")
    write_atomically(path, content, overwrite=overwrite, originals=originals, on_written=on_written)


def _page(
    measured: Sequence[_Measured],
    files: Sequence[PathLike],
    excerpt: Excerpt | None,
    audio_format: AudioFormat,
    duration_s: float,
) -> str:
    plain = [Version(one.name, None, lufs=one.loudness.lufs) for one in measured]
    reference = reference_lufs(plain)
    gains_db = [
        _gain_db(matching_gain_db(version.lufs, reference), one.level.peak_db)
        for version, one in zip(plain, measured, strict=True)
    ]
    with _opened(files, excerpt) as readers:
        urls = _urls(_versions(files, readers), audio_format, gains_db)
    levels = [one.overview.decibels() for one in measured]
    top_db = float(levels[0].max())
    versions = [
        Version(
            version.name,
            url,
            spectrogram_png(level, top_db),
            version.lufs,
            gain_db,
            "" if gain_db < 0.5 else f"{gain_db:.0f} dB up to match",
        )
        for version, url, level, gain_db in zip(plain, urls, levels, gains_db, strict=True)
    ]
    title = " → ".join(Path(file).name for file in files)
    channels = {1: "mono", 2: "stereo"}.get(
        audio_format.num_channels, f"{audio_format.num_channels} channels"
    )
    part = f", from {excerpt.start_s:g} s" if excerpt is not None and excerpt.start_s else ""
    body = (
        f"<h1>{escaped(title)}</h1>\n"
        f'<p class="summary">{duration_s:.2f} s{part} · {audio_format.sample_rate} Hz · {channels}</p>\n'
        f"{player_html(versions, duration_s, audio_format.sample_rate, Path(files[0]).name)}\n"
        f"{how_to_listen()}"
    )
    return page_html(f"{title}: hushgate", body, style=_STYLE)


def _gain_db(wanted_db: float, peak_db: float | None) -> float:
    """Gain written into a page: up to the wanted one without clipping, never down."""
    room_db = 0.0 if peak_db is None else _CEILING_DB - peak_db
    return max(0.0, min(wanted_db, room_db, _MOST_GAIN_DB))


@contextlib.contextmanager
def _opened(files: Sequence[PathLike], excerpt: Excerpt | None) -> Iterator[list[FileReader | ExcerptReader]]:
    with contextlib.ExitStack() as stack:
        readers: list[FileReader | ExcerptReader] = []
        for file in files:
            reader = stack.enter_context(FileReader(file))
            readers.append(reader if excerpt is None else ExcerptReader(reader, excerpt, str(file)))
        if len(readers) == 2:
            check_same_recording(readers[0].format, readers[1].format, str(files[0]), str(files[1]))
        yield readers


def _length(audio_format: AudioFormat, reader: FileReader | ExcerptReader) -> int:
    """Samples to be heard, counted where the container does not say it, and no further than needed."""
    if audio_format.num_samples is not None:
        return audio_format.num_samples
    count = 0
    for block in reader.blocks():
        count += block.shape[1]
        if count > LONGEST_S * audio_format.sample_rate:
            break
    return count


def _versions(
    files: Sequence[PathLike], readers: Sequence[FileReader | ExcerptReader]
) -> Iterator[list[Block]]:
    """Blocks of every version."""
    if len(readers) == 1:
        for block in readers[0].blocks():
            yield [_finite(block)]
        return
    for pair in paired(readers[0].blocks(), readers[1].blocks(), *map(str, files)):
        before, after = (_finite(block) for block in pair)
        yield [before, after, before - after]


def _finite(block: Block) -> Block:
    return np.nan_to_num(block, posinf=0.0, neginf=0.0)


def _urls(blocks: Iterable[list[Block]], audio_format: AudioFormat, gains_db: Sequence[float]) -> list[str]:
    """Every version as a data: URL."""
    buffers = [io.BytesIO() for _ in gains_db]
    with contextlib.ExitStack() as stack:
        sounds = [stack.enter_context(BrowserSound(buffer, audio_format)) for buffer in buffers]
        for versions in blocks:
            for sound, block, gain_db in zip(sounds, versions, gains_db, strict=True):
                sound.write(block, gain_db)
    return [
        f"data:{sound.mime};base64,{base64.b64encode(buffer.getvalue()).decode()}"
        for sound, buffer in zip(sounds, buffers, strict=True)
    ]
