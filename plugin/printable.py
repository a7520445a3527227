"""Text from outside, such as file names, made safe to print on a terminal."""

from __future__ import annotations

import unicodedata

# Cc holds ESC, which starts terminal commands; Cf holds marks that turn the direction of the text around.
_UNSAFE_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"  # harmless parts of emoji and of some scripts


def printable(text: object) -> str:
    r"""`text` on one line, with escapes for control characters and for bytes that are not valid text.

    File names, tags and presets come from anywhere; an escape sequence in one of them could rewrite the
    user's terminal.

    >>> printable("take\x1b[2J\n.wav")
    'take\\x1b[2J\\n.wav'
    """
    plain = str(text)
    if plain.isprintable():
        return plain
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _UNSAFE_CATEGORIES and character not in _JOINERS
        else character
        for character in plain
    )
