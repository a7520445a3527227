"""A page to listen to: recordings that were held back, untouched, before and after the adaptation."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from hushgate.pictures.overview import SpectrogramOverview
from hushgate.pictures.png import spectrogram_png
from hushgate.training.adapting.recordings import Audio
from hushgate.training.recordings.atomic_files import write_bytes

_COLUMNS, _ROWS = 400, 96
_PEAK = 0.9
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; }
h2 { border-top: 1px solid #8885; font-size: 1.05rem; margin: 1.5rem 0 .4rem; padding-top: 1rem; }
.summary, figcaption { color: light-dark(#595959, #b4b4b4); }
.sounds { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); }
figure { margin: 0; }
figure img { background: #000; display: block; height: 140px; image-rendering: pixelated; width: 100%; }
audio { height: 2.2rem; margin-top: .3rem; width: 100%; }
table { border-collapse: collapse; font-size: .9rem; margin: .8rem 0; }
td, th { padding: .1rem 1.2rem .1rem 0; text-align: left; }
th { color: light-dark(#595959, #b4b4b4); font-weight: normal; }
"""


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
    """Write the page: one file without scripts, with its sounds in it.

    Raises:
        OSError: It cannot be written.
    """
    rows = "".join(
        f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in figures.items()
    )
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)}: hushgate adapt</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{_text(title)}</h1>
<p class="summary">{_text(summary)}</p>
<table>{rows}</table>
{"".join(_section(example, sample_rate) for example in examples)}
</body>
</html>
"""
    write_bytes(path, page.encode("utf-8"))


def _section(example: Example, sample_rate: int) -> str:
    # One gain for all versions, so that they compare.
    peak = max(float(np.max(np.abs(sound), initial=1e-6)) for sound in example.versions.values())
    levels = {}
    for name, sound in example.versions.items():
        overview = SpectrogramOverview(len(sound), sample_rate, columns=_COLUMNS, rows=_ROWS)
        overview.update(sound[np.newaxis])
        levels[name] = overview.decibels()
    top_db = float(next(iter(levels.values())).max())
    sides = "".join(
        f"<figure><figcaption>{_text(name)}</figcaption>"
        f'<img alt="spectrogram {_text(name)}" src="data:image/png;base64,'
        f'{spectrogram_png(levels[name], top_db)}">'
        f'<audio controls aria-label="{_text(name)}" preload="none" src="'
        f'{_url(sound * (_PEAK / peak), sample_rate)}"></audio></figure>'
        for name, sound in example.versions.items()
    )
    return f'<section><h2>{_text(example.title)}</h2><div class="sounds">{sides}</div></section>\n'


def _url(sound: Audio, sample_rate: int) -> str:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, sample_rate, format="FLAC", subtype="PCM_16")
    return f"data:audio/flac;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _text(value: str) -> str:
    return html.escape(value.encode("utf-8", "backslashreplace").decode(), quote=True)
