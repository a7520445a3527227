"""Reading the speech that ships."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal

from hushgate.training.adapting.material import CLEAN, Labelled
from hushgate.training.adapting.recordings import Recording

FOLDER = Path(__file__).parent
SOUND, INDEX = "speech.opus", "speech.csv"
ATTRIBUTION = "LibriSpeech (Panayotov et al. 2015, CC BY 4.0)"


def shipped_speech(sample_rate: int) -> list[Labelled]:
    """Return the speech that ships, one entry for each clip: 16 kHz, so it has nothing above 8 kHz.

    Args:
        sample_rate: Rate to convert it to, Hz.
    """
    path = FOLDER / SOUND
    audio, rate = soundfile.read(path, dtype="float32")
    clips = []
    with (FOLDER / INDEX).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            start, length = int(row["start"]), int(row["length"])
            clip = audio[start : start + length]
            if sample_rate != rate:
                ratio = Fraction(sample_rate, rate)
                clip = signal.resample_poly(clip, ratio.numerator, ratio.denominator)
            recording = Recording(path, np.asarray(clip, np.float32))
            clips.append(Labelled(CLEAN, row["split"], (recording,), row["speaker"]))
    return clips
