"""Songs with a pause in steady hiss: noise left in the pause, and changes of fade-out and return.

    python benchmarks/pauses.py --data SONGS

The songs and hisses are those of `quality.py --set music`. After 3.2 s each song fades out, at once or within
0.3 s or 1 s, is silent, and returns at once 2 s later.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.command import count
from support.denoisers import HUSHGATE, PEERS, Process, aligned, make_told_system, short_name
from support.music_sets import HISSES, music_set
from support.music_sets import MUSIC_RATE as RATE
from support.recordings import power_db
from support.tables import markdown_table, median_and_worst, show_text

from hushgate.training.evaluate.measures.base import Item
from hushgate.training.evaluate.measures.snr import si_sdr_db

MEASURES = ("pause", "fade-out", "return", "song")
_STARTS_AT, _PAUSE_S, _FADES_S = 0.4, 2.0, (0.01, 0.3, 1.0)
_FADE_DB = 60.0
_RISE_S, _BLOCK_S = 0.003, 0.05
# Denoisers need time to fall silent, and frames of the return reach into the pause.
_CLOSED_AFTER_S, _OPENS_BEFORE_S = 0.3, 0.05
_MAX_DELAY_MS = 250.0
# Sound this far above the noise is audible through it.
_AUDIBLE_DB = 6.0

Audio = NDArray[np.float32]
Results = dict[str, dict[str, dict[str, list[float]]]]
"""What `measure` found, by system, noise and measure."""


@dataclass(frozen=True)
class Pausing:
    """A song that pauses, its noise, and where: float32 (channels, samples); samples."""

    clean: Audio
    noise: Audio
    kind: str
    start: int
    silent: int
    end: int


def with_pause(item: Item, fade_s: float) -> Pausing | None:
    """The item with a pause of 2 s that begins with a fade-out of 60 dB; None if it is too short."""
    num_samples = item.clean.shape[1]
    start = round(_STARTS_AT * num_samples)
    silent, end = start + round(fade_s * RATE), start + round(_PAUSE_S * RATE)
    if end + RATE > num_samples:
        return None
    gain = np.ones(num_samples)
    fading = np.arange(silent - start) / (silent - start)
    gain[start:silent] = 10.0 ** (-_FADE_DB / 20.0 * fading)
    gain[silent:end] = 0.0
    rise = round(_RISE_S * RATE)
    gain[end : end + rise] = np.arange(rise) / rise
    clean = (item.clean * gain).astype(np.float32)
    noise = (item.noisy - item.clean).astype(np.float32)
    return Pausing(clean, noise, item.groups["noise"], start, silent, end)


def measure(song: Pausing, output: Audio) -> dict[str, list[float]]:
    """Changes of the pause and of the song around it, dB.

    `pause`: how far the noise there was brought down. `fade-out` (by 50 ms, while it is above the noise)
    and `return` (50 ms, if it is above the noise): level against the clean one's. `song`: SI-SDR outside the
    pause against that of the noisy song.
    """
    noisy, noise_db, block = song.clean + song.noise, power_db(song.noise), round(_BLOCK_S * RATE)
    values: dict[str, list[float]] = {name: [] for name in MEASURES}
    pause = slice(song.silent + round(_CLOSED_AFTER_S * RATE), song.end - round(_OPENS_BEFORE_S * RATE))
    values["pause"].append(power_db(noisy[:, pause]) - power_db(output[:, pause]))
    fading = range(song.start, song.silent - block + 1, block)
    for name, firsts in (("fade-out", fading), ("return", [song.end])):
        for part in (slice(first, first + block) for first in firsts):
            if power_db(song.clean[:, part]) > noise_db + _AUDIBLE_DB:
                values[name].append(power_db(output[:, part]) - power_db(song.clean[:, part]))
    outside = np.r_[: song.start, song.end : song.clean.shape[1]]
    before, after = (si_sdr_db(song.clean[:, outside], sound[:, outside]) for sound in (noisy, output))
    values["song"].append(after - before)
    return values


def run(songs: Sequence[Pausing], systems: dict[str, Process]) -> Results:
    """Figures of every system (of `make_told_system`) on every song."""
    results: Results = {}
    for name, process in systems.items():
        by_kind = results.setdefault(name, {})
        for song in songs:
            output = process(song.clean + song.noise, RATE, song.noise)
            output = aligned(song.clean, output, RATE, _MAX_DELAY_MS)
            values = by_kind.setdefault(song.kind, {measure: [] for measure in MEASURES})
            for key, found in measure(song, output).items():
                values[key] += found
    return results


def report(results: Results) -> str:
    """Medians, and the worst in brackets."""
    rows = [
        [
            f"{kind}, {short_name(system)}",
            *(median_and_worst(by_kind[kind][name], name in ("pause", "song")) for name in MEASURES),
        ]
        for kind in next(iter(results.values()))
        for system, by_kind in results.items()
    ]
    header = ["noise, system", "pause, dB down", "fade-out dB", "return (50 ms) dB", "song, SI-SDR change dB"]
    return markdown_table(header, rows)


def build_parser() -> argparse.ArgumentParser:
    """Flags of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="folder of recordings; repeatable"
    )
    parser.add_argument("--items", type=count, default=36, help="songs in noise (default 36)")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument(
        "--model", action="append", default=[], help="name or path; repeatable (default: music)"
    )
    parser.add_argument(
        "--peer", action="append", choices=list(PEERS), default=[], help="repeatable (default: none)"
    )
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(arguments)
    try:
        names = [*args.peer, *(HUSHGATE + model for model in args.model or ["music"])]
        systems = {name: make_told_system(name) for name in names}
        items = music_set(args.data, args.items, args.seed)
        # There are three hisses and three fade-outs: the shift combines each with every other.
        fades = [_FADES_S[(index + index // len(HISSES)) % len(_FADES_S)] for index in range(len(items))]
        made = [with_pause(*pair) for pair in zip(items, fades, strict=True)]
        songs = [one for one in made if one is not None]
        if not songs:
            raise ValueError("--data must hold songs of 6 s or more.")
    except (ImportError, OSError, ValueError) as error:
        print(f"pauses.py: error: {error}", file=sys.stderr)
        return 2
    title = f"### pauses: {len(songs)} songs, seed {args.seed}"
    show_text(f"{title}\n\n{report(run(songs, systems))}\n", args.markdown)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
