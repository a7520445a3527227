"""Loudspeakers in the channel layout chunks of CAF and AIFF files, in the order of their channels."""

from __future__ import annotations

import struct

from hushgate.audio_files.formats.channel_layouts import SPEAKERS

_USE_DESCRIPTIONS, _USE_BITMAP = 0, 0x10000
# Layouts without loudspeakers: channels in order (147), unknown, and ambisonics (107, 190 to 192).
_WITHOUT_SPEAKERS = (107, 147, 190, 191, 192, 0xFFFF)
_DESCRIPTION_BYTES = 20
# CoreAudioBaseTypes.h: the upper 16 bits of kAudioChannelLayoutTag_..., in Apple's names of channels.
_TAGS = {
    100: "C",
    101: "L R",
    102: "L R",
    105: "L R",
    106: "L R",
    108: "L R Ls Rs",
    109: "L R Ls Rs C",
    110: "L R Ls Rs C Cs",
    111: "L R Rls Rrs C Cs Ls Rs",
    113: "L R C",
    114: "C L R",
    115: "L R C Cs",
    116: "C L R Cs",
    117: "L R C Ls Rs",
    118: "L R Ls Rs C",
    119: "L C R Ls Rs",
    120: "C L R Ls Rs",
    121: "L R C LFE Ls Rs",
    122: "L R Ls Rs C LFE",
    123: "L C R Ls Rs LFE",
    124: "C L R Ls Rs LFE",
    125: "L R C LFE Ls Rs Cs",
    126: "L R C LFE Ls Rs Lc Rc",
    127: "C Lc Rc L R Ls Rs LFE",
    128: "L R C LFE Ls Rs Rls Rrs",
    129: "L R Ls Rs C LFE Lc Rc",
    131: "L R Cs",
    132: "L R Ls Rs",
    133: "L R LFE",
    134: "L R LFE Cs",
    135: "L R LFE Ls Rs",
    136: "L R C LFE",
    137: "L R C LFE Cs",
    138: "L R Ls Rs LFE",
    139: "L R Ls Rs C Cs",
    140: "L R Ls Rs C Rls Rrs",
    141: "C L R Ls Rs Cs",
    142: "C L R Ls Rs Cs LFE",
    143: "C L R Ls Rs Rls Rrs",
    144: "C L R Ls Rs Rls Rrs Cs",
    148: "L R Ls Rs C Lc Rc",
    149: "C LFE",
    150: "L C R",
    151: "L C R Cs",
    152: "L C R LFE",
    153: "L R Cs LFE",
    154: "L C R Cs LFE",
}
_SPEAKERS = {
    "L": "FL",
    "R": "FR",
    "C": "FC",
    "LFE": "LFE",
    "Ls": "BL",
    "Rs": "BR",
    "Lc": "FLC",
    "Rc": "FRC",
    "Cs": "BC",
    "Rls": "BL",
    "Rrs": "BR",
}
# With loudspeakers behind them, the surrounds stand at the sides.
_SIDES = _SPEAKERS | {"Ls": "SL", "Rs": "SR"}
# Labels of descriptions: 1 to 18 are the bits of WAV, which calls the surrounds back loudspeakers.
_LABELS = dict(enumerate(SPEAKERS, start=1)) | {33: "BL", 34: "BR", 42: "FC"}
_REAR_LABELS = (33, 34)


def apple_speakers(body: bytes) -> list[str] | None:
    """The loudspeakers of a `chan` or `CHAN` chunk, by the names of SPEAKERS, one for each channel.

    Args:
        body: The chunk without its header, 12 bytes or more.

    Returns:
        [] where the layout names none; None where it is not one that we know.

    >>> apple_speakers(struct.pack(">III", 123 << 16 | 6, 0, 0))
    ['FL', 'FC', 'FR', 'BL', 'BR', 'LFE']
    """
    tag, bitmap, num_descriptions = struct.unpack_from(">III", body)
    if tag == _USE_BITMAP:
        return [name for bit, name in enumerate(SPEAKERS) if bitmap >> bit & 1]
    if tag == _USE_DESCRIPTIONS:
        return _described(body, num_descriptions)
    if tag >> 16 in _WITHOUT_SPEAKERS:
        return []
    names = _TAGS.get(tag >> 16, "").split()
    speakers = _SIDES if "Rls" in names else _SPEAKERS
    return [speakers[name] for name in names] if names and len(names) == tag & 0xFFFF else None


def _described(body: bytes, num_descriptions: int) -> list[str] | None:
    places = range(12, 12 + num_descriptions * _DESCRIPTION_BYTES, _DESCRIPTION_BYTES)
    if 12 + num_descriptions * _DESCRIPTION_BYTES > len(body):
        return None
    labels = [struct.unpack_from(">I", body, place)[0] for place in places]
    if any(label in _REAR_LABELS for label in labels):
        labels = [{5: 10, 6: 11}.get(label, label) for label in labels]
    names = [_LABELS.get(label, "") for label in labels]
    return names if all(names) and len(set(names)) == len(names) else None
