"""HTML page of a report: one file without scripts; its players link to the sound files."""

from __future__ import annotations

import html
import os
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hushgate.batching.planning.results import FileResult
from hushgate.batching.planning.storage import store_for
from hushgate.measuring.wording import latency_text, loudness_text, noise_text, target_text

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; }
.summary { color: light-dark(#595959, #b4b4b4); margin: 0 0 1.5rem; }
.file { border-top: 1px solid #8885; padding: 1rem 0; }
.file h2 { font-size: 1.05rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
.status { border-radius: .3rem; font-size: .8rem; margin-left: .5rem; padding: .1rem .45rem; }
.done, .resumed { background: #2a7a3a; color: #fff; }
.skipped, .unfinished { background: #5f5f5f; color: #fff; }
.failed { background: #b3261e; color: #fff; }
.pair { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); }
.pair figure { margin: 0; }
.pair figcaption { color: light-dark(#595959, #b4b4b4); font-size: .85rem; }
.pair img { background: #000; display: block; height: 110px; image-rendering: pixelated; width: 100%; }
audio { height: 2.2rem; margin-top: .3rem; width: 100%; }
table.figures { border-collapse: collapse; font-size: .85rem; margin: .5rem 0 0; }
.figures td { padding: 0 1.2rem 0 0; overflow-wrap: anywhere; }
.figures th { color: light-dark(#595959, #b4b4b4); font-weight: normal; padding: 0 .4rem 0 0; }
.figures th { text-align: left; }
.error { color: light-dark(#b3261e, #ff8a80); margin: .3rem 0; overflow-wrap: anywhere; }
.warning { color: light-dark(#8a4f00, #ffb74d); margin: .3rem 0; overflow-wrap: anywhere; }
details { color: light-dark(#595959, #b4b4b4); font-size: .85rem; margin-top: 2rem; }
pre { overflow-x: auto; }
"""


def render_page(data: Mapping[str, Any], files: Sequence[FileResult], folder: Path) -> str:
    """The HTML text of a report.

    Args:
        data: The report as plain values.
        files: Its files with their pictures.
        folder: Absolute folder of the page; links are relative to it.
    """
    summary = data["summary"]
    counts = ", ".join(
        f"{summary[f'num_{status}']} {status}"
        for status in ("done", "resumed", "skipped", "failed", "unfinished")
        if summary[f"num_{status}"]
    )
    factor = summary["real_time_factor"]
    speed = f", {1.0 / factor:.0f} times real time" if factor else ""
    # The failed files first, because they need attention.
    ordered = sorted(files, key=lambda file: file.status != "failed")
    settings = "\n".join(f"{key}: {value}" for key, value in data["settings"].items())
    warnings = "".join(f'<p class="warning">{_text(warning)}</p>' for warning in data["warnings"])
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hushgate: {_text(counts or "no files")}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{summary["num_files"]} files: {_text(counts or "none")}</h1>
<p class="summary">{_duration(summary["duration_s"])} of sound in {_duration(summary["elapsed_s"])}{speed} ·
hushgate {_text(data["hushgate"])} · settings {_text(data["settings_hash"])} · {_text(data["created"])}</p>
{warnings}
{"".join(_section(file, folder) for file in ordered)}
<details><summary>Settings</summary><pre>{_text(settings)}</pre></details>
</body>
</html>
"""


def _section(file: FileResult, folder: Path) -> str:
    error = f'<p class="error">{_text(file.error)}</p>' if file.error else ""
    warnings = "".join(f'<p class="warning">{_text(warning)}</p>' for warning in file.warnings)
    sides = ""
    if file.output is not None and file.status != "skipped":
        sides = '<div class="pair">' + "".join(
            [
                _side("before", file.source, file.picture_before, folder),
                _side("after", file.output, file.picture_after, folder),
                _side("removed", file.residual, None, folder) if file.residual else "",
            ]
        )
        sides += "</div>"
    return f"""<section class="file">
<h2>{_text(file.name)}<span class="status {_text(file.status)}">{_text(file.status)}</span></h2>
{error}{warnings}{sides}{_figures(file)}
</section>
"""


def _side(caption: str, path: str, picture: str | None, folder: Path) -> str:
    image = (
        f'<img alt="spectrogram {caption}" src="data:image/png;base64,{_text(picture)}">' if picture else ""
    )
    link = _link(path, folder)
    player = f'<audio controls aria-label="{caption}" preload="none" src="{link}"></audio>' if link else ""
    return f"<figure><figcaption>{caption}</figcaption>{image}{player}</figure>"


def _figures(file: FileResult) -> str:
    if file.duration_s is None:
        return ""
    channels = {1: "mono", 2: "stereo"}.get(file.num_channels or 0, f"{file.num_channels} channels")
    clipping = f"{file.num_clipped} samples" if file.num_clipped else "none"
    if file.clip_gain_db:
        clipping += f", turned down {-file.clip_gain_db:z.1f} dB"
    factor = file.real_time_factor
    engine = f", on {file.engine}" if file.engine else ""
    rows = [
        [("length", _duration(file.duration_s)), ("format", f"{file.container} {file.subtype}, {channels}")],
        [
            ("level", f"{_db(file.level_before_dbfs)} → {_db(file.level_after_dbfs)} dBFS"),
            ("peak", f"{_db(file.peak_before_dbfs)} → {_db(file.peak_after_dbfs)} dBFS"),
        ],
        [
            (
                "noise floor",
                noise_text(
                    file.floor_before_dbfs, file.floor_after_dbfs, file.floor_from_hz, file.floor_unknown
                ),
            ),
            ("target", target_text(file.target_change_db, file.target_changed)),
        ],
        [
            ("clipping", clipping),
            ("speed", f"{1.0 / factor:.0f} times real time" if factor else "unknown"),
        ],
        [
            ("rate", f"{file.sample_rate} Hz"),
            ("latency", latency_text(file.latency_samples or 0, file.sample_rate or 1)),
        ],
        [
            (
                "loudness",
                loudness_text(file.loudness_before_lufs, file.loudness_after_lufs, file.true_peak_dbtp)
                if file.true_peak_dbtp is not None
                else "as the chain gives it",
            )
        ],
        [("model", f"{file.model or 'none'}{engine}"), ("preset", file.preset or "none")],
    ]
    cells = "".join(
        "<tr>" + "".join(f"<th>{name}</th><td>{_text(value)}</td>" for name, value in row) + "</tr>"
        for row in rows
    )
    return f'<table class="figures">{cells}</table>'


def _link(path: str, folder: Path) -> str | None:
    """URL of a file, relative to the page and escaped; None for a remote file that no browser can open."""
    if not store_for(path).is_local:
        return html.escape(path, quote=True) if path.startswith(("http://", "https://")) else None
    try:
        relative = os.path.relpath(path, folder)
    except ValueError:  # another drive
        return html.escape(Path(path).resolve().as_uri(), quote=True)
    quoted = urllib.parse.quote(os.fsencode(relative.replace(os.sep, "/")))
    return html.escape(quoted, quote=True)


def _text(value: object) -> str:
    """Escaped text; bytes that are not valid text become visible escapes."""
    return html.escape(str(value).encode("utf-8", "backslashreplace").decode(), quote=True)


def _db(level: float | None) -> str:
    return "silence" if level is None else f"{level:z.1f}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    minutes, rest = divmod(seconds, 60.0)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours} h {minutes} min {rest:.0f} s"
    return f"{minutes} min {rest:.0f} s" if minutes else f"{rest:.2f} s"
