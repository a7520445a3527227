"""Known corpora by name."""

from __future__ import annotations

from hushgate.training.corpora.corpus import Corpus
from hushgate.training.corpora.noise import NOISE
from hushgate.training.corpora.speech import SPEECH
from hushgate.training.corpora.speech_and_noise import MIXED

CORPORA: dict[str, Corpus] = {**SPEECH, **NOISE, **MIXED}
