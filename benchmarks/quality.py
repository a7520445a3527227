"""Scores of hushgate and other denoisers on a test set made from local recordings.

python benchmarks/quality.py --data DATA                                  # voice, every installed peer
python benchmarks/quality.py --set music --data RENDERS44 --write docs/benchmarks.md
python benchmarks/quality.py --set guitar --data RENDERS16 --data DATA --csv guitar.csv
python benchmarks/quality.py --data DATA --files                          # and voice as files are treated
python benchmarks/quality.py --set voice-clean --data DATA --model path/to/model.onnx --json out.json
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

from support.command import add_system_arguments, chosen_systems, command_line, count, write_run
from support.denoisers import FILES, HUSHGATE, PEERS, Process, aligned, make_told_system, needs_noise
from support.machine import ONE_THREAD
from support.metrics import figures
from support.tables import Score, report, write_csv
from support.testsets import SETS

from hushgate.training.evaluate.measures.base import Item
from hushgate.training.evaluate.measures.snr import si_sdr_db

_systems: dict[str, Process] = {}


def score_item(item: Item, systems: Sequence[str], set_name: str) -> list[Score]:
    """Run every system over an item, align its output with the clean sound and measure it.

    The delay is found by cross-correlation with the clean sound, in whole samples within
    150 ms, for every system and item alike.
    """
    scores = []
    for name in systems:
        if name not in _systems:
            _systems[name] = make_told_system(name)
        output = _systems[name](item.noisy, item.sample_rate, item.noisy - item.clean)
        output = aligned(item.clean, output, item.sample_rate)
        values = figures(SETS[set_name].metrics, item, output)
        if item.noisy is not item.clean:
            values["SI-SDR change dB"] = si_sdr_db(item.clean, output) - si_sdr_db(item.clean, item.noisy)
        scores.append(Score(name, item.name, dict(item.groups), values))
    return scores


def score_items(items: Sequence[Item], systems: Sequence[str], set_name: str, workers: int) -> list[Score]:
    """Scores of every system on every item, system by system, in the items' order."""
    score = partial(score_item, systems=systems, set_name=set_name)
    if workers == 1:
        per_item = [score(item) for item in items]
    else:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            per_item = list(pool.map(score, items))
    return [scores[column] for column in range(len(systems)) for scores in per_item]


def build_parser() -> argparse.ArgumentParser:
    """Flags of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", dest="set_name", choices=list(SETS), default="voice")
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        help="folder of recordings (manifest.csv, or a subfolder for each kind); repeatable",
    )
    parser.add_argument("--items", type=count, help="how many recordings; default: by set")
    parser.add_argument("--seed", type=int, default=2026)
    add_system_arguments(parser, list(PEERS))
    parser.add_argument(
        "--files", action="store_true", help="measure the models once more, as the commands treat files"
    )
    parser.add_argument("--workers", type=int, choices=(1, 2), default=1, help="processes (default 1)")
    parser.add_argument("--csv", type=Path, help="write every single score to this file")
    parser.add_argument("--json", type=Path, help="the same as JSON, for plots.py")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="put the tables into this document")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = build_parser().parse_args(arguments)
    # One thread for each worker, in libraries too.
    os.environ.update(ONE_THREAD)
    from hushgate.engine import available_models

    started = time.monotonic()
    chosen = SETS[args.set_name]
    num_items = args.items or chosen.num_items
    shipped = [chosen.model] if chosen.model in available_models() else []
    try:
        peers = [name for name in PEERS if chosen.has_noise or not needs_noise(name)]
        systems, skipped = chosen_systems(args, peers, shipped)
        if args.files:
            systems += [FILES + name.removeprefix(HUSHGATE) for name in systems if name.startswith(HUSHGATE)]
        items = chosen.build(args.data, num_items, args.seed)
    except (ImportError, OSError, ValueError) as error:
        print(f"quality.py: error: {error}", file=sys.stderr)
        return 2
    if chosen.model and not (args.model or shipped):
        skipped.append(f"hushgate {chosen.model} skipped (it does not ship yet: --model NAME or PATH)")
    for reason in skipped:
        print(reason, file=sys.stderr)
    if not systems:
        print("quality.py: error: no system is left to measure.", file=sys.stderr)
        return 2
    try:
        scores = score_items(items, systems, args.set_name, args.workers)
    except (ImportError, OSError, RuntimeError) as error:
        print(f"quality.py: error: {error}", file=sys.stderr)
        return 2
    minutes = sum(item.clean.shape[1] / item.sample_rate for item in items) / 60.0
    title = f"{args.set_name}: {len(items)} recordings, {minutes:.1f} minutes, seed {args.seed}"
    text = report(scores, title, chosen.by_group)
    print(text)
    print(f"Took {time.monotonic() - started:.0f} s.", file=sys.stderr)
    if args.csv:
        write_csv(args.csv, scores)
    if args.json:
        header = {"set": args.set_name, "seed": args.seed, "items": len(items), "skipped": skipped}
        content = {**header, "scores": [asdict(score) for score in scores]}
        args.json.write_text(json.dumps(content, indent=1), encoding="utf-8")
    if args.write:
        command = command_line("quality.py", arguments)
        write_run(args.write, f"quality {args.set_name}", command, [text], systems, skipped)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
