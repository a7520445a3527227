"""Compare the output for scaled sound with the scaled output, from -60 to +40 dBFS peak.

python benchmarks/levels.py                                # the example, voice
python benchmarks/levels.py song.wav --model music         # target of the model, in noise
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile
from support.tables import markdown_table

from hushgate import Denoiser

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "noisy_speech.flac"
PEAKS_DBFS = (-60.0, -50.0, -40.0, -30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 40.0)
REFERENCE_DBFS = -6.0


def level_rows(model: str, sound: np.ndarray, sample_rate: float) -> list[list[str]]:
    """One row for each peak: change of level and error against the output at -6 dBFS, dB."""
    sound = sound / np.max(np.abs(sound))
    plain = run(model, sound, REFERENCE_DBFS, sample_rate)
    rows = []
    for peak in PEAKS_DBFS:
        scaled = run(model, sound, peak, sample_rate)
        change, error = power_db(scaled) - power_db(plain), power_db(scaled - plain) - power_db(plain)
        rows.append([model, f"{peak:+.0f}", f"{change:+.2f}", f"{error:.1f}"])
    return rows


def run(model: str, sound: np.ndarray, peak_dbfs: float, sample_rate: float) -> np.ndarray:
    """Output for the sound at a peak level, scaled back."""
    gain = np.float32(10.0 ** (peak_dbfs / 20.0))
    output: np.ndarray = Denoiser(model)(sound * gain, sample_rate) / gain
    return output


def power_db(sound: np.ndarray) -> float:
    """Mean power in dB."""
    return float(10.0 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-30))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=EXAMPLE)
    parser.add_argument("--model", action="append", help="name or file, repeatable (default: voice)")
    args = parser.parse_args()
    sound, sample_rate = soundfile.read(args.file, dtype="float32", always_2d=True)
    rows = []
    for model in args.model or ["voice"]:
        rows += level_rows(model, sound.T, sample_rate)
    print(markdown_table(["model", "peak dBFS", "change of level dB", "error dB"], rows))


if __name__ == "__main__":
    main()
