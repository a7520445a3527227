"""Make speech.opus and speech.csv from clones of public repositories.

    python -m hushgate.training.adapting.speech.make CLONES -o training/adapting/speech

CLONES holds the work trees of Picovoice/speech-to-intent-benchmark (Apache-2.0) and of
rhasspy/dataset-voice-kerstin and -kathleen (CC0 1.0), each in a folder with the repository's name.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from hushgate.training.adapting.speech.pack import INDEX, SOUND
from hushgate.training.corpora.hiss import lower_hiss
from hushgate.training.recordings.atomic_files import list_audio, write_bytes

Audio = NDArray[np.float32]

SAMPLE_RATE = 16_000
# Bits of the Opus encoder, as libsndfile counts them: 22 kbit/s.
_COMPRESSION = 0.92
_PEAK, _GAP_S, _MARGIN_S = 0.7, 0.1, 0.15
_LOUD_DB = 40.0


@dataclass(frozen=True)
class _Set:
    """A repository: where its speech lies, how much of it is taken, and how much of that is held back, s."""

    repository: str
    folder: str
    speaker: str
    seconds: float
    held_back_s: float
    longest_s: float
    licence: str
    hiss: bool = False


_SETS = (
    _Set("speech-to-intent-benchmark", "data/speech/clean", "", 175.0, 35.0, 6.0, "Apache-2.0"),
    _Set("dataset-voice-kerstin", "verified", "kerstin", 50.0, 0.0, 6.0, "CC0 1.0"),
    _Set("dataset-voice-kathleen", "data", "kathleen", 50.0, 0.0, 6.0, "CC0 1.0", hiss=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clones", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    parts: list[Audio] = []
    rows = []
    start = 0
    for one in _SETS:
        for clip, name, split in _clips(args.clones, one):
            speaker = one.speaker or name
            rows.append((start, len(clip), split, speaker, one.licence, f"{one.repository}/{name}"))
            gap = np.zeros(round(_GAP_S * SAMPLE_RATE), np.float32)
            parts += [clip, gap]
            start += len(clip) + len(gap)
    sound = io.BytesIO()
    soundfile.write(
        sound, np.concatenate(parts), SAMPLE_RATE, format="OGG", subtype="OPUS",
        compression_level=_COMPRESSION,
    )  # fmt: skip
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("start", "length", "split", "speaker", "licence", "source"))
    writer.writerows(rows)
    write_bytes(args.output / SOUND, sound.getvalue())
    write_bytes(args.output / INDEX, table.getvalue().encode())
    print(f"{start / SAMPLE_RATE:.0f} s in {len(rows)} clips, {len(sound.getvalue())} bytes")


def _clips(clones: Path, one: _Set) -> Iterator[tuple[Audio, str, str]]:
    files = list_audio(clones / one.repository / one.folder)
    order = np.random.default_rng(1).permutation(len(files))
    taken = 0.0
    for index in order:
        clip = _read(files[index], one.hiss)
        seconds = len(clip) / SAMPLE_RATE
        if not 1.5 <= seconds <= one.longest_s:
            continue
        yield clip, files[index].stem, "val" if taken >= one.seconds - one.held_back_s else "train"
        taken += seconds
        if taken >= one.seconds:
            return


def _read(path: Path, hiss: bool) -> Audio:
    """A recording at 16 kHz without the silence at its ends, its peak at 0.7."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(axis=1)
    if hiss:
        mono = lower_hiss(mono, rate)
    ratio = Fraction(SAMPLE_RATE, rate)
    mono = signal.resample_poly(mono, ratio.numerator, ratio.denominator)
    mono = mono * (_PEAK / max(1e-9, float(np.max(np.abs(mono)))))
    loud = np.flatnonzero(np.abs(mono) > _PEAK * 10.0 ** (-_LOUD_DB / 20.0))
    margin = round(_MARGIN_S * SAMPLE_RATE)
    return np.asarray(mono[max(0, loud[0] - margin) : loud[-1] + margin], np.float32)


if __name__ == "__main__":
    main()
