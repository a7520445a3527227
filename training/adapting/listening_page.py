"""A page to listen to: recordings that were held back, untouched, before and after the adaptation."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.measuring.loudness_meter import LoudnessMeter
from hushgate.pictures.listening.browser_sounds import BrowserSound
from hushgate.pictures.listening.page import how_to_listen, page_html
from hushgate.pictures.listening.player import Version, escaped, player_html
from hushgate.pictures.overview import SpectrogramOverview
from hushgate.pictures.png import spectrogram_png
from hushgate.training.adapting.recordings import Audio
from hushgate.training.recordings.atomic_files import write_bytes

_COLUMNS, _ROWS = 400, 96
# Peak of the loudest version as it is played; quieter recordings than the second are turned up no further.
_PEAK, _QUIETEST_PEAK = 0.9, 0.01


@dataclass(frozen=True)
class Example:
    """One recording in its versions, by their names, mono float32 (samples,), all equally long."""

    title: str
    versions: Mapping[str, Audio]


def write_page(
    path: Path,
    title: str,
    summary: str,
    figures: Mapping[str, str],
    examples: Sequence[Example],
    sample_rate: int,
) -> None:
    """Write the page: one file with its sounds in it.

    Raises:
        OSError: It cannot be written.
    """
    rows = "".join(
        f"<tr><th>{escaped(name)}</th><td>{escaped(value)}</td></tr>" for name, value in figures.items()
    )
    body = (
        f"<h1>{escaped(title)}</h1>\n"
        f'<p class="summary">{escaped(summary)}</p>\n'
        f"<table>{rows}</table>\n"
        f"{''.join(_section(example, sample_rate) for example in examples)}{how_to_listen()}"
    )
    page = page_html(f"{title}: hushgate adapt", body)
    write_bytes(path, page.encode("utf-8", "backslashreplace"))


def _section(example: Example, sample_rate: int) -> str:
    # One gain for all versions, so that they compare.
    peak = max(float(np.max(np.abs(sound), initial=0.0)) for sound in example.versions.values())
    gain = _PEAK / max(peak, _QUIETEST_PEAK)
    sounds = {name: (sound * gain)[np.newaxis] for name, sound in example.versions.items()}
    levels = {name: _overview(sound, sample_rate) for name, sound in sounds.items()}
    top_db = float(next(iter(levels.values())).max())
    versions = [
        Version(
            name,
            _url(sound, sample_rate),
            spectrogram_png(levels[name], top_db),
            _loudness(sound, sample_rate),
            note=f"{20.0 * math.log10(gain):+.0f} dB",
        )
        for name, sound in sounds.items()
    ]
    duration_s = next(iter(sounds.values())).shape[1] / sample_rate
    player = player_html(versions, duration_s, sample_rate, example.title)
    return f"<section><h2>{escaped(example.title)}</h2>{player}</section>\n"


def _overview(sound: Audio, sample_rate: int) -> Audio:
    overview = SpectrogramOverview(sound.shape[1], sample_rate, columns=_COLUMNS, rows=_ROWS)
    overview.update(sound)
    return overview.decibels()


def _loudness(sound: Audio, sample_rate: int) -> float | None:
    meter = LoudnessMeter(sample_rate, 1)
    meter.update(sound)
    return meter.lufs


def _url(sound: Audio, sample_rate: int) -> str:
    buffer = io.BytesIO()
    with BrowserSound(buffer, AudioFormat(sample_rate, 1, sound.shape[1], "FLAC", "PCM_16")) as file:
        file.write(sound)
    return f"data:{file.mime};base64,{base64.b64encode(buffer.getvalue()).decode()}"
