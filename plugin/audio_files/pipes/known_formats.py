"""Names of formats by the first bytes of a file, for messages about what a pipe does not read."""

from __future__ import annotations

# Place, bytes, name.
_MAGIC = (
    (8, b"WAVE", "WAV"),
    (8, b"AIFF", "AIFF"),
    (8, b"AIFC", "AIFF"),
    (8, b"AVI ", "AVI"),
    (4, b"ftyp", "MP4"),
    (0, b"fLaC", "FLAC"),
    (0, b"OggS", "Ogg"),
    (0, b"ID3", "MP3"),
    (0, b"caff", "CAF"),
    (0, b"riff", "Wave64"),
    (0, b".snd", "AU"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska"),
)
NUM_HEAD_BYTES = 12


def known_format(head: bytes) -> str:
    """The format of a file that begins with these bytes, "" for none of the common ones.

    >>> known_format(b"fLaC" + bytes(8)), known_format(bytes(12))
    ('FLAC', '')
    """
    return next((name for at, magic, name in _MAGIC if head[at : at + len(magic)] == magic), "")
