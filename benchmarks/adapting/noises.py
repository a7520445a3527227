"""What `hushgate adapt voice --noise` gains, one noise at a time: SI-SDR and PESQ before and after.

Of each recording the first minute is adapted to, and the last 30 s (28 % of a shorter one) are mixed with
speakers that no training heard. General mixtures have those speakers and noises of ESC-10's fold 4. With
`--room`, once for each noise, the noise is heard through an impulse response, and the speaker is close.

    python benchmarks/adapting/noises.py --data DATA rain.flac --room hall.flac --output results.json
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from excerpts import LEVEL_DB, RATE, Audio, excerpt, listed
from scipy import signal

from hushgate.effects.denoiser import Denoiser
from hushgate.training import adapt
from hushgate.training.evaluate.confidence import estimate_mean
from hushgate.training.evaluate.measures.base import Item
from hushgate.training.evaluate.measures.pesq import Pesq
from hushgate.training.evaluate.measures.snr import si_sdr_db
from hushgate.training.recordings.decoded_cache import read_clip

SNR_DB = (-2.5, 2.5, 7.5, 12.5)
LONGEST_ROOM_S = 0.8

Pair = tuple[Audio, Audio]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("noises", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--room", type=Path, action="append", help="impulse response, one for each noise")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--items", type=int, default=20)
    parser.add_argument("--clean", type=Path, help="clean speech, in place of what ships")
    parser.add_argument("--noisy", action="store_true", help="adapt to noisy recordings, not to the noise")
    parser.add_argument("--output", type=Path, required=True, help="finished noises are kept and left out")
    args = parser.parse_args()
    rows = json.loads(args.output.read_text()) if args.output.exists() else {}
    for path, room in zip(args.noises, args.room or [None] * len(args.noises), strict=True):
        if path.stem in rows:
            continue
        noise = _in_room(read_clip(path, RATE), room)
        rows[path.stem] = measure(noise, args.data, args.steps, args.items, args.noisy, args.clean)
        args.output.write_text(json.dumps(rows, indent=1))
        print(path.stem, {name: round(value, 3) for name, value in rows[path.stem].items()}, flush=True)
    for name in ("own_si_sdr", "own_pesq", "general_si_sdr", "general_pesq"):
        one = estimate_mean([row[name] for row in rows.values()], interval="t")
        print(f"{name}: {one.mean:+.3f} +- {one.margin:.3f} over {one.count} noises")


def measure(
    noise: Audio, data: Path, steps: int, items: int, noisy: bool, clean: Path | None
) -> dict[str, float]:
    """Adapt to one noise and return the changes, means over the items."""
    held = min(30 * RATE, round(0.28 * len(noise)))
    known, unknown = noise[:-held][: 60 * RATE], noise[-held:]
    rng = np.random.default_rng(5)
    speech = [read_clip(one, RATE) for one in listed(data, "speech/librispeech")]
    strange = [read_clip(one, RATE) for one in listed(data, "noise/esc10")]
    own = [_pair(rng, speech, [unknown], index) for index in range(items)]
    general = [_pair(rng, speech, strange, index) for index in range(items)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if noisy:
            known = np.concatenate([_pair(rng, speech, [known], index)[0] for index in range(15)])
        soundfile.write(folder / "own.wav", known, RATE, subtype="FLOAT")
        used, began = time.process_time(), time.monotonic()
        adapt(
            "voice",
            folder / "mine.onnx",
            steps=steps,
            force=True,
            threads=1,
            clean=[] if clean is None else [clean],
            noise=[] if noisy else [folder / "own.wav"],
            noisy=[folder / "own.wav"] if noisy else [],
        )
        used, began = time.process_time() - used, time.monotonic() - began
        before, after = Denoiser("voice"), Denoiser(folder / "mine.onnx")
        result = {"processor_s": used, "clock_s": began}
        for kind, pairs in (("own", own), ("general", general)):
            scores = np.array([[_scores(one, *pair) for pair in pairs] for one in (before, after)])
            for index, measure_name in enumerate(("si_sdr", "pesq")):
                result[f"{kind}_{measure_name}_before"] = float(scores[0, :, index].mean())
                result[f"{kind}_{measure_name}"] = float((scores[1] - scores[0])[:, index].mean())
    return result


def _in_room(noise: Audio, room: Path | None) -> Audio:
    if room is None:
        return noise
    response = read_clip(room, RATE)[: round(LONGEST_ROOM_S * RATE)]
    response /= np.sqrt(np.sum(response**2))
    return np.asarray(signal.fftconvolve(noise, response)[: len(noise)], np.float32)


def _pair(rng: np.random.Generator, speech: list[Audio], noises: list[Audio], index: int) -> Pair:
    clean = excerpt(rng, speech[int(rng.integers(len(speech)))])
    snr_db = SNR_DB[index % len(SNR_DB)]
    noise = excerpt(rng, noises[int(rng.integers(len(noises)))], LEVEL_DB - snr_db)
    return clean + noise, clean


def _scores(denoiser: Denoiser, noisy: Audio, clean: Audio) -> tuple[float, float]:
    output = denoiser(noisy, RATE)[np.newaxis]
    item = Item("", noisy[np.newaxis], clean[np.newaxis], RATE)
    return si_sdr_db(item.clean, output), Pesq()(item, output)["pesq"]


if __name__ == "__main__":
    main()
