"""HTML page of a report: an index, and for each file a player with before, after and removed.

The players link to the sound files. Copies of those that browsers do not play are written beside the page.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hushgate.audio_files.atomic_write import Original
from hushgate.batching.planning.plan import MAX_NAME_BYTES, is_inside
from hushgate.batching.planning.results import FileResult
from hushgate.batching.planning.storage import store_for
from hushgate.measuring.wording import (
    latency_text,
    level_text,
    loudness_text,
    noise_text,
    peak_text,
    speed_text,
    target_text,
)
from hushgate.pictures.listening.browser_sounds import browser_plays, write_browser_copy
from hushgate.pictures.listening.page import how_to_listen, page_html
from hushgate.pictures.listening.player import Version, escaped, player_html

_STYLE = """\
.file { border-top: 1px solid var(--line); padding: 1rem 0; }
.file h2 { font-size: 1.05rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
.status { border-radius: .3rem; font-size: .8rem; margin-left: .5rem; padding: .1rem .45rem; }
.done, .resumed { background: #2a7a3a; color: #fff; }
.skipped, .unfinished { background: #5f5f5f; color: #fff; }
.failed { background: #b3261e; color: #fff; }
table { border-collapse: collapse; font-size: .85rem; }
th { color: var(--quiet); font-weight: normal; text-align: left; }
.figures { margin: .5rem 0 0; }
.figures td { padding: 0 1.2rem 0 0; overflow-wrap: anywhere; }
.figures th { padding: 0 .4rem 0 0; }
.index { margin-bottom: 1.5rem; width: 100%; }
.index td, .index th { border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.index td, .index th { padding: .3rem .6rem .3rem 0; }
.index td:nth-child(n+2) { overflow-wrap: normal; }
.index .status { margin: 0; white-space: nowrap; }
@media (max-width: 40rem) {
  .figures th, .figures td { display: block; }
  .figures td { padding-bottom: .3rem; }
  .index .wide { display: none; }
}
details { color: var(--quiet); font-size: .85rem; margin-top: 2rem; }
pre { overflow-x: auto; }
"""
_COPIES = ".sounds"


def removed_copy(page: Path, name: str) -> Path | None:
    """Where the page of a report looks for what was removed from a file; None where it may not.

    Args:
        page: The page.
        name: Name of the file in the report.
    """
    return _copy_path(page, f"{name}.removed.flac") if is_inside(name) else None


def copies_folder(page: Path) -> Path:
    """The folder beside a page for the sounds that only it uses."""
    return page.with_name(page.stem + _COPIES)


def _copy_path(page: Path, name: str) -> Path:
    """Where a copy lies; a name that is too long for a file system makes room for its checksum."""
    path = copies_folder(page) / name
    if len(os.fsencode(path.name)) > MAX_NAME_BYTES:
        checksum = hashlib.sha256(os.fsencode(path.name)).hexdigest()
        return path.with_name(checksum + "".join(path.suffixes[-2:]))
    return path


def render_page(
    data: Mapping[str, Any], files: Sequence[FileResult], path: Path, originals: Sequence[Original] = ()
) -> str:
    """The HTML text of a report. Copies of sounds that browsers do not play are written beside it.

    Args:
        data: The report as plain values.
        files: Its files with their pictures.
        path: Absolute path of the page; links are relative to its folder.
        originals: Files that are never replaced.
    """
    summary = data["summary"]
    counts = ", ".join(
        f"{summary[f'num_{status}']} {status}"
        for status in ("done", "resumed", "skipped", "failed", "unfinished")
        if summary[f"num_{status}"]
    )
    factor = summary["real_time_factor"]
    speed = f", {speed_text(factor)}" if factor else ""
    # The failed files first, because they need attention.
    ordered = sorted(files, key=lambda file: file.status != "failed")
    settings = "\n".join(f"{key}: {value}" for key, value in data["settings"].items())
    warnings = "".join(f'<p class="warning">{escaped(warning)}</p>' for warning in data["warnings"])
    sections = "".join(_section(number, file, path, originals) for number, file in enumerate(ordered, 1))
    # A region that scrolls must be reachable by the keyboard.
    plural = "s" * (summary["num_files"] != 1)
    body = f"""<h1>{summary["num_files"]} file{plural}: {escaped(counts or "none")}</h1>
<p class="summary">{_duration(summary["duration_s"])} of sound in {_duration(summary["elapsed_s"])}{speed} ·
hushgate {escaped(data["hushgate"])} · settings {escaped(data["settings_hash"])} ·
{escaped(data["created"])}</p>
{warnings}{_index(ordered)}{how_to_listen() if sections else ""}
{sections}
<details><summary>Settings</summary><pre tabindex="0">{escaped(settings)}</pre></details>"""
    return page_html(f"hushgate: {counts or 'no files'}", body, style=_STYLE)


def _index(files: Sequence[FileResult]) -> str:
    """A table of the files with links to their sections; none for a single file."""
    if len(files) < 2:
        return ""
    rows = "".join(
        f'<tr><td><a href="#file-{number}">{escaped(file.name)}</a></td><td>{_status(file)}</td>'
        f"<td>{escaped(_noise_change(file))}</td>"
        f'<td class="wide">{escaped(_target(file))}</td></tr>\n'
        for number, file in enumerate(files, 1)
    )
    return (
        '<nav aria-label="files"><table class="index"><thead><tr><th scope="col">file</th>'
        '<th scope="col">status</th><th scope="col">noise floor</th>'
        f'<th scope="col" class="wide">target</th></tr></thead><tbody>\n{rows}</tbody></table></nav>\n'
    )


def _status(file: FileResult) -> str:
    return f'<span class="status {escaped(file.status)}">{escaped(file.status)}</span>'


def _noise_change(file: FileResult) -> str:
    if file.noise_removed_db is None:
        return "" if file.duration_s is None else "not measured"
    return f"{-file.noise_removed_db:+z.1f} dB"


def _target(file: FileResult) -> str:
    return "" if file.duration_s is None else target_text(file.target_change_db, file.target_changed)


def _section(number: int, file: FileResult, page: Path, originals: Sequence[Original]) -> str:
    error = f'<p class="error">{escaped(file.error)}</p>' if file.error else ""
    warnings = "".join(f'<p class="warning">{escaped(warning)}</p>' for warning in file.warnings)
    player = ""
    if file.output is not None and file.status != "skipped":
        versions = list(_versions(file, page, originals))
        player = player_html(versions, file.duration_s or 1.0, file.sample_rate or 48_000, file.name)
    return f"""<section class="file" id="file-{number}">
<h2>{escaped(file.name)}{_status(file)}</h2>
{error}{warnings}{player}{_figures(file)}
</section>
"""


def _versions(file: FileResult, page: Path, originals: Sequence[Original]) -> Iterator[Version]:
    source_format = file.source_container, file.source_subtype
    output_format = file.container, file.subtype
    for name, path, (container, subtype), picture, lufs in (
        ("before", file.source, source_format, file.picture_before, file.heard_before_lufs),
        ("after", file.output, output_format, file.picture_after, file.heard_after_lufs),
        ("removed", file.residual, output_format, file.picture_removed, file.heard_removed_lufs),
    ):
        if path is None:
            if picture is not None:
                yield _removed(file, picture, lufs, page)
            continue
        note = ""
        if not browser_plays(path, container, subtype, file.num_channels):
            path, note = _copy(path, f"{file.name}.{name}.flac", page, originals)
        yield Version(name, _url(path, page.parent) if path else None, picture, lufs, note=note)


def _removed(file: FileResult, picture: str, lufs: float | None, page: Path) -> Version:
    """What was removed, played from the copy that the batch wrote for the page."""
    copy = removed_copy(page, file.name)
    is_there = copy is not None and os.path.isfile(copy)
    url = _url(str(copy), page.parent) if is_there else None
    return Version("removed", url, picture, lufs, note="" if is_there else "not written as a file")


def _copy(path: str, name: str, page: Path, originals: Sequence[Original]) -> tuple[str | None, str]:
    """A copy that browsers play, beside the page, and a note; None where there can be none."""
    if not store_for(path).is_local or not is_inside(name):
        return None, "browsers do not play this format"
    copy = _copy_path(page, name)
    with contextlib.suppress(OSError):
        if copy.stat().st_mtime_ns > os.stat(path).st_mtime_ns:
            return str(copy), "played as FLAC"
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_browser_copy(Path(path), copy, originals)
    except (OSError, ValueError, RuntimeError) as error:
        return None, f"no copy that browsers play: {getattr(error, 'strerror', None) or error}"
    return str(copy), "played as FLAC"


def _figures(file: FileResult) -> str:
    if file.duration_s is None:
        return ""
    channels = {1: "mono", 2: "stereo"}.get(file.num_channels or 0, f"{file.num_channels} channels")
    peak = peak_text(file.peak_before_dbfs, file.peak_after_dbfs, file.num_clipped or 0)
    if file.clip_gain_db:
        peak += f", turned down {-file.clip_gain_db:z.1f} dB"
    engine = f", on {file.engine}" if file.engine else ""
    rows = [
        [("length", _duration(file.duration_s)), ("format", f"{file.container} {file.subtype}, {channels}")],
        [
            ("level", level_text(file.level_before_dbfs, file.level_after_dbfs)),
            ("peak", peak),
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
            ("rate", f"{file.sample_rate} Hz"),
            ("latency", latency_text(file.latency_samples or 0, file.sample_rate or 1)),
        ],
        [
            (
                "loudness",
                loudness_text(file.loudness_before_lufs, file.loudness_after_lufs, file.true_peak_dbtp)
                if file.true_peak_dbtp is not None
                else "as the chain gives it",
            ),
            ("speed", speed_text(file.real_time_factor)),
        ],
        [("model", f"{file.model or 'none'}{engine}"), ("preset", file.preset or "none")],
    ]
    cells = "".join(
        "<tr>"
        + "".join(f'<th scope="row">{name}</th><td>{escaped(value)}</td>' for name, value in row)
        + "</tr>"
        for row in rows
    )
    return f'<table class="figures">{cells}</table>'


def _url(path: str, folder: Path) -> str | None:
    """URL of a file, relative to the page; None for a remote file that no browser can open."""
    if not store_for(path).is_local:
        return path if path.startswith(("http://", "https://")) else None
    try:
        relative = os.path.relpath(path, folder)
    except ValueError:  # another drive
        return Path(path).resolve().as_uri()
    return urllib.parse.quote(os.fsencode(relative.replace(os.sep, "/")))


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    if round(seconds, 2) < 60.0:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min {rest} s" if hours else f"{minutes} min {rest} s"
