"""Time from the pluck of a bass string to its first reading.

    PYTHONPATH=benchmarks python -m support.bass --notes RECORDED_BASS_NOTES

For each string of a five-string bass the nearest recorded notes, played at the speed that gives the string's
pitch, after a second of silence, at their own level. File names begin with the written note
(`e2_f_rr1.ogg`), which sounds an octave lower. The preset in front is the one of `hushgate tune --tuning
bass-5`, or --preset.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hushgate import Chain, Tuner
from hushgate.tuner.notes import TUNINGS, note_number
from support.command import count
from support.notes.note_sets import sound_files
from support.recordings import read_mono
from support.tables import markdown_table, show_text

RATE = 48_000
_TUNING = "bass-5"
_SILENCE_S, _NOTE_S, _WITHIN_S = 1.0, 2.0, 0.5
_WRITTEN_ABOVE, _ONSET_DB = 12, -20.0


def written_note(path: Path) -> int:
    """MIDI number of the note that sounds in a recording."""
    written = path.stem.split("_")[0]
    return note_number(written[0].upper() + written[1:]) - _WRITTEN_ABOVE


def from_loud_sample(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the first sample within 20 dB of the highest: times are counted from it."""
    level = np.abs(sound)
    return sound[int(np.argmax(level >= level.max() * 10.0 ** (_ONSET_DB / 20.0))) :]


def plucked(path: Path, number: int) -> NDArray[np.float32]:
    """A recording played at the speed that gives another note, after silence, (1, samples) at `RATE`."""
    import soxr

    ratio = 2.0 ** ((number - written_note(path)) / 12.0)
    note = from_loud_sample(soxr.resample(read_mono(path, RATE), RATE * ratio, RATE))
    parts = [np.zeros(round(_SILENCE_S * RATE)), note[: round(_NOTE_S * RATE)]]
    return np.concatenate(parts)[np.newaxis].astype(np.float32)


def first_shown_s(sound: NDArray[np.float32], note: str, chain: Chain) -> float:
    """Time from the pluck to the first reading of a note, seconds; infinite if there is none."""
    readings = Tuner(_TUNING, sustained=False).process(chain(sound, RATE), RATE)
    times = [one.time_s - _SILENCE_S for one in readings if one.note == note and one.time_s > _SILENCE_S]
    return min(times, default=np.inf)


def build_parser() -> argparse.ArgumentParser:
    """Flags of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--notes", type=Path, action="append", required=True, help="folder; repeatable")
    parser.add_argument("--plucks", type=count, default=9, help="of each string (default 9)")
    parser.add_argument("--preset", action="append", default=[], help="repeatable (default: de-hum)")
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(arguments)
    try:
        paths = [path for folder in args.notes for path in sound_files(folder)]
        numbers = {path: written_note(path) for path in paths}
    except (OSError, ValueError) as error:
        print(f"support.bass: error: {error}", file=sys.stderr)
        return 2
    rows = []
    for preset in args.preset or ["de-hum"]:
        row = [preset]
        for note in TUNINGS[_TUNING]:
            number = note_number(note)
            nearest = sorted(paths, key=lambda path: (abs(numbers[path] - number), path.name))[: args.plucks]
            chain = Chain.from_preset(preset)
            times = [first_shown_s(plucked(path, number), note, chain) for path in nearest]
            shown = sum(time <= _WITHIN_S for time in times)
            row.append(f"{shown} of {len(times)} ({np.median(times):.2f}, {max(times):.2f})")
        rows.append(row)
    table = markdown_table(["preset: shown within 0.5 s (median, latest, s)", *TUNINGS[_TUNING]], rows)
    show_text(table + "\n", args.markdown)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
