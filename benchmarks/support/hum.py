"""Mains hum under songs, in their pauses, and behind guitar notes; and notes that must stay.

    PYTHONPATH=benchmarks python -m support.hum --data SONGS --notes RECORDED_NOTES

A song of 16 s pauses from 9 to 13 s; phrases are those of gate.py. Each is a file in hum at -38 dBFS (or
--level-db): families of 50 and 60 Hz, and the 100 and 120 Hz of rectifiers. The frequency drifts by 0.2 Hz
within two minutes, and lines swell by 10 %. What is left of the hum in a song is the output with hum minus
the output without.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from support.command import count
from support.music_sets import MUSIC_RATE
from support.notes.note_sets import RATE as NOTE_RATE
from support.notes.note_sets import sound_files
from support.notes.phrases import Phrase, make_phrase
from support.recordings import at_level, at_power, find_recordings, power_db, read_channels, shuffled
from support.tables import markdown_table, median_and_worst, show_text

Audio = NDArray[np.float32]

FAMILIES = {"50 Hz": (50.0, 1), "60 Hz": (60.0, 1), "100 Hz": (50.0, 2), "120 Hz": (60.0, 2)}
"""Mains frequency, Hz, and the step from one multiple to the next."""
_NUM_LINES, _DRIFT_HZ, _DRIFT_S = 20, 0.2, 120.0
_SONG_S, _PAUSE_S, _END_S = 9.0, 4.0, 3.0
_SONG_DB = -20.0
# The models need time to fall silent, and frames of the return reach into the pause.
_CLOSED_AFTER_S, _OPENS_BEFORE_S = 0.5, 0.11
_NOTE_PRESETS = ("gate-hard", "tuner")


def make_hum(
    family: str, num_samples: int, sample_rate: int, level_db: float, rng: np.random.Generator
) -> Audio:
    """Lines with levels falling as 1 / order, (1, samples)."""
    mains_hz, step = FAMILIES[family]
    time = np.arange(num_samples) / sample_rate
    wander = _DRIFT_HZ * np.sin(2.0 * np.pi * (time / _DRIFT_S + rng.random()))
    phase = 2.0 * np.pi * np.cumsum(mains_hz + wander) / sample_rate
    hum = np.zeros(num_samples)
    for order in range(step, step * (_NUM_LINES + 1), step):
        swell = 1.0 + 0.1 * np.sin(2.0 * np.pi * (time / rng.uniform(15.0, 40.0) + rng.random()))
        hum += rng.uniform(0.5, 1.0) / order * swell * np.cos(order * phase + rng.uniform(0.0, 2.0 * np.pi))
    return at_power(hum, level_db)[np.newaxis].astype(np.float32)


def with_pause(path: Path, rng: np.random.Generator) -> Audio | None:
    """A song that pauses, (1, samples) at 44.1 kHz; None if it is too short."""
    song = read_channels(path, MUSIC_RATE).mean(axis=0, keepdims=True)
    first, last = round(_SONG_S * MUSIC_RATE), round(_END_S * MUSIC_RATE)
    if song.shape[1] < first + last:
        return None
    start = int(rng.integers(song.shape[1] - first - last + 1))
    song = at_level(song[:, start : start + first + last], _SONG_DB, MUSIC_RATE)
    song[:, first - 2205 : first] *= np.linspace(1.0, 0.0, 2205)
    parts = [song[:, :first], np.zeros((1, round(_PAUSE_S * MUSIC_RATE))), song[:, first:]]
    return np.concatenate(parts, axis=1).astype(np.float32)


def cleaned(preset: str, sound: Audio, sample_rate: int) -> Audio:
    """What a preset makes of a file with this sound."""
    from hushgate import Chain, stream_file

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        soundfile.write(path, sound.T, sample_rate, subtype="FLOAT")
        return np.concatenate(list(stream_file(Chain.from_preset(preset), path)), axis=1)


def song_report(songs: Sequence[Audio], presets: Sequence[str], level_db: float, seed: int) -> str:
    """How far hum falls in songs and their pauses."""
    first, pause = round(_SONG_S * MUSIC_RATE), round(_PAUSE_S * MUSIC_RATE)
    quiet = slice(first + round(_CLOSED_AFTER_S * MUSIC_RATE), first + pause - MUSIC_RATE // 10)
    rows = []
    for preset in presets:
        alone = [cleaned(preset, song, MUSIC_RATE) for song in songs]
        for family in FAMILIES:
            rng = np.random.default_rng(seed)
            inside, between = [], []
            for song, clean in zip(songs, alone, strict=True):
                hum = make_hum(family, song.shape[1], MUSIC_RATE, level_db, rng)
                output = cleaned(preset, song + hum, MUSIC_RATE)
                inside.append(power_db(hum[:, :first]) - power_db((output - clean)[:, :first]))
                between.append(power_db(hum[:, quiet]) - power_db(output[:, quiet]))
            rows.append(
                [f"{family}, {preset}", median_and_worst(inside, True), median_and_worst(between, True)]
            )
    return markdown_table(["hum, preset", "in songs, dB down", "in pauses, dB down"], rows)


def gate_report(phrases: Sequence[Phrase], level_db: float, seed: int) -> str:
    """How far the pauses of guitar phrases in hum fall, and how notes change."""
    rows = []
    for preset in _NOTE_PRESETS:
        for family in FAMILIES:
            rng = np.random.default_rng(seed)
            pauses, notes = [], []
            for phrase in phrases:
                hum = make_hum(family, phrase.sound.shape[1], NOTE_RATE, level_db, rng)
                output = cleaned(preset, phrase.sound + hum, NOTE_RATE)
                ends = [start for start, _ in phrase.notes[1:]] + [phrase.sound.shape[1]]
                for (start, length), end in zip(phrase.notes, ends, strict=True):
                    closed = start + length + round(_CLOSED_AFTER_S * NOTE_RATE)
                    part = slice(closed, end - round(_OPENS_BEFORE_S * NOTE_RATE))
                    pauses.append(power_db(hum[:, part]) - power_db(output[:, part]))
                    note = slice(start, start + NOTE_RATE // 2)
                    notes.append(power_db(output[:, note]) - power_db(phrase.sound[:, note]))
            rows.append(
                [f"{family}, {preset}", median_and_worst(pauses, True), median_and_worst(notes, False)]
            )
    return markdown_table(["hum, preset", "pauses, dB down", "notes, change dB"], rows)


def held(frequencies_hz: Sequence[float], sample_rate: int) -> tuple[Audio, slice]:
    """Tones held together from 10 to 16 s of 18 s, and where they sound."""
    time = np.arange(18 * sample_rate) / sample_rate
    envelope = np.clip((time - 10.0) / 0.02, 0.0, 1.0) * np.clip((16.0 - time) / 0.05, 0.0, 1.0)
    tone = np.zeros(len(time))
    for hz in frequencies_hz:
        for k in range(1, 9):
            tone += np.cos(2.0 * np.pi * hz * k * time + k) / k
    tone *= envelope
    part = slice(10 * sample_rate, 16 * sample_rate)
    tone *= 10.0 ** ((-20.0 - power_db(tone[part])) / 20.0)
    return tone[np.newaxis].astype(np.float32), part


def held_report(level_db: float, seed: int) -> str:
    """How notes of 6 s change under the removal alone, without hum and within it."""
    tones = {
        "bass, 49.0 Hz (G1)": [49.0],
        "bass, exactly 50 Hz": [50.0],
        "bass, exactly 100 Hz": [100.0],
        "bass, 61.7 Hz (B1)": [61.74],
        "organ, G major with pedal": [49.0, 98.0, 123.5, 196.0, 293.7, 392.0],
    }
    rows = []
    for name, frequencies_hz in tones.items():
        sound, part = held(frequencies_hz, MUSIC_RATE)
        changes = []
        for family in (None, "50 Hz", "100 Hz"):
            rng = np.random.default_rng(seed)
            hum = np.zeros_like(sound)
            if family is not None:
                hum = make_hum(family, sound.shape[1], MUSIC_RATE, level_db, rng)
            output = cleaned("de-hum", sound + hum, MUSIC_RATE)
            share = np.sum(output[:, part] * sound[:, part]) / np.sum(sound[:, part] ** 2)
            changes.append(f"{20.0 * np.log10(abs(float(share))):.2f}")
        rows.append([name, *changes])
    return markdown_table(["held for 6 s", "no hum, dB", "in 50 Hz hum, dB", "in 100 Hz hum, dB"], rows)


def build_parser() -> argparse.ArgumentParser:
    """Flags of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="folder of songs; repeatable"
    )
    parser.add_argument("--notes", type=Path, help="folder of recordings with one guitar note each")
    parser.add_argument("--items", type=count, default=8, help="songs (default 8)")
    parser.add_argument("--phrases", type=count, default=4, help="guitar phrases (default 4)")
    parser.add_argument("--level-db", type=float, default=-38.0, help="of the hum, dBFS (default -38)")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--preset", action="append", default=[], help="repeatable (default: de-hum, music)")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(arguments)
    try:
        rng = np.random.default_rng(args.seed)
        made = (with_pause(one.path, rng) for one in shuffled(find_recordings(args.data, "music"), rng))
        songs = [song for song in made if song is not None][: args.items]
        if not songs:
            raise ValueError("--data must hold songs of 12 s or more.")
        phrases = []
        if args.notes is not None:
            paths = sound_files(args.notes)
            phrases = [make_phrase(paths, rng) for _ in range(args.phrases)]
    except (ImportError, OSError, ValueError) as error:
        print(f"support.hum: error: {error}", file=sys.stderr)
        return 2
    presets = args.preset or ["de-hum", "music"]
    parts = [
        f"### hum at {args.level_db:g} dBFS: {len(songs)} songs, {len(phrases)} phrases, seed {args.seed}"
    ]
    parts.append(song_report(songs, presets, args.level_db, args.seed))
    if phrases:
        parts.append(gate_report(phrases, args.level_db, args.seed))
    parts.append(held_report(args.level_db, args.seed))
    show_text("\n\n".join(parts) + "\n", args.markdown)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
