"""Guitar phrases in steady noise: noise left in pauses, and changes of plucks, notes and tails.

    python benchmarks/gate.py --data DATA --notes RECORDED_NOTES
    python benchmarks/gate.py --data DATA --notes RECORDED_NOTES --softest-db -32    # soft notes among loud

A phrase is four notes of NOTES with pauses of 1.2 s, in white noise, pink noise and the recordings of rain
in DATA (kind noise, label rain), 15 dB below the notes; and once more without noise: what do the system
and a tuner behind it make of a clean guitar? Last, clips of 4 s without a guitar, of each kind that DATA has:
speech, noise, percussion, instrument.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.command import count
from support.music_sets import hiss
from support.notes.note_sets import RATE, NoteItem, alone_item, sound_files
from support.notes.note_systems import System, make_systems
from support.notes.phrases import LOUDEST_DB, PAUSE_S, SOFTEST_DB, Phrase, make_phrase
from support.recordings import (
    Mono,
    at_snr,
    find_recordings,
    looped,
    power_db,
    read_mono,
    shuffled,
)
from support.tables import markdown_table, median_and_worst, show_text

from hushgate.training.evaluate.measures.snr import si_sdr_db

PEERS = ("pedalboard.NoiseGate", "RNNoise")
MEASURES = ("pause", "pluck", "note", "tail")
OTHERS = ("speech", "noise", "percussion", "instrument")
_BLOCK_S = 0.02
# Change of a note's level that a player hears at once.
_KEPT_DB = 3.0
_PLUCK_S, _NOTE_END_S = 0.05, 0.5
# A gate may need half a second to close, and opens before a pluck by its model's lookahead.
_CLOSED_AFTER_S, _OPENS_BEFORE_S = 0.5, 0.11
_TAIL_DB = (20.0, 40.0)
_NUM_OTHERS, _OTHERS_S, _OTHERS_DB = 60, 4.0, -20.0
# What loses less passes a gate.
_PASSED_DB = 10.0

Audio = NDArray[np.float32]
MakeNoise = Callable[[int, np.random.Generator], Mono]
"""So many samples of a noise."""
Gated = dict[str, dict[str, dict[str, list[float]]]]
"""What `measure` found, by noise, system and measure."""
Alone = dict[str, dict[str, list[float]]]
"""Loss of level of each clip without a guitar, dB, by kind and system."""
Cleaned = dict[str, tuple[list[float], list[float]]]
"""SI-SDR of each clean phrase, dB, and the tuner's errors at every reading, cents, by system."""


def noise_for(phrase: Phrase, noise: Mono, snr_db: float) -> Audio:
    """The noise so that the notes' power, pauses left out, is `snr_db` above it."""
    sounding = np.concatenate([phrase.sound[0, start : start + length] for start, length in phrase.notes])
    return at_snr(sounding, noise, snr_db)[np.newaxis].astype(np.float32)


def measure(phrase: Phrase, noise: Audio, output: Audio) -> dict[str, list[float]]:
    """Changes of every note and of the pause after it, dB.

    `pause`: how far the noise there was brought down. `pluck` (the first 50 ms), `note` (up to 0.5 s) and
    `tail` (where the note has decayed by 20 to 40 dB, and is above the noise): level against the clean
    note's.
    """
    clean, heard, found = phrase.sound[0], phrase.sound[0] + noise[0], output[0]
    values: dict[str, list[float]] = {name: [] for name in MEASURES}

    def change_db(*parts: slice) -> float:
        after, before = (np.concatenate([sound[part] for part in parts]) for sound in (found, clean))
        return power_db(after) - power_db(before)

    for start, length in phrase.notes:
        end = start + length
        pause = slice(end + round(_CLOSED_AFTER_S * RATE), end + round((PAUSE_S - _OPENS_BEFORE_S) * RATE))
        values["pause"].append(power_db(heard[pause]) - power_db(found[pause]))
        plucked, sustained = start + round(_PLUCK_S * RATE), start + round(_NOTE_END_S * RATE)
        values["pluck"].append(change_db(slice(start, plucked)))
        values["note"].append(change_db(slice(plucked, min(sustained, end))))
        if tail := _tail(clean, noise[0], start, end):
            values["tail"].append(change_db(*tail))
    return values


def _tail(clean: Audio, noise: Audio, start: int, end: int) -> list[slice]:
    size = round(_BLOCK_S * RATE)
    blocks = [slice(first, first + size) for first in range(start, end - size, size)]
    levels = [power_db(clean[block]) for block in blocks]
    least, most = (max(levels) - limit_db for limit_db in reversed(_TAIL_DB))
    noise_db = power_db(noise)
    return [b for b, db in zip(blocks, levels, strict=True) if max(least, noise_db) < db < most]


def pitch_errors(clean: Audio, output: Audio) -> list[float]:
    """Difference of `hushgate.Tuner`'s readings of output and clean sound, cents."""
    from hushgate import Tuner
    from hushgate.tuner.notes import cents_between

    tuner = Tuner(hold_ms=0.0)
    pairs = zip(tuner.process(clean, RATE), tuner.process(output, RATE), strict=True)
    return [
        abs(cents_between(two.frequency_hz, one.frequency_hz))
        for one, two in pairs
        if one.frequency_hz is not None and two.frequency_hz is not None
    ]


# -- runs ---------------------------------------------------------------------------------------


def noises(folders: Sequence[Path]) -> tuple[dict[str, MakeNoise], str]:
    """Noises by name, each made from a number of samples; and why rain is left out, if it is."""

    def synthesized(kind: str) -> MakeNoise:
        return lambda num_samples, rng: hiss(kind, num_samples, RATE, rng)

    made = {kind: synthesized(kind) for kind in ("white", "pink")}
    rain = [one.path for one in find_recordings(folders, "noise") if one.label == "rain"]
    if not rain:
        return made, "rain skipped: no recordings of the kind noise have the label rain"

    def recorded(num_samples: int, rng: np.random.Generator) -> Mono:
        return looped(read_mono(rain[int(rng.integers(len(rain)))], RATE), num_samples, rng)

    return made | {"rain": recorded}, ""


def run_gates(
    phrases: Sequence[Phrase],
    noises: dict[str, MakeNoise],
    snr_db: float,
    systems: dict[str, System],
    rng: np.random.Generator,
) -> Gated:
    """Figures of every system on every phrase in every noise."""
    results: Gated = {
        noise: {system: {name: [] for name in MEASURES} for system in systems} for noise in noises
    }
    for name, by_system in results.items():
        for phrase in phrases:
            noise = noise_for(phrase, noises[name](phrase.sound.shape[1], rng), snr_db)
            for system, values in by_system.items():
                for key, found in measure(phrase, noise, _clean(systems[system], phrase, noise)).items():
                    values[key] += found
    return results


def run_clean(phrases: Sequence[Phrase], systems: dict[str, System]) -> Cleaned:
    """SI-SDR and tuning errors of every system on every phrase without noise."""
    results: Cleaned = {}
    for name, system in systems.items():
        pairs = [(one.sound, _clean(system, one, np.zeros_like(one.sound))) for one in phrases]
        ratios = [si_sdr_db(*pair) for pair in pairs]
        results[name] = ratios, [error for pair in pairs for error in pitch_errors(*pair)]
    return results


def clips_of_others(folders: Sequence[Path], rng: np.random.Generator) -> dict[str, list[NoteItem]]:
    """Clips without a guitar, at -20 dBFS, by kind that a folder has."""
    clips = {}
    for kind in OTHERS:
        try:
            found = shuffled(find_recordings(folders, kind), rng)[:_NUM_OTHERS]
        except ValueError:  # no folder has it
            continue
        clips[kind] = [alone_item(kind, one, kind, _OTHERS_S, _OTHERS_DB) for one in found]
    return clips


def run_others(clips: dict[str, list[NoteItem]], systems: dict[str, System]) -> Alone:
    """How much of each clip every system takes away."""

    def loss_db(system: System, clip: NoteItem) -> float:
        run, _ = system
        return power_db(clip.noisy) - power_db(run(clip))

    return {
        kind: {name: [loss_db(system, clip) for clip in found] for name, system in systems.items()}
        for kind, found in clips.items()
    }


def _clean(system: System, phrase: Phrase, noise: Audio) -> Audio:
    run, _ = system
    return run(NoteItem("phrase", phrase.sound, phrase.sound + noise, noise, None))[np.newaxis]


# -- tables and the command ---------------------------------------------------------------------


def gate_report(results: Gated) -> str:
    """Medians, and the worst in brackets; how many notes changed by more than 3 dB."""
    rows = [
        [
            f"{noise}, {system}",
            *(median_and_worst(values[name], name == "pause") for name in MEASURES),
            f"{np.sum(np.abs(values['note']) > _KEPT_DB)} of {len(values['note'])}",
        ]
        for noise, by_system in results.items()
        for system, values in by_system.items()
    ]
    header = ["noise, system", "pause, dB down", "pluck (50 ms) dB", "note dB", "tail dB", "notes over 3 dB"]
    return markdown_table(header, rows)


def others_report(results: Alone) -> str:
    """Loss of level: median, and the least in brackets; how many clips lose less than 10 dB."""
    rows = [
        [
            f"{kind} alone, {system}",
            f"{np.median(losses):.0f} ({min(losses):.0f})",
            f"{np.sum(np.array(losses) < _PASSED_DB)} of {len(losses)}",
        ]
        for kind, by_system in results.items()
        for system, losses in by_system.items()
    ]
    return markdown_table(["without a guitar", "dB down", "pass with less than 10 dB"], rows)


def clean_report(results: Cleaned) -> str:
    """SI-SDR: median, and the worst in brackets; errors: median and 95 %."""
    rows = []
    for system, (ratios, errors) in results.items():
        cents = [f"{np.median(errors):.2f}", f"{np.percentile(errors, 95):.2f}"] if errors else ["-", "-"]
        rows.append([system, f"{np.median(ratios):.1f} ({min(ratios):.1f})", *cents])
    return markdown_table(["clean guitar", "SI-SDR dB", "pitch error, cents, median", "95 %"], rows)


def build_parser() -> argparse.ArgumentParser:
    """Flags of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="folder of recordings; repeatable"
    )
    parser.add_argument(
        "--notes",
        type=Path,
        action="append",
        required=True,
        help="folder of recordings with one note each; repeatable",
    )
    parser.add_argument("--phrases", type=count, default=8, help="for each noise (default 8)")
    parser.add_argument("--snr-db", type=float, default=15.0)
    parser.add_argument(
        "--softest-db",
        type=float,
        default=SOFTEST_DB,
        help="peak of the softest note, dBFS (default -16; the loudest has -8)",
    )
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument(
        "--preset", action="append", default=[], help="repeatable (default: tuner, gate-hard)"
    )
    parser.add_argument("--no-peers", action="store_true", help="measure presets only")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(arguments)
    try:
        if not args.softest_db <= LOUDEST_DB:
            raise ValueError(f"--softest-db must be {LOUDEST_DB:g} dBFS or less (got {args.softest_db:g}).")
        systems, skipped = make_systems(() if args.no_peers else PEERS, args.preset or ["tuner", "gate-hard"])
        by_name, reason = noises(args.data)
        rng = np.random.default_rng(args.seed)
        paths = [path for folder in args.notes for path in sound_files(folder)]
        phrases = [make_phrase(paths, rng, args.softest_db) for _ in range(args.phrases)]
    except (ImportError, OSError, ValueError) as error:
        print(f"gate.py: error: {error}", file=sys.stderr)
        return 2
    for line in [*skipped, reason] if reason else skipped:
        print(line, file=sys.stderr)
    gated = run_gates(phrases, by_name, args.snr_db, systems, rng)
    clean = run_clean(phrases, systems)
    levels = f"{args.snr_db:g} dB, notes from {args.softest_db:g} dBFS"
    title = f"### gate: {args.phrases} phrases for each noise, {levels}, seed {args.seed}"
    tables = [gate_report(gated), clean_report(clean)]
    if clips := clips_of_others(args.data, rng):
        tables.append(others_report(run_others(clips, systems)))
    show_text("\n\n".join([title, *tables]) + "\n", args.markdown)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
