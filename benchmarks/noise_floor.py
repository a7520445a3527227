"""The noise floor that summaries print, against noise that is known.

    python benchmarks/noise_floor.py --data FOLDER

FOLDER holds a manifest.csv (docs/data.md). Its validation recordings of speech, music and guitar get noise
at 5, 10 and 20 dB, then run through `voice`, `music` and `guitar`. Quiet parts of speech are muted first: the
room in them would be noise that nobody knows. Notes of a guitar have rests between them; songs are taken as
they are and once more with gaps of 0.8 s cut into them. The truth before is the level of the noise alone, in
the band that the summary names; the truth after is what the summary means: the median level of frames of
43 ms of the output, where the target is silent in the frame and its neighbours.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.command import count
from support.recordings import at_power, at_snr, read_channels, validation_rows
from support.tables import markdown_table, show_text

from hushgate import Denoiser
from hushgate.measuring.cleaning_meter import CleaningFigures, CleaningMeter

RATE = 44_100
_SECONDS = 16.0
_SNRS_DB = (5.0, 10.0, 20.0)
_FRAME = RATE // 50
_QUIET_DB = 32.0
_STEADY = ("white", "pink", "hiss")
_RAIN = "rain"
_BLOCK = 65_536
_PAUSE_FRAME, _FEWEST_FRAMES = round(0.043 * RATE), 6
_SONG_S, _GAP_S, _FADE_S = 2.2, 0.8, 0.02
_MODELS = {"music, gaps": "music"}
Mono = NDArray[np.float32]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, metavar="FOLDER", help="folder with a manifest.csv"
    )
    parser.add_argument("--number", type=count, default=6, help="targets of each kind (default: 6)")
    args = parser.parse_args(arguments)
    try:
        rows = validation_rows(args.data)
    except OSError as error:
        print(f"noise_floor.py: error: {error}", file=sys.stderr)
        return 2
    rng = np.random.default_rng(1)
    errors: dict[tuple[str, str], list[float]] = {}
    errors_after: dict[tuple[str, str], list[float]] = {}
    unmeasured: dict[tuple[str, str], int] = {}
    varying: dict[tuple[str, str], int] = {}
    spent = {"meter": 0.0, "model": 0.0}
    for kind, target in _targets(args.data, rows, args.number, rng):
        for number, (name, noise) in enumerate(_noises(args.data, rows, len(target), rng)):
            key = (kind, "steady" if name in _STEADY else name)
            noise = at_snr(target, noise, _SNRS_DB[number % 3])
            figures, out = _measured(target + noise, _MODELS.get(kind, kind), spent)
            if figures.noise is None:
                unmeasured[key] = unmeasured.get(key, 0) + 1
                continue
            truth = _level_db(noise, figures.noise.from_hz)
            errors.setdefault(key, []).append(figures.noise.before_db - truth)
            truth_after = _level_in_pauses_db(out, target, figures.noise.from_hz)
            if truth_after is None:
                continue
            errors_after.setdefault(key, [])
            if figures.noise.after_db is None:
                varying[key] = varying.get(key, 0) + 1
            else:
                errors_after[key].append(figures.noise.after_db - truth_after)
    lines = [
        (*key, str(len(errors.get(key, []))), *_statistics(errors.get(key, [])), str(unmeasured.get(key, 0)))
        for key in sorted({*errors, *unmeasured})
    ]
    head = ("target", "noise", "mixtures", "median error dB", "largest", "within 1 dB", "not measured")
    show_text(markdown_table(head, lines), None)
    after = [
        (*key, str(len(found)), *_statistics(found), str(varying.get(key, 0)))
        for key, found in sorted(errors_after.items())
    ]
    print("\nThe noise floor after, where the target pauses:\n")
    show_text(markdown_table((*head[:-1], "said to vary"), after), None)
    print(f"\nmeasuring took {100.0 * spent['meter'] / spent['model']:.1f} % of the time of the models")
    return 0


def _statistics(errors: list[float]) -> tuple[str, str, str]:
    """Median and largest error, dB, and the share within 1 dB."""
    if not errors:
        return "-", "-", "-"
    sizes = np.abs(errors)
    return f"{np.median(sizes):.2f}", f"{sizes.max():.2f}", f"{np.mean(sizes <= 1.0):.0%}"


def _measured(mixture: Mono, kind: str, spent: dict[str, float]) -> tuple[CleaningFigures, Mono]:
    started = time.process_time()
    out = Denoiser(kind)(mixture[None], RATE)
    spent["model"] += time.process_time() - started
    started = time.process_time()
    meter = CleaningMeter(RATE)
    for start in range(0, len(mixture), _BLOCK):
        meter.update(mixture[None, start : start + _BLOCK])
        meter.compare(out[:, start : start + _BLOCK])
    figures = meter.figures()
    spent["meter"] += time.process_time() - started
    return figures, out[0]


def _targets(
    folder: Path, rows: list[dict[str, str]], number: int, rng: np.random.Generator
) -> Iterator[tuple[str, Mono]]:
    speech = [row for row in rows if row["kind"] == "speech" and "words" not in row["path"]]
    for place in range(number):
        chosen = speech[place * len(speech) // number :][:3]
        parts = [_muted(_read(folder, row)) for row in chosen]
        yield "voice", _joined(parts, 0.6)
    music = [row for row in rows if row["kind"] == "music"]
    for place in range(number):
        song = _joined([_read(folder, music[place * len(music) // number])], 0.0)
        yield "music", song
        yield "music, gaps", _with_gaps(song)
    notes = [row for row in rows if row["kind"] == "guitar" and "noises" not in row["path"]]
    for _ in range(number):
        parts = [_faded(_read(folder, notes[int(place)])) for place in rng.integers(0, len(notes), 12)]
        yield "guitar", _joined(parts, 0.4)


def _noises(
    folder: Path, rows: list[dict[str, str]], size: int, rng: np.random.Generator
) -> Iterator[tuple[str, Mono]]:
    frequencies = np.maximum(np.fft.rfftfreq(size, 1.0 / RATE), 20.0)
    for name, slope in zip(_STEADY, (0.0, -0.5, 0.25), strict=True):
        spectrum = np.fft.rfft(rng.standard_normal(size)) * frequencies**slope
        yield name, np.fft.irfft(spectrum, size).astype(np.float32)
    for label in (_RAIN, "city", "train"):
        found = [row for row in rows if row["kind"] == "noise" and label in row["label"]]
        if found:
            yield label, np.resize(_read(folder, found[0]), size)


def _read(folder: Path, row: dict[str, str]) -> Mono:
    return read_channels(folder / row["path"], RATE)[0, : round(_SECONDS * RATE)].astype(np.float32)


def _joined(parts: list[Mono], pause_s: float) -> Mono:
    pause = np.zeros(round(pause_s * RATE), np.float32)
    sound = np.concatenate([np.concatenate([at_power(part, 0.0), pause]) for part in parts])
    return at_power(sound[: round(_SECONDS * RATE)], -20.0)


def _muted(sound: Mono) -> Mono:
    """Speech with its quiet parts silent."""
    count = len(sound) // _FRAME
    levels = (sound[: count * _FRAME].reshape(count, _FRAME) ** 2).mean(axis=1)
    is_loud = levels > np.quantile(levels, 0.9) * 10.0 ** (-_QUIET_DB / 10.0)
    gains = np.repeat(np.convolve(is_loud, np.ones(5), "same") > 0.0, _FRAME).astype(np.float32)
    smooth = np.convolve(gains, np.hanning(_FRAME) / np.hanning(_FRAME).sum(), "same")
    return (sound[: count * _FRAME] * np.where(smooth > 1e-3, smooth, 0.0)).astype(np.float32)


def _faded(sound: Mono) -> Mono:
    note = sound[:RATE].copy()
    note[-4000:] *= np.linspace(1.0, 0.0, len(note[-4000:]), dtype=np.float32)
    return note


def _with_gaps(song: Mono) -> Mono:
    gains = (np.arange(len(song)) / RATE % (_SONG_S + _GAP_S) < _SONG_S).astype(np.float32)
    fade = np.hanning(round(2.0 * _FADE_S * RATE))
    smooth = np.convolve(gains, fade / fade.sum(), "same")
    return (song * np.where(smooth > 1e-4, smooth, 0.0)).astype(np.float32)


def _level_in_pauses_db(out: Mono, target: Mono, from_hz: float) -> float | None:
    """Median level of the output in pauses of the target, above a frequency, dBFS; None without pauses."""
    count = len(target) // _PAUSE_FRAME
    sounds = np.abs(target[: count * _PAUSE_FRAME]).reshape(count, _PAUSE_FRAME).max(axis=1) > 1e-5
    near = np.convolve(sounds, np.ones(3), "same") > 0.0
    if np.count_nonzero(~near) < _FEWEST_FRAMES:
        return None
    frames = out[: count * _PAUSE_FRAME].reshape(count, _PAUSE_FRAME)[~near]
    if not from_hz:
        return float(10.0 * np.log10(max(1e-20, float(np.median(np.mean(frames**2, axis=1))))))
    powers = np.abs(np.fft.rfft(frames * np.hanning(_PAUSE_FRAME))) ** 2
    heard = np.fft.rfftfreq(_PAUSE_FRAME, 1.0 / RATE) >= from_hz
    scale = 2.0 / (_PAUSE_FRAME * np.square(np.hanning(_PAUSE_FRAME)).sum())
    return float(10.0 * np.log10(max(1e-20, float(np.median(powers[:, heard].sum(axis=1) * scale)))))


def _level_db(noise: Mono, from_hz: float) -> float:
    """Level of the noise above a frequency, dBFS."""
    powers = np.abs(np.fft.rfft(noise)) ** 2
    heard = np.fft.rfftfreq(len(noise), 1.0 / RATE) >= from_hz
    return float(10.0 * np.log10(2.0 * powers[heard].sum() / len(noise) ** 2))


if __name__ == "__main__":
    raise SystemExit(main())
