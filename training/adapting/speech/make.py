"""Make speech.opus and speech.csv from LibriSpeech's train-clean-100 (CC BY 4.0).

    python -m hushgate.training.adapting.speech.make LIBRISPEECH -o training/adapting/speech

Speakers are drawn from a folder with utterances named SPEAKER-CHAPTER-NUMBER.flac, one utterance of each.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.training.adapting.speech.pack import INDEX, SOUND
from hushgate.training.recordings.atomic_files import list_audio, write_bytes

Audio = NDArray[np.float32]

SAMPLE_RATE = 16_000
_SPEAKERS, _HELD_BACK_SPEAKERS, _SECONDS = 64, 10, 5.0
# Bits of the Opus encoder, as libsndfile counts them: 22 kbit/s.
_COMPRESSION = 0.92
_PEAK, _GAP_S, _MARGIN_S, _FADE_S = 0.7, 0.1, 0.15, 0.02
_LOUD_DB = 40.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("librispeech", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    parts: list[Audio] = []
    rows = []
    start = 0
    gap = np.zeros(round(_GAP_S * SAMPLE_RATE), np.float32)
    for index, path in enumerate(_one_of_each_speaker(args.librispeech)):
        clip = _read(path)
        split = "train" if index < _SPEAKERS else "val"
        rows.append((start, len(clip), split, path.stem.split("-")[0], path.stem))
        parts += [clip, gap]
        start += len(clip) + len(gap)
    sound = io.BytesIO()
    soundfile.write(
        sound, np.concatenate(parts), SAMPLE_RATE, format="OGG", subtype="OPUS",
        compression_level=_COMPRESSION,
    )  # fmt: skip
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("start", "length", "split", "speaker", "source"))
    writer.writerows(rows)
    write_bytes(args.output / SOUND, sound.getvalue())
    write_bytes(args.output / INDEX, table.getvalue().encode())
    print(f"{start / SAMPLE_RATE:.0f} s in {len(rows)} clips, {len(sound.getvalue())} bytes")


def _one_of_each_speaker(folder: Path) -> Iterator[Path]:
    speakers: dict[str, Path] = {}
    for path in sorted(list_audio(folder), key=lambda path: path.stem):
        if soundfile.info(path).duration >= _SECONDS:
            speakers.setdefault(path.stem.split("-")[0], path)
    chosen = np.random.default_rng(1).permutation(sorted(speakers))[: _SPEAKERS + _HELD_BACK_SPEAKERS]
    yield from (speakers[name] for name in chosen)


def _read(path: Path) -> Audio:
    """The first seconds of speech at 16 kHz without the silence before it, the peak at 0.7, faded out."""
    audio, rate = soundfile.read(path, dtype="float32")
    if rate != SAMPLE_RATE or audio.ndim != 1:
        raise SystemExit(f"{path} is not LibriSpeech: 16 kHz, mono (got {rate} Hz, {audio.ndim} dimensions)")
    peak = float(np.max(np.abs(audio)))
    loud = np.flatnonzero(np.abs(audio) > peak * 10.0 ** (-_LOUD_DB / 20.0))
    first = max(0, loud[0] - round(_MARGIN_S * SAMPLE_RATE))
    clip = audio[first : first + round(_SECONDS * SAMPLE_RATE)].copy()
    fade = round(_FADE_S * SAMPLE_RATE)
    clip[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return np.asarray(clip * (_PEAK / float(np.max(np.abs(clip)))), np.float32)


if __name__ == "__main__":
    main()
