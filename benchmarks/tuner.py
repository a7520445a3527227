"""Readings of tuners in a noisy room, with and without a denoiser in front.

python benchmarks/tuner.py --data DATA --data RENDERS            # rendered notes, the preset tuner
python benchmarks/tuner.py --data DATA --data RENDERS --notes RECORDED_NOTES --items 40
python benchmarks/tuner.py --set alone --data DATA --data RENDERS     # no guitar: nothing to be read

DATA and RENDERS hold recordings of the kinds instrument, noise and speech (see README.md).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.command import count
from support.machine import ONE_THREAD
from support.notes.note_sets import PLUCK_S, NoteItem, alone_set, note_set
from support.notes.note_systems import PEERS, Mono, System, make_systems
from support.notes.pitch_detectors import DETECTORS, Detector, Track, levels_db
from support.recordings import ROOM_SNR_DB
from support.tables import markdown_table, show_text

from hushgate.training.evaluate.measures.snr import si_sdr_db

CLEAN, UNTOUCHED = "clean recording", "untouched"
REFERENCES: dict[str, System] = {
    CLEAN: (lambda item: item.clean[0], 0.0),
    UNTOUCHED: (lambda item: item.noisy[0], 0.0),
}
KINDS = ("noise", "speech", "instrument")
_LOUD_DB, _PLAYER_DB = 6.0, 30.0
_LIMITS_CENTS = (1.0, 5.0, 10.0, 50.0)
_WRONG_NOTE_CENTS = 50.0

Values = dict[str, float]
Row = dict[str, object]


# -- measures -----------------------------------------------------------------------------------


def cents(frequency_hz: NDArray[np.float64], truth_hz: float) -> NDArray[np.float64]:
    """Distance from the truth; NaN stays NaN."""
    return 1200.0 * np.log2(frequency_hz / truth_hz)


def find_truth(item: NoteItem, tracks: Sequence[Track]) -> float:
    """Median of what the detectors say about the loud part of the clean note, Hz.

    Instruments of a soundfont, and of people, are not exactly in tune; all detectors together know
    better what sounds than a key number, and favour none of them.
    """
    found = []
    for track in tracks:
        levels = levels_db(item.clean[0], track.centre_s)
        loud = np.isfinite(track.frequency_hz) & (levels > levels.max() - 12.0)
        if loud.any():
            found.append(float(np.median(track.frequency_hz[loud])))
    return float(np.median(found)) if found else float("nan")


def measure_note(item: NoteItem, output: Mono, track: Track, truth_hz: float, latency_s: float) -> Values:
    """Everything about one clip; shares are 0 or 1 for the clip, or parts of its readings or time."""
    assert item.pluck_s is not None
    error = np.abs(cents(track.frequency_hz, truth_hz))
    voiced = np.isfinite(error)
    levels = levels_db(output, track.centre_s)
    loud = voiced & (levels > levels.max() - _LOUD_DB)
    values: Values = {}
    for label, chosen in (("all", voiced), ("loud", loud)):
        median = (
            abs(float(np.median(cents(track.frequency_hz[chosen], truth_hz)))) if chosen.any() else np.inf
        )
        for limit in _LIMITS_CENTS:
            values[f"clip {label} {limit:g}"] = float(median <= limit)
        share = float(np.mean(error[chosen] <= 10.0)) if chosen.any() else 0.0
        values[f"readings {label} 10"] = share
    right = voiced & (error <= 10.0) & (track.end_s > item.pluck_s)
    first = float(track.end_s[right][0] - item.pluck_s + latency_s) if right.any() else np.nan
    values["first right, ms"] = 1000.0 * first
    before = track.end_s < item.pluck_s
    values["false before the pluck"] = float(np.mean(voiced[before])) if before.any() else np.nan
    clean_levels = levels_db(item.clean[0], track.centre_s)
    sounding = np.flatnonzero(clean_levels > clean_levels.max() - _PLAYER_DB)
    playing = (track.centre_s >= item.pluck_s) & (np.arange(len(error)) <= sounding[-1])
    values["player right"] = float(np.mean(voiced[playing] & (error[playing] <= 10.0)))
    values["player wrong"] = float(np.mean(voiced[playing] & (error[playing] > _WRONG_NOTE_CENTS)))
    return values


# -- runs ---------------------------------------------------------------------------------------


def run_notes(
    items: Sequence[NoteItem],
    systems: dict[str, System],
    detectors: dict[str, Detector],
) -> list[Row]:
    """A row for each item, system and detector."""
    rows: list[Row] = []
    for number, item in enumerate(items):
        clean_tracks = {name: detect(item.clean[0]) for name, detect in detectors.items()}
        truth_hz = find_truth(item, list(clean_tracks.values()))
        if not np.isfinite(truth_hz):
            print(f"{item.name}: no detector hears the clean note; left out", file=sys.stderr)
            continue
        for system, (run, latency_s) in systems.items():
            output = run(item)
            ratio_db = si_sdr_db(item.clean, output[np.newaxis])
            for name, detect in detectors.items():
                track = clean_tracks[name] if system == CLEAN else detect(output)
                values = measure_note(item, output, track, truth_hz, latency_s)
                rows.append(
                    {"item": item.name, "system": system, "detector": name, "SI-SDR dB": ratio_db, **values}
                )
        _progress(number + 1, len(items))
    return rows


def run_alone(
    items: Sequence[NoteItem],
    systems: dict[str, System],
    detectors: dict[str, Detector],
) -> list[Row]:
    """Share of readings that show nothing, for each item, system and detector."""
    rows: list[Row] = []
    for number, item in enumerate(items):
        for system, (run, _) in systems.items():
            output = run(item)
            for name, detect in detectors.items():
                nothing = float(np.mean(~np.isfinite(detect(output).frequency_hz)))
                row = {"item": item.name, "system": system, "detector": name}
                rows.append({**row, "kind": item.groups["kind"], "no reading": nothing})
        _progress(number + 1, len(items))
    return rows


def _progress(done: int, total: int) -> None:
    if done % 10 == 0 or done == total:
        print(f"{done} of {total}", file=sys.stderr)


# -- tables -------------------------------------------------------------------------------------


def _split(rows: Sequence[Row], key: str) -> dict[str, list[Row]]:
    """Rows by what they have under a key, in the order in which that first comes."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(str(row[key]), []).append(row)
    return parts


def _mean(rows: Sequence[Row], key: str) -> float:
    values = np.array([row[key] for row in rows], dtype=float)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _percent(rows: Sequence[Row], *keys: str) -> str:
    return " / ".join(f"{100.0 * _mean(rows, key):.0f}" for key in keys)


def notes_report(rows: Sequence[Row]) -> str:
    """A table for each detector; all figures but times and dB in percent."""
    header = [
        "system", "SI-SDR dB", "clips within 1 / 5 / 10 / 50 cents", "loud frames only",
        "readings within 10, all / loud", "first right, ms", "false before pluck",
        "player: right / wrong",
    ]  # fmt: skip
    parts = []
    for detector, heard in _split(rows, "detector").items():
        lines = []
        for system, part in _split(heard, "system").items():
            firsts = np.array([row["first right, ms"] for row in part], dtype=float)
            never = int(np.isnan(firsts).sum())
            first = f"{np.nanmedian(firsts):.0f}" if never < len(firsts) else "-"
            lines.append(
                [
                    system,
                    "-" if system == CLEAN else f"{_mean(part, 'SI-SDR dB'):.1f}",
                    _percent(part, *(f"clip all {limit:g}" for limit in _LIMITS_CENTS)),
                    _percent(part, *(f"clip loud {limit:g}" for limit in _LIMITS_CENTS)),
                    _percent(part, "readings all 10", "readings loud 10"),
                    f"{first} ({never} never)" if never else first,
                    _percent(part, "false before the pluck"),
                    _percent(part, "player right", "player wrong"),
                ]
            )
        parts += [f"#### {detector}", markdown_table(header, lines)]
    return "\n\n".join(parts)


def alone_report(rows: Sequence[Row]) -> str:
    """Share of the time without a reading, percent: systems and detectors against kinds of sound."""
    kinds = list(_split(rows, "kind"))
    lines = []
    for detector, heard in _split(rows, "detector").items():
        for system, part in _split(heard, "system").items():
            by_kind = _split(part, "kind")
            cells = [f"{100.0 * _mean(by_kind[kind], 'no reading'):.1f}" for kind in kinds]
            lines.append([f"{detector}, {system}", *cells])
    return markdown_table(["no reading, % of the time", *kinds], lines)


# -- the command --------------------------------------------------------------------------------


def build_parser() -> argparse.ArgumentParser:
    """Flags of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", dest="set_name", choices=("notes", "alone"), default="notes")
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="folder of recordings; repeatable"
    )
    parser.add_argument(
        "--notes", type=Path, help="folder of recordings with one note each (default: rendered)"
    )
    parser.add_argument(
        "--items", type=count, default=80, help="clips; with --set alone of each kind (default 80)"
    )
    parser.add_argument("--seed", type=int, default=2026)
    for flag, default, help_text in (
        ("--pluck-s", PLUCK_S, "earliest and latest time of the pluck"),
        ("--room-snr-db", ROOM_SNR_DB, "how far the players stand above the room's noise, least and most"),
    ):
        shown = f"{help_text} (default {default[0]:g} {default[1]:g})"
        parser.add_argument(flag, type=float, nargs=2, default=default, metavar=("LOW", "HIGH"), help=shown)
    parser.add_argument(
        "--preset", action="append", default=[], help="preset to measure; repeatable (default: tuner)"
    )
    parser.add_argument("--model", help="model to use in the presets instead of theirs")
    parser.add_argument("--no-hushgate", action="store_true", help="measure the others only")
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="default: all; repeatable")
    parser.add_argument("--no-peers", action="store_true", help="measure no other denoisers")
    parser.add_argument(
        "--detector",
        action="append",
        choices=list(DETECTORS),
        help="default: all that are installed; repeatable",
    )
    parser.add_argument("--json", type=Path, help="write every row to this file")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(arguments)
    os.environ.update(ONE_THREAD)
    started = time.monotonic()
    detectors: dict[str, Detector] = {}
    presets = [] if args.no_hushgate else args.preset or ["tuner"]
    try:
        peers = [] if args.no_peers else args.peer or list(PEERS)
        found, skipped = make_systems(peers, presets, args.model)
        systems = REFERENCES | found
        for name in args.detector or list(DETECTORS):
            try:
                detectors[name] = DETECTORS[name]()
            except ImportError as error:
                skipped.append(f"{name} skipped: {error}")
        if args.set_name == "notes":
            items = note_set(
                args.data, args.notes, args.items, args.seed, tuple(args.pluck_s), tuple(args.room_snr_db)
            )
        else:
            systems.pop(CLEAN)
            items = [item for kind in KINDS for item in alone_set(args.data, kind, args.items, args.seed)]
    except (ImportError, OSError, ValueError) as error:
        print(f"tuner.py: error: {error}", file=sys.stderr)
        return 2
    for reason in skipped:
        print(reason, file=sys.stderr)
    if not detectors:
        print("tuner.py: error: no detector is left to measure with.", file=sys.stderr)
        return 2
    if args.set_name == "notes":
        rows = run_notes(items, systems, detectors)
        text = notes_report(rows)
    else:
        rows = run_alone(items, systems, detectors)
        text = alone_report(rows)
    source = "recorded" if args.notes else "rendered"
    what = f"{source} notes" if args.set_name == "notes" else "no guitar"
    text = f"### {what}: {len(items)} clips, seed {args.seed}\n\n{text}\n"
    show_text(text, args.markdown)
    print(f"Took {time.monotonic() - started:.0f} s.", file=sys.stderr)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
