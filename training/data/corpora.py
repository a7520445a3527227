"""The recipes by name."""

from __future__ import annotations

from hushgate.training.data.mixed import MIXED
from hushgate.training.data.noise import NOISE
from hushgate.training.data.recordings import Corpus
from hushgate.training.data.speech import SPEECH

CORPORA: dict[str, Corpus] = {**SPEECH, **NOISE, **MIXED}
