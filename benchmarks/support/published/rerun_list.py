"""The published figures that `claims.py --run` measures anew, and why the other commands are not run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from support.published.reruns import DATA, FIRST_DATA, Cell, Line, Table

_BENCHMARKS = "docs/benchmarks.md"
_MEASURES = ("pesq", "pystoi", "speechmos")

# What keeps a command from being rerun here, by a part of its words; the first that fits.
_NOT_RUN = (
    (r"speed|batch|chain|live|serve|endurance|cuda", "times and loads of one machine"),
    (r"adapting", "trains for hours"),
    (r"spectrograms", "draws pictures"),
    (r"NOTES|support\.bass|gate\.py|tuner\.py", "needs recordings of single notes that are not in DATA"),
    (r"support\.hum|pauses\.py|--set music|--data SONGS", "needs songs that are not in DATA"),
    (r"--set guitar", "needs the renders that it was measured with"),
    (r"--set SET|--items 20", "needs the renders and networks of its page"),
    (r"recognition", "an hour of processor time"),
    (r"noise_floor|rates\.py", "its figures stand in a sentence, as counts and extremes of its tables"),
    (r"quality", "with its peers; its rows of hushgate and the untouched sound are"),
)


def _quality(name: str, items: int, *data: str) -> tuple[str, ...]:
    folders = [word for one in data for word in ("--data", one)]
    return ("benchmarks/quality.py", "--set", name, *folders, "--items", str(items), "--peer", "noisy")


def _voice(name: str, items: int, data: str = FIRST_DATA, place: str = "") -> Table:
    rows = ("noisy", "**hushgate voice**", "**hushgate voice** minus noisy")
    words = _quality(name, items, data)
    marks = f"quality {place or name}"
    return Table(_BENCHMARKS, marks, words, dict(zip(rows, rows, strict=True)), packages=_MEASURES)


def _tables() -> Iterator[Table]:
    yield from (_voice("voice", 28), _voice("voice-clean", 12))
    yield from (_voice("voice", 28, DATA, "voice-both"), _voice("voice-48k", 28, DATA))
    card_rows = {"noisy": "noisy", "**voice**": "**hushgate voice**"}
    for heading, name in (("16 kHz", "voice"), ("48 kHz, full-band speech", "voice-48k")):
        yield Table(
            "engine/models/voice.md", heading, _quality(name, 28, DATA), card_rows, first="system",
            packages=_MEASURES,
        )  # fmt: skip
    strings = ("E1", "A1", "E2", "A2", "D3", "G3", "E4", "A4", "E5", "E6")
    yield Table(
        "docs/tuner.md", "Measured", ("-m", "tests.helpers.strings"), {one: one for one in strings},
        ("median error", "95 %", "largest", "first reading"),
    )  # fmt: skip


def _lines() -> Iterator[Line]:
    clean = _quality("voice-clean", 12, FIRST_DATA)
    row = r"\| \*\*hushgate voice\*\* \|"
    yield Line(
        "engine/models/voice.md", "clean speech: SI-SDR", r"an SI-SDR of ([\d.]+) dB", clean,
        rf"{row} ([\d.]+)", 0.5, "dB", _MEASURES,
    )  # fmt: skip
    yield Line(
        "engine/models/voice.md", "clean speech: PESQ", r"a PESQ of ([\d.]+\d)", clean,
        rf"{row}[^|]+\| ([\d.]+)", 0.03, "", _MEASURES,
    )  # fmt: skip
    voice = _quality("voice", 28, FIRST_DATA)
    shipped = r"\*\*`voice`\*\* \(hush\) \| [\d,]+ \| shipped \|"
    for what, page, printed, tolerance in (
        ("SI-SDR", r" ([\d.]+)", r" ([\d.]+)", 0.15),
        ("PESQ", r"[^|]+\|[^|]+\| PESQ ([\d.]+\d)", r"[^|]+\| ([\d.]+)", 0.03),
        ("STOI", r"[^|]+\|[^|]+\| PESQ [\d.]+\d, STOI ([\d.]+\d)", r"(?:[^|]+\|){2} ([\d.]+)", 0.003),
    ):
        yield Line(
            "docs/families.md",
            f"voice: {what}",
            shipped + page,
            voice,
            row + printed,
            tolerance,
            "",
            _MEASURES,
        )


def rerun_claims() -> list[Cell | Line]:
    """Every figure that a command of minutes gives anew."""
    return [*(cell for table in _tables() for cell in table.cells()), *_lines()]


def reason(command: str) -> str:
    """Why a command on a page is not run."""
    return next((why for pattern, why in _NOT_RUN if re.search(pattern, command)), "is run with --run")
