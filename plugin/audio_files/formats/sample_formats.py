"""Sample formats by soundfile's names: word length, bytes, full scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BYTES_PER_SAMPLE = {"PCM_U8": 1, "PCM_S8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
LOSSLESS = ("ALAC", "FLAC", "WAVPACK", "APE", "TTA", "TAK", "WMALOSSLESS", "TRUEHD", "MLP")
UNCLIPPED_SUBTYPES = ("FLOAT", "DOUBLE")
"""Sample formats that hold samples beyond full scale."""


def parse_subtype(text: str) -> str:
    """The name of a sample format that may be in small letters, or lack the word length: then it is 24 bits.

    >>> parse_subtype("pcm_16"), parse_subtype("alac")
    ('PCM_16', 'ALAC_24')
    """
    name = text.upper()
    return f"{name}_24" if name in ("ALAC", "FLAC") else name


def word_length(subtype: str) -> int | None:
    """Bits of a sample of lossless formats; None of others, whose decoders compute in floats.

    >>> word_length("PCM_24"), word_length("ALAC_16"), word_length("VORBIS")
    (24, 16, None)
    """
    if subtype in UNCLIPPED_SUBTYPES:
        return 64
    if subtype in ("ULAW", "ALAW"):
        return {"ULAW": 14, "ALAW": 13}[subtype]
    kind, _, digits = subtype.rpartition("_")
    if subtype in ("PCM_U8", "PCM_S8"):
        return 8
    return int(digits) if digits.isdigit() and kind in (*LOSSLESS, "PCM", "DPCM") else None


def bytes_per_sample(subtype: str) -> int:
    """Bytes of one sample of one channel; 1 of compressed formats, which need less."""
    return BYTES_PER_SAMPLE.get(subtype, 1)


def count_clipped(block: NDArray[np.float32], subtype: str) -> int:
    """How many samples of a block lie beyond full scale and are limited in `subtype`.

    >>> count_clipped(np.float32([[0.5, 1.5, -1.0]]), "PCM_16")
    1
    """
    if subtype in UNCLIPPED_SUBTYPES:
        return 0
    return int(np.count_nonzero(np.abs(block) > 1.0))
