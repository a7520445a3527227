"""Sounds as HTML for notebooks: players and spectrograms."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.pictures.overview import SpectrogramOverview
from hushgate.pictures.png import spectrogram_png

# A notebook stores what it shows.
_LONGEST_S = 60.0
_STYLE = "display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr))"


def sounds_html(sounds: Sequence[tuple[str, NDArray[np.float32]]], sample_rate: float) -> str:
    """A player and a spectrogram for each sound, all spectrograms with the same colours.

    Args:
        sounds: Name and float32 (channels, samples) of each. Players hold the first minute.
        sample_rate: Hz.
    """
    levels = []
    for _, sound in sounds:
        overview = SpectrogramOverview(sound.shape[1], sample_rate)
        overview.update(sound)
        levels.append(overview.decibels())
    top_db = max(float(level.max()) for level in levels)
    figures = "".join(
        _figure(name, sound, spectrogram_png(level, top_db), sample_rate)
        for (name, sound), level in zip(sounds, levels, strict=True)
    )
    return f'<div style="{_STYLE}">{figures}</div>'


def table_html(lines: Sequence[tuple[str, str]]) -> str:
    """A table of names and texts."""
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in lines
    )
    return f'<table style="text-align:left">{rows}</table>'


def _figure(name: str, sound: NDArray[np.float32], picture: str, sample_rate: float) -> str:
    label = html.escape(name)
    heard = sound[:2, : round(_LONGEST_S * sample_rate)]
    file = io.BytesIO()
    soundfile.write(file, np.clip(heard.T, -1.0, 1.0), round(sample_rate), format="WAV", subtype="PCM_16")
    player = base64.b64encode(file.getvalue()).decode()
    return (
        f'<figure style="margin:0"><figcaption>{label}</figcaption>'
        f'<img alt="spectrogram, {label}" style="width:100%;height:110px" '
        f'src="data:image/png;base64,{picture}">'
        f'<audio controls aria-label="{label}" style="width:100%" '
        f'src="data:audio/wav;base64,{player}"></audio>'
        "</figure>"
    )
