"""Word error rate of a recognizer that runs without a network."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Sequence

import numpy as np

from hushgate.training.evaluate.measures.base import Audio, Column, Item
from hushgate.training.evaluate.measures.mono_at_rate import mono_at

_RATE = 16_000
_PEAK = 0.5


class WordErrorRate:
    """Words that PocketSphinx (US English) gets wrong, against the text or its reading of the clean file.

    Against its own reading the figure says how much the noise and the denoiser change what is recognized, not
    how good the recognizer is. Items count by their words; NaN where there is none. The level is evened out
    first, because the recognizer misses soft speech.
    """

    columns = (
        Column("wer", "WER, %", 1, higher_is_better=False, weight="wer_words"),
        Column("wer_words", "words", 0, is_shown=False),
    )

    def __init__(self) -> None:
        self._recognizer = PocketSphinx()
        self._readings: dict[str, list[str]] = {}

    def __call__(self, item: Item, output: Audio) -> dict[str, float]:
        reference = self._reference(item)
        if not reference:
            return {"wer": math.nan, "wer_words": 0.0}
        errors = word_errors(reference, self._recognizer.read(output, item.sample_rate))
        return {"wer": 100.0 * errors / len(reference), "wer_words": float(len(reference))}

    def _reference(self, item: Item) -> list[str]:
        if item.text is not None:
            return words_of(item.text)
        if item.name not in self._readings:
            self._readings[item.name] = self._recognizer.read(item.clean, item.sample_rate)
        return self._readings[item.name]


class PocketSphinx:
    """PocketSphinx with the US English model of its package."""

    def __init__(self) -> None:
        module = importlib.import_module("pocketsphinx")
        self._decoder = module.Decoder(samprate=_RATE, loglevel="FATAL")

    def read(self, audio: Audio, sample_rate: int) -> list[str]:
        """Words in (channels, samples); its level does not matter."""
        mono = mono_at(audio, sample_rate, _RATE)
        peak = float(np.max(np.abs(mono), initial=0.0))
        if peak == 0.0:
            return []
        samples = np.clip(mono * (_PEAK / peak) * 32_767.0, -32_768, 32_767).astype("<i2")
        # Reset the channel estimate, so that an utterance does not influence the next one.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return words_of(hypothesis.hypstr) if hypothesis is not None else []


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation.

    >>> words_of("Don't -- it's 5 o'clock!")
    ["don't", "it's", '5', "o'clock"]
    """
    return re.findall(r"[\w']+", text.lower())


def word_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Fewest substitutions, deletions and insertions between two texts (Levenshtein 1966).

    >>> word_errors("a b c".split(), "a x c d".split())
    2
    """
    row = list(range(len(hypothesis) + 1))
    for number, word in enumerate(reference, 1):
        diagonal, row[0] = row[0], number
        for column, other in enumerate(hypothesis, 1):
            diagonal, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, diagonal + (word != other)),
            )
    return row[-1]
