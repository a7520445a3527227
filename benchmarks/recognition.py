"""Word error rates of recognizers behind hushgate and other denoisers, by SNR.

python benchmarks/recognition.py --data DATA
python benchmarks/recognition.py --data DATA --recognizer pocketsphinx --system voice:mix=0.5 --system RNNoise
python benchmarks/recognition.py --data LIBRISPEECH --data NOISE --texts own     # *.trans.txt beside files

Every utterance is read once without noise and once at each SNR, in recorded noise. A rate is the number of
wrong, missing and added words over the number of words that were said. Intervals (95 %) are bootstrapped
over the utterances, and differences are those on the same utterances.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from support.command import command_line
from support.denoisers import PEERS, Audio, make_system
from support.recognizers import RECOGNIZERS, make_recognizer, normalized_words
from support.recordings import at_snr, find_recordings, looped, read_mono, shuffled, without_silent_ends
from support.tables import markdown_table, write_section

import hushgate
from hushgate.training.evaluate.confidence import Estimate, estimate_mean
from hushgate.training.evaluate.measures.wer import word_errors
from hushgate.training.recordings.transcripts import find_transcript

RATE = 16_000
TEXTS = Path(__file__).parent / "support" / "librispeech_texts.txt"
CLEAN, NOISY = "clean", "noisy"
SNRS_DB = (15.0, 10.0, 5.0, 0.0)
CONDITIONS = (CLEAN, *(f"{snr_db:g} dB" for snr_db in SNRS_DB))
SYSTEMS = (NOISY, "voice", "preset:speech-recognition", "preset:voice-gate", "RNNoise", "GTCRN")
_PRESET = "preset:"


@dataclass(frozen=True)
class Utterance:
    """What is said, and its samples in one condition: "clean", or an SNR."""

    name: str
    text: str
    condition: str
    audio: Audio


@dataclass(frozen=True)
class Count:
    """Wrong, missing and added words of one system in one utterance, and how many were said."""

    recognizer: str
    system: str
    utterance: str
    condition: str
    errors: int
    words: int


def utterances(folders: Sequence[Path], texts: Mapping[str, str] | None, seed: int) -> Iterator[Utterance]:
    """Recordings with a text, by name, without noise and in it; each SNR has another noise.

    Args:
        folders: Hold recordings of the kinds speech and noise.
        texts: Name of a recording to what it says; None for `*.trans.txt` beside the recordings.

    Raises:
        FileNotFoundError, ValueError: A folder is missing, or no recording has a text.
    """
    rng = np.random.default_rng(seed)
    noises = shuffled(find_recordings(folders, "noise"), rng)
    found, number = 0, 0
    for recording in sorted(find_recordings(folders, "speech"), key=lambda one: one.path.stem):
        name = recording.path.stem
        text = find_transcript(recording.path) if texts is None else texts.get(name)
        if text is None:
            continue
        found += 1
        speech = read_mono(recording.path, RATE)
        yield Utterance(name, text, CLEAN, _at_peak(speech))
        for snr_db in SNRS_DB:
            noise = without_silent_ends(read_mono(noises[number % len(noises)].path, RATE))
            number += 1
            mixed = speech + at_snr(speech, looped(noise, len(speech), rng), snr_db)
            yield Utterance(name, text, f"{snr_db:g} dB", _at_peak(mixed))
    if not found:
        raise ValueError("no recording of --data has a text: see --texts.")


def _at_peak(audio: np.ndarray) -> Audio:
    return np.asarray(0.5 * audio / np.abs(audio).max(), np.float32)[np.newaxis]


def read_texts(path: Path) -> dict[str, str]:
    """Names and texts, a line each."""
    lines = (line.partition(" ") for line in path.read_text(encoding="utf-8").splitlines())
    return {name: text.strip() for name, _, text in lines if text.strip()}


def make_denoiser(name: str) -> Callable[[Audio], Audio]:
    """The system of a name: a peer, "preset:NAME", or a shipped model and its settings ("voice:mix=0.5").

    Raises:
        FileNotFoundError, ImportError, ValueError: It cannot be made here.
    """
    if name in PEERS:
        peer = make_system(name)
        return lambda audio: peer(audio, RATE)
    if name.startswith(_PRESET):
        preset = hushgate.load_preset(name.removeprefix(_PRESET))
        return lambda audio: hushgate.denoise(audio, RATE, preset=preset, loudness=None)
    model, _, given = name.partition(":")
    settings: dict[str, Any] = tomllib.loads("\n".join(part for part in given.split(",") if part))
    return lambda audio: hushgate.denoise(audio, RATE, model=model, **settings)


def count_errors(
    sounds: Sequence[Utterance], systems: Sequence[str], recognizers: Sequence[str]
) -> Iterator[Count]:
    """Every system's errors in every utterance and condition, recognizer by recognizer."""
    for recognizer in recognizers:
        read = make_recognizer(recognizer)
        for system in systems:
            denoise = make_denoiser(system)
            for sound in sounds:
                said = normalized_words(sound.text)
                heard = normalized_words(read(denoise(sound.audio)[0], RATE))
                errors = word_errors(said, heard)
                yield Count(recognizer, system, sound.name, sound.condition, errors, len(said))


def read_counts(path: Path) -> list[Count]:
    """What `--csv` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Count(
                row["recognizer"],
                row["system"],
                row["utterance"],
                row["condition"],
                int(row["errors"]),
                int(row["words"]),
            )
            for row in csv.DictReader(file)
        ]


def rate(counts: Sequence[Count]) -> Estimate:
    """Word error rate in percent, its interval over utterances."""
    pairs = _by_utterance(counts).values()
    return estimate_mean([100.0 * errors / words for errors, words in pairs], [words for _, words in pairs])


def difference(counts: Sequence[Count], others: Sequence[Count]) -> Estimate:
    """Rate of `counts` minus that of `others`, percentage points, on the same utterances."""
    one, other = _by_utterance(counts), _by_utterance(others)
    values = [100.0 * (one[name][0] - other[name][0]) / one[name][1] for name in one]
    return estimate_mean(values, [words for _, words in one.values()])


def _by_utterance(counts: Sequence[Count]) -> dict[str, tuple[int, int]]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for count in counts:
        sums[count.utterance][0] += count.errors
        sums[count.utterance][1] += count.words
    return {name: (errors, words) for name, (errors, words) in sums.items()}


def report(counts: Sequence[Count], recognizer: str) -> str:
    """Rates by condition, and differences to the untouched sound, as tables; "-" for what was not read."""
    counts = [count for count in counts if count.recognizer == recognizer]
    systems = list(dict.fromkeys(count.system for count in counts))
    conditions = list(dict.fromkeys(count.condition for count in counts))
    groups = [*([condition] for condition in conditions), [one for one in conditions if one != CLEAN]]

    def chosen(system: str, group: Sequence[str]) -> list[Count]:
        found = [count for count in counts if count.system == system and count.condition in group]
        return found if {count.condition for count in found} == set(group) else []

    rates = [[_name(one), *(_cell(rate(chosen(one, group))) for group in groups)] for one in systems]
    words = sum(count.words for count in chosen(systems[0], groups[0]))
    parts = [
        f"### {recognizer}: {len({count.utterance for count in counts})} utterances, {words} words",
        markdown_table(["word error rate, %", *conditions, "all noisy"], rates),
    ]
    if NOISY in systems:
        rows = [
            [
                _name(one),
                *(_cell(difference(chosen(one, group), chosen(NOISY, group)), "+") for group in groups),
            ]
            for one in systems
            if one != NOISY
        ]
        parts.append(markdown_table(["minus untouched, points", *conditions, "all noisy"], rows))
    return "\n\n".join(parts) + "\n"


def _name(system: str) -> str:
    if system == NOISY:
        return "untouched"
    return system if system in PEERS else f"`{system.replace(_PRESET, 'preset ').replace(':', ', ')}`"


def _cell(estimate: Estimate, sign: str = "") -> str:
    return f"{estimate.mean:{sign}.1f} ± {estimate.margin:.1f}" if estimate.count else "-"


def build_parser() -> argparse.ArgumentParser:
    """Flags of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="speech and noise; repeatable"
    )
    parser.add_argument(
        "--texts",
        default=str(TEXTS),
        help='file of names and texts, or "own" for *.trans.txt beside the recordings '
        "(default: 27 utterances of LibriSpeech's train-clean-100, see docs/benchmarks.md)",
    )
    parser.add_argument("--recognizer", action="append", choices=list(RECOGNIZERS), help="default: all")
    parser.add_argument(
        "--system",
        action="append",
        metavar="NAME",
        help="noisy, a peer, preset:NAME, or a model and its settings (voice:mix=0.5); repeatable",
    )
    parser.add_argument(
        "--condition", action="append", choices=CONDITIONS, help="read these only; repeatable (default: all)"
    )
    parser.add_argument(
        "--add", type=Path, action="append", default=[], metavar="CSV", help="show an earlier run's, too"
    )
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--csv", type=Path, help="write the errors of every utterance to this file")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="put the tables into this document")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = build_parser().parse_args(arguments)
    recognizers = args.recognizer or list(RECOGNIZERS)
    try:
        texts = None if args.texts == "own" else read_texts(Path(args.texts))
        sounds = [
            sound
            for sound in utterances(args.data, texts, args.seed)
            if sound.condition in (args.condition or CONDITIONS)
        ]
        counts = [count for path in args.add for count in read_counts(path)]
        if not args.add or args.system:
            counts += count_errors(sounds, args.system or SYSTEMS, recognizers)
    except (ImportError, OSError, ValueError, hushgate.HushgateError) as error:
        print(f"recognition.py: error: {error}", file=sys.stderr)
        return 2
    text = "\n".join(report(counts, recognizer) for recognizer in recognizers)
    print(text)
    if args.csv:
        with args.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([field.name for field in fields(Count)])
            writer.writerows(astuple(one) for one in counts)
    if args.write:
        write_section(args.write, "recognition", f"{command_line('recognition.py', arguments)}\n\n{text}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
