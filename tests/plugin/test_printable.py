"""Text from outside cannot control the terminal."""

from __future__ import annotations

import os

import pytest

from hushgate.printable import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("take 1.wav", "take 1.wav"),
        ("Überschall → 🎸 \u4e2d\u6587", "Überschall → 🎸 \u4e2d\u6587"),
        ("👩\u200d🎤.wav", "👩\u200d🎤.wav"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b2J", r"\x9b2J"),
        ("gpj.\u202ewav", r"gpj.\u202ewav"),
        (os.fsdecode(b"caf\xe9"), r"caf\udce9"),
    ],
)
def test_control_characters_become_escapes(text: str, expected: str) -> None:
    assert printable(text) == expected
