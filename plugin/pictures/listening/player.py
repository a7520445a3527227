"""A player as HTML: versions of one recording, one transport, spectrograms with axes."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hushgate.pictures.overview import frequency_range_hz

_TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
_TICKS_S = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30),
    *(60, 120, 300, 600, 1200, 1800, 3600, 7200),
)
_MAX_TICKS_S = 6
_MOST_TURNED_DOWN_DB = 20.0
# Labels closer than this to each other or to the right edge would overlap or stick out, share of the axis.
_LABEL_ROOM = 0.09


@dataclass(frozen=True)
class Version:
    """One version of a recording in a player.

    Attributes:
        name: "before", "after" or "removed".
        url: What the player plays, not escaped; None for a picture alone.
        picture: Spectrogram, PNG in base64; None without one.
        lufs: Loudness as it is played without matching; None for silence.
        gain_db: Gain that `url` holds, undone without matching; 0.0 or more.
        note: What is to be said about it.
    """

    name: str
    url: str | None
    picture: str | None = None
    lufs: float | None = None
    gain_db: float = 0.0
    note: str = ""


def player_html(versions: Sequence[Version], duration_s: float, sample_rate: float, label: str) -> str:
    """A player.

    Args:
        versions: What can be heard or seen, before first.
        duration_s: Length, seconds, above 0.
        sample_rate: Hz, for the axes.
        label: Name of the recording.
    """
    heard = [version for version in versions if version.url is not None]
    ordered = heard + [version for version in versions if version.url is None]
    gains = iter(_gains(heard))
    figures = "".join(
        _figure(version, next(gains) if version.url is not None else None, duration_s, sample_rate, label)
        for version in ordered
    )
    transport = _transport(heard, duration_s, label) if heard else ""
    css = "player" if heard else "pictures"
    return (
        f'<div class="{css}" data-duration="{duration_s:.3f}">{transport}'
        f'<div class="sounds">{figures}</div></div>'
    )


def reference_lufs(versions: Sequence[Version]) -> float | None:
    """Loudness that all versions are matched to: the quieter one of before and after, since a player can only
    turn down. Where one of them is next to silent, the other stays audible.

    >>> reference_lufs([Version("before", "a", lufs=-20.0), Version("after", "b", lufs=-23.0)])
    -23.0
    """
    loudness = [v.lufs for v in versions if v.lufs is not None and v.name != "removed"]
    return max(min(loudness), max(loudness) - _MOST_TURNED_DOWN_DB) if loudness else None


def matching_gain_db(lufs: float | None, reference: float | None) -> float:
    """Gain that makes a loudness the reference, dB."""
    return 0.0 if lufs is None or reference is None else reference - lufs


def escaped(value: object) -> str:
    """Escaped text; bytes that are not valid text become visible escapes."""
    return html.escape(str(value).encode("utf-8", "backslashreplace").decode(), quote=True)


def _gains(versions: Sequence[Version]) -> Iterator[tuple[float, float]]:
    """Linear gains of each version, matched and as it is; 1.0 or less."""
    reference = reference_lufs(versions)
    for version in versions:
        matched_db = min(0.0, matching_gain_db(version.lufs, reference) - version.gain_db)
        yield 10.0 ** (matched_db / 20.0), 10.0 ** (-version.gain_db / 20.0)


def _transport(versions: Sequence[Version], duration_s: float, label: str) -> str:
    name = escaped(label)
    choices = "".join(
        f'<label><input type="radio" name="{name}" value="{number}"> {escaped(version.name)}</label>'
        for number, version in enumerate(versions)
    )
    has_loudness = sum(version.lufs is not None for version in versions) > 1
    matched = (
        '<label><input type="checkbox" class="matched" checked> matched loudness</label>'
        if has_loudness
        else ""
    )
    return (
        '<div class="transport" hidden><button type="button" class="play">Play</button>'
        f'<input type="range" class="seek" min="0" max="{duration_s:.3f}" step="0.01" value="0" '
        f'aria-label="position, {name}"><span class="time"></span>'
        f"<fieldset><legend>version of {name}</legend>{choices}</fieldset>{matched}</div>"
    )


def _figure(
    version: Version, gains: tuple[float, float] | None, duration_s: float, sample_rate: float, label: str
) -> str:
    about = [f"{version.lufs:.1f} LUFS"] if version.lufs is not None else []
    about += [version.note] if version.note else []
    caption = f"<b>{escaped(version.name)}</b> {escaped(', '.join(about))}".rstrip()
    name = f"{escaped(version.name)}, {escaped(label)}"
    player = ""
    if gains is not None:
        player = (
            f'<audio controls preload="none" aria-label="{name}" data-matched="{gains[0]:.4f}" '
            f'data-real="{gains[1]:.4f}" src="{escaped(version.url)}"></audio>'
        )
    picture = _plot(version.picture, duration_s, sample_rate, name) if version.picture else ""
    return f"<figure><figcaption>{caption}</figcaption>{picture}{player}</figure>"


def _plot(picture: str, duration_s: float, sample_rate: float, name: str) -> str:
    low, high = frequency_range_hz(sample_rate)
    labels = []
    for hz in _TICKS_HZ:
        place = math.log(hz / low) / math.log(high / low)
        if 0.0 <= place <= 1.0 - _LABEL_ROOM / 2:
            labels.append((place, f"{hz}" if hz < 1000 else f"{hz // 1000}k"))
    # A label is 12 pixels of 150 high: those that would touch are left out.
    kept: list[tuple[float, str]] = []
    for place, text in labels:
        if not kept or place - kept[-1][0] > _LABEL_ROOM:
            kept.append((place, text))
    spans = "".join(
        f'<span class="hz" style="bottom:{100 * place:.1f}%">{text}</span>' for place, text in kept
    )
    step = next((step for step in _TICKS_S if duration_s / step <= _MAX_TICKS_S), _TICKS_S[-1])
    for number in range(int(duration_s / step) + 1):
        place = number * step / duration_s
        if place <= 1.0 - _LABEL_ROOM:
            css = "s first" if number == 0 else "s"
            spans += (
                f'<span class="{css}" style="left:{100 * place:.1f}%">{_time(number * step, step)}</span>'
            )
    return (
        f'<div class="plot"><img alt="spectrogram, {name}: {_time(duration_s, 0.1)}, '
        f'{low:.0f} Hz to {high / 1000:g} kHz" src="data:image/png;base64,{escaped(picture)}">'
        f'<i class="head"></i>{spans}</div>'
    )


def _time(seconds: float, step: float) -> str:
    """A place on the axis: seconds, or minutes and hours where the steps are long.

    >>> _time(0.5, 0.1), _time(90.0, 30), _time(5400.0, 1800)
    ('0.5 s', '1:30', '1:30:00')
    """
    if step < 30:
        return f"{seconds:.{max(0, math.ceil(-math.log10(step)))}f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
