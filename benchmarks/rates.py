"""One model at all sample rates, and at levels from -60 to +40 dBFS peak.

    python benchmarks/rates.py --data DATA --model voice
    python benchmarks/rates.py --levels                          # the example
    python benchmarks/rates.py --levels song.wav --model music   # a file of the model's target, in noise

Speech and noise are mixed once at 48 kHz and brought to each rate with soxr. The rows compare
what came out in the band that all rates share, 0 to 4 kHz, and over each rate's own band.
With `--levels` the output for scaled sound is compared with the scaled output.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from support import EXAMPLE
from support.command import count
from support.denoisers import HUSHGATE, Process, aligned, make_system
from support.metrics import figures, mean_of
from support.recordings import at_snr, looped, manifest_rows, power_db, read_mono
from support.tables import markdown_table, show_text

from hushgate import Denoiser
from hushgate.training.evaluate.measures.base import Item
from hushgate.training.evaluate.measures.snr import si_sdr_db

Audio = NDArray[np.float32]

RATES = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000)
_MIX_RATE, _SHARED_RATE, _PESQ_RATE = 48_000, 8_000, 16_000
_LEAD_S = 1.0
PEAKS_DBFS = (-60.0, -50.0, -40.0, -30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 40.0)
_REFERENCE_DBFS = -6.0


@dataclass(frozen=True)
class Reading:
    """Figures of one scene at one rate, dB (PESQ: 1.0 to 4.64, NaN below 16 kHz)."""

    noise_reduction_shared: float
    noise_reduction: float
    si_sdr_shared: float
    si_sdr: float
    pesq: float


def scenes(folder: Path, num_scenes: int, seed: int, snr_db: float) -> list[tuple[Audio, Audio]]:
    """Clean and noisy sound at 48 kHz, with a second of noise alone in front."""
    rng = np.random.default_rng(seed)
    voices, noises = manifest_rows(folder, "speech"), manifest_rows(folder, "noise")
    # Steady noises have a defined level in the lead-in.
    steady = [
        row for row in noises if row["label"] in ("rain", "sea_waves", "helicopter", "chainsaw")
    ] or noises
    result = []
    for _ in range(num_scenes):
        speech = read_mono(folder / voices[int(rng.integers(len(voices)))]["path"], _MIX_RATE)
        speech = speech[: 6 * _MIX_RATE] / np.abs(speech).max() * 0.2
        speech = np.pad(speech, (round(_LEAD_S * _MIX_RATE), 0))
        source = read_mono(folder / steady[int(rng.integers(len(steady)))]["path"], _MIX_RATE)
        noisy = speech + at_snr(speech, looped(source, len(speech), rng), snr_db)
        result.append((speech[None].astype(np.float32), noisy[None].astype(np.float32)))
    return result


def _at(audio: Audio, from_rate: int, to_rate: int) -> Audio:
    if from_rate == to_rate:
        return audio
    return np.ascontiguousarray(soxr.resample(audio.T, from_rate, to_rate, quality="VHQ").T)


def _drop_db(before: Audio, after: Audio, rate: int) -> float:
    """Noise reduction in the lead-in, without its first half second, in which a model settles."""
    part = slice(round(0.5 * _LEAD_S * rate), round(0.95 * _LEAD_S * rate))
    return power_db(before[:, part]) - power_db(after[:, part])


def read_scene(process: Process, clean: Audio, noisy: Audio, rate: int) -> Reading:
    """Clean one scene at one rate and compare."""
    clean, noisy = _at(clean, _MIX_RATE, rate), _at(noisy, _MIX_RATE, rate)
    output = aligned(clean, process(noisy, rate), rate)
    item = Item("scene", noisy, clean, rate)
    pesq = figures(["PESQ"], item, output)["PESQ"] if rate >= _PESQ_RATE else math.nan
    shared = [_at(audio, rate, _SHARED_RATE) for audio in (clean, noisy, output)]
    return Reading(
        noise_reduction_shared=_drop_db(shared[1], shared[2], _SHARED_RATE),
        noise_reduction=_drop_db(noisy, output, rate),
        si_sdr_shared=si_sdr_db(shared[0], shared[2]),
        si_sdr=si_sdr_db(clean, output),
        pesq=pesq,
    )


def rates_table(process: Process, pairs: Sequence[tuple[Audio, Audio]], rates: Sequence[int]) -> str:
    """Means over the scenes, a row for each rate; the first row is the untouched mixture."""
    untouched = [read_scene(lambda audio, rate: audio, *pair, _MIX_RATE) for pair in pairs]
    rows = [_row("untouched, 48", untouched)]
    rows += [_row(f"{rate / 1000:g}", [read_scene(process, *pair, rate) for pair in pairs]) for rate in rates]
    header = [
        "sample rate kHz",
        "noise reduction 0-4 kHz dB",
        "all dB",
        "SI-SDR 0-4 kHz dB",
        "all dB",
        "PESQ",
    ]
    return markdown_table(header, rows)


def _row(name: str, readings: Sequence[Reading]) -> list[str]:
    columns = ("noise_reduction_shared", "noise_reduction", "si_sdr_shared", "si_sdr", "pesq")
    means = [mean_of([getattr(reading, column) for reading in readings]).mean for column in columns]
    texts = [
        f"{mean:.2f}" if column != "pesq" else f"{mean:.3f}"
        for column, mean in zip(columns, means, strict=True)
    ]
    return [name, *("-" if text == "nan" else text for text in texts)]


def levels_table(model: str, sound: Audio, sample_rate: float) -> str:
    """A row for each peak: change of level and error against the output at -6 dBFS, dB."""
    sound = sound / np.max(np.abs(sound))
    plain = _at_level(model, sound, _REFERENCE_DBFS, sample_rate)
    rows = []
    for peak in PEAKS_DBFS:
        scaled = _at_level(model, sound, peak, sample_rate)
        change, error = power_db(scaled) - power_db(plain), power_db(scaled - plain) - power_db(plain)
        rows.append([model, f"{peak:+.0f}", f"{change:+.2f}", f"{error:.1f}"])
    return markdown_table(["model", "peak dBFS", "change of level dB", "error dB"], rows)


def _at_level(model: str, sound: Audio, peak_dbfs: float, sample_rate: float) -> Audio:
    """Output for the sound at a peak level, scaled back."""
    gain = np.float32(10.0 ** (peak_dbfs / 20.0))
    output: Audio = Denoiser(model)(sound * gain, sample_rate) / gain
    return output


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", type=Path, help="a folder with manifest.csv, as for quality.py")
    what.add_argument(
        "--levels", type=Path, nargs="?", const=EXAMPLE, metavar="FILE", help="levels of a file (the example)"
    )
    parser.add_argument("--model", default="voice", help="name or path (default voice)")
    parser.add_argument("--scenes", type=count, default=12)
    parser.add_argument("--snr-db", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    args = parser.parse_args(arguments)
    os.nice(5)
    try:
        if args.levels:
            sound, rate = soundfile.read(args.levels, dtype="float32", always_2d=True)
            show_text(levels_table(args.model, sound.T, rate) + "\n", args.markdown)
            return 0
        process = make_system(HUSHGATE + args.model)
        pairs = scenes(args.data, args.scenes, args.seed, args.snr_db)
    except (OSError, ValueError) as error:
        print(f"rates.py: error: {error}", file=sys.stderr)
        return 2
    show_text(rates_table(process, pairs, RATES) + "\n", args.markdown)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
