"""Loudspeakers of channels, and the order in which formats store channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Bits of dwChannelMask in WAVE_FORMAT_EXTENSIBLE, lowest first, under FFmpeg's names. Everywhere between
# reader and writer channels are in the order of these bits.
SPEAKERS = [
    "FL",
    "FR",
    "FC",
    "LFE",
    "BL",
    "BR",
    "FLC",
    "FRC",
    "BC",
    "SL",
    "SR",
    "TC",
    "TFL",
    "TFC",
    "TFR",
    "TBL",
    "TBC",
    "TBR",
]
MASK_OF = {name: 1 << bit for bit, name in enumerate(SPEAKERS)}


def mask_for(names: str) -> int:
    """The mask of loudspeakers named by SPEAKERS, with spaces between.

    >>> hex(mask_for("FL FR LFE"))
    '0xb'
    """
    return sum(MASK_OF[name] for name in names.split())


_NAMES = {
    mask_for("FC"): "mono",
    mask_for("FL FR"): "stereo",
    mask_for("FL FR LFE"): "2.1",
    mask_for("FL FR FC"): "3.0",
    mask_for("FL FR BC"): "3.0(back)",
    mask_for("FL FR FC LFE"): "3.1",
    mask_for("FL FR FC BC"): "4.0",
    mask_for("FL FR BL BR"): "quad",
    mask_for("FL FR SL SR"): "quad(side)",
    mask_for("FL FR FC LFE BC"): "4.1",
    mask_for("FL FR FC BL BR"): "5.0",
    mask_for("FL FR FC SL SR"): "5.0(side)",
    mask_for("FL FR FC LFE BL BR"): "5.1",
    mask_for("FL FR FC LFE SL SR"): "5.1(side)",
    mask_for("FL FR FC BL BR BC"): "6.0",
    mask_for("FL FR FC BC SL SR"): "6.0(side)",
    mask_for("FL FR FC LFE BC SL SR"): "6.1",
    mask_for("FL FR FC LFE BL BR BC"): "6.1(back)",
    mask_for("FL FR FC BL BR SL SR"): "7.0",
    mask_for("FL FR FC LFE BL BR SL SR"): "7.1",
    mask_for("FL FR FC LFE BL BR FLC FRC"): "7.1(wide)",
}

# Vorbis I, section 4.3.9, and RFC 7845, section 5.1.1.2: what the channels of a stream are, in their order.
_VORBIS = {
    1: "FC",
    2: "FL FR",
    3: "FL FC FR",
    4: "FL FR BL BR",
    5: "FL FC FR BL BR",
    6: "FL FC FR BL BR LFE",
    7: "FL FC FR SL SR BC LFE",
    8: "FL FC FR SL SR BL BR LFE",
}
# RFC 9639, section 9.1.3.
_FLAC = {
    1: "FC",
    2: "FL FR",
    3: "FL FR FC",
    4: "FL FR BL BR",
    5: "FL FR FC BL BR",
    6: "FL FR FC LFE BL BR",
    7: "FL FR FC LFE BC SL SR",
    8: "FL FR FC LFE BL BR SL SR",
}
# Apple's ALAC: ALACMagicCookieDescription.txt, channel layout tags.
_ALAC = {
    1: "FC",
    2: "FL FR",
    3: "FC FL FR",
    4: "FC FL FR BC",
    5: "FC FL FR BL BR",
    6: "FC FL FR BL BR LFE",
    7: "FC FL FR BL BR BC LFE",
    8: "FC FLC FRC FL FR BL BR LFE",
}


def _fixed_layouts(container: str, subtype: str) -> dict[int, str] | None:
    """The layouts of a format whose channels have fixed places, by channel count; None for any other."""
    if subtype in ("VORBIS", "OPUS"):
        return _VORBIS
    if subtype.startswith("ALAC"):
        return _ALAC
    return _FLAC if container == "FLAC" else None


def fixed_mask(container: str, subtype: str, num_channels: int) -> int | None:
    """The loudspeakers that a format's channels always belong to; None if the format fixes none.

    >>> hex(fixed_mask("OGG", "VORBIS", 6))
    '0x3f'
    """
    layouts = _fixed_layouts(container, subtype)
    names = layouts.get(num_channels) if layouts else None
    return None if names is None else mask_for(names)


def stored_order(container: str, subtype: str, num_channels: int) -> list[int] | None:
    """Which channel of the order of SPEAKERS each stored channel is; None where they are the same.

    >>> stored_order("OGG", "VORBIS", 6)
    [0, 2, 1, 4, 5, 3]
    """
    layouts = _fixed_layouts(container, subtype)
    names = layouts.get(num_channels) if layouts else None
    if names is None:
        return None
    return order_of(names.split())


def order_of(names: Sequence[str]) -> list[int] | None:
    """Which channel of the order of SPEAKERS each of these loudspeakers is; None where they are sorted.

    >>> order_of(["FL", "FC", "FR"])
    [0, 2, 1]
    """
    bits = [SPEAKERS.index(name) for name in names]
    order = [sorted(bits).index(bit) for bit in bits]
    return None if order == list(range(len(names))) else order


def from_stored(block: NDArray[np.float32], order: list[int] | None) -> NDArray[np.float32]:
    """Bring (channels, samples) from a format's own order into that of SPEAKERS."""
    return block if order is None else np.ascontiguousarray(block[np.argsort(order)])


def to_stored(block: NDArray[np.float32], order: list[int] | None) -> NDArray[np.float32]:
    """The reverse of `from_stored`."""
    return block if order is None else np.ascontiguousarray(block[order])


def usable_mask(mask: int | None, num_channels: int) -> int | None:
    """A mask that names one loudspeaker per channel; None for any other, and for one that names none.

    >>> usable_mask(0x3, 6), usable_mask(0x3F, 6)
    (None, 63)
    """
    return mask if mask and mask.bit_count() == num_channels and mask < 1 << len(SPEAKERS) else None


def plain_mask(num_channels: int) -> int | None:
    """The loudspeakers of mono and stereo files that do not name any; None for more channels."""
    return {1: MASK_OF["FC"], 2: MASK_OF["FL"] | MASK_OF["FR"]}.get(num_channels)


def default_mask(num_channels: int) -> int | None:
    """The layout that files which name none usually have, as in FLAC; None for more than 8 channels."""
    names = _FLAC.get(num_channels)
    return None if names is None else mask_for(names)


def layout_name(mask: int) -> str:
    """A short name of a layout.

    >>> layout_name(0xB), layout_name(0x9)
    ('2.1', 'FL+LFE')
    """
    names = "+".join(name for bit, name in enumerate(SPEAKERS) if mask >> bit & 1)
    return _NAMES.get(mask, names)
