"""Score hushgate and other denoisers on a test set made from local recordings.

python benchmarks/quality.py --data DATA --model voice
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

from metrics import align
from systems import PEERS, Process, make_system, usable_systems
from tables import Score, report
from testsets import SETS, Item

MAX_DELAY_MS = 150.0
_systems: dict[str, Process] = {}


def score_item(item: Item, systems: Sequence[str], set_name: str) -> list[Score]:
    """Run every system over an item, align its output with the clean sound and measure it.

    The delay is found by cross-correlation with the clean sound, in whole samples within
    150 ms, for every system and item alike.
    """
    scores = []
    for name in systems:
        if name not in _systems:
            _systems[name] = make_system(name)
        output = _systems[name](item.noisy, item.sample_rate)
        output = align(item.clean, output, round(MAX_DELAY_MS * item.sample_rate / 1000.0))
        values = {
            metric: measure(item.clean, output, item.sample_rate)
            for metric, measure in SETS[set_name].metrics.items()
        }
        scores.append(Score(name, item.name, item.groups, values))
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


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more (got {value})")
    return value


def build_parser() -> argparse.ArgumentParser:
    """Flags of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", dest="set_name", choices=list(SETS), default="voice")
    parser.add_argument("--data", type=Path, required=True, help="recordings the set is made from")
    parser.add_argument("--items", type=_count, default=80, help="how many recordings (default 80)")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument(
        "--model", action="append", default=[], help="a hushgate model's name or path; repeatable"
    )
    parser.add_argument(
        "--peer", action="append", choices=list(PEERS), help="default: all that are installed; repeatable"
    )
    parser.add_argument("--workers", type=int, choices=(1, 2), default=1, help="processes (default 1)")
    parser.add_argument("--json", type=Path, help="write every single score to this file")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(arguments)
    # One thread for each worker, also in libraries that start their own.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    os.nice(5)
    started = time.monotonic()
    try:
        systems, skipped = usable_systems(args.peer or list(PEERS), args.model)
        items = SETS[args.set_name].build(args.data, args.items, args.seed)
    except (OSError, ValueError) as error:
        print(f"quality.py: error: {error}", file=sys.stderr)
        return 2
    for reason in skipped:
        print(reason, file=sys.stderr)
    if not systems:
        print("quality.py: error: no system is left to measure.", file=sys.stderr)
        return 2
    scores = score_items(items, systems, args.set_name, args.workers)
    minutes = sum(item.clean.shape[1] / item.sample_rate for item in items) / 60.0
    text = report(
        scores, f"{args.set_name}: {len(items)} recordings, {minutes:.1f} minutes, seed {args.seed}"
    )
    print(text)
    print(f"Took {time.monotonic() - started:.0f} s.", file=sys.stderr)
    if args.markdown:
        args.markdown.write_text(text, encoding="utf-8")
    if args.json:
        facts = {"set": args.set_name, "seed": args.seed, "items": args.items, "skipped": skipped}
        content = {**facts, "scores": [asdict(score) for score in scores]}
        args.json.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
