"""What `hushgate adapt --target` does for one voice or instrument, and to others.

Of each folder, recordings of one speaker or instrument, two minutes are adapted to. Others of them are heard
with a sound of DATA at the same level: 4 s of that sound, 4 s of the target, 4 s of both.

    python benchmarks/adapting/targets.py --data DATA kerstin/ --only-target --output voices.json
    python benchmarks/adapting/targets.py --data DATA emily/ --model guitar --others music/sax --output g.json
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from excerpts import RATE, SECONDS, Audio, excerpt, listed

from hushgate.effects.denoiser import Denoiser
from hushgate.training import adapt
from hushgate.training.evaluate.confidence import estimate_mean
from hushgate.training.evaluate.measures.snr import si_sdr_db
from hushgate.training.recordings.atomic_files import list_audio
from hushgate.training.recordings.decoded_cache import read_clip

TARGET_S = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="voice")
    parser.add_argument("--only-target", action="store_true")
    parser.add_argument(
        "--others", default="speech/librispeech", help="how their paths in the manifest begin"
    )
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--items", type=int, default=20)
    parser.add_argument("--output", type=Path, required=True, help="finished targets are kept and left out")
    args = parser.parse_args()
    rows = json.loads(args.output.read_text()) if args.output.exists() else {}
    for folder in args.targets:
        if folder.name in rows:
            continue
        others = [
            read_clip(path, RATE)
            for path in (listed(args.data, args.others) or listed(args.data, args.others, None))
        ]
        rows[folder.name] = measure(folder, others, args.model, args.only_target, args.steps, args.items)
        args.output.write_text(json.dumps(rows, indent=1))
        print(folder.name, {name: round(value, 2) for name, value in rows[folder.name].items()}, flush=True)
    for name in next(iter(rows.values())):
        one = estimate_mean([row[name] for row in rows.values()], interval="t")
        print(f"{name}: {one.mean:+.2f} +- {one.margin:.2f} over {one.count} targets")


def measure(
    folder: Path, others: list[Audio], model: str, only_target: bool, steps: int, items: int
) -> dict[str, float]:
    """Adapt to one target; changes of level of others and of the target, and SI-SDR of both at once, dB."""
    clips = _clips(folder)
    known, seconds = [], 0.0
    while seconds < TARGET_S:
        known.append(next(clips))
        seconds += len(known[-1]) / RATE
    rng = np.random.default_rng(5)
    pairs = [(excerpt(rng, others[index % len(others)]), excerpt(rng, next(clips))) for index in range(items)]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        soundfile.write(place / "me.wav", np.concatenate(known), RATE, subtype="FLOAT")
        adapt(
            model, place / "mine.onnx", target=[place / "me.wav"], only_target=only_target,
            steps=steps, force=True, threads=1,
        )  # fmt: skip
        models = {"before": Denoiser(model), "after": Denoiser(place / "mine.onnx")}
        return {
            f"{part}_{when}": value
            for when, denoiser in models.items()
            for part, value in _heard(denoiser, pairs).items()
        }


def _heard(denoiser: Denoiser, pairs: list[tuple[Audio, Audio]]) -> dict[str, float]:
    scores = []
    size = round(SECONDS * RATE)
    for other, target in pairs:
        output = denoiser(np.concatenate([other, target, other + target]), RATE)
        alone, kept, both = (output[first * size : (first + 1) * size] for first in range(3))
        si_sdr = si_sdr_db(target[np.newaxis], both[np.newaxis])
        scores.append((_level(alone) - _level(other), _level(kept) - _level(target), si_sdr))
    return dict(zip(("others_db", "target_db", "si_sdr_both"), np.mean(scores, axis=0).tolist(), strict=True))


def _level(sound: Audio) -> float:
    return float(10.0 * np.log10(np.mean(sound**2) + 1e-12))


def _clips(folder: Path) -> Iterator[Audio]:
    files = list_audio(folder)
    for index in np.random.default_rng(3).permutation(len(files)):
        yield read_clip(files[index], RATE)


if __name__ == "__main__":
    main()
