"""The sample format in the header of a file of chunks: its code, its loudspeakers, its padding."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from hushgate.audio_files.container_chunks import ChunkList, chunk_body
from hushgate.audio_files.formats.apple_layouts import apple_speakers
from hushgate.audio_files.formats.channel_layouts import mask_for, order_of, usable_mask

_EXTENSIBLE = 0xFFFE
_MAX_BYTES = 65_536


@dataclass(frozen=True)
class StoredFormat:
    """What a header says about the samples.

    Attributes:
        code: Format code of WAV and Wave64, 0 in others.
        channel_mask: Loudspeakers; None where it names none.
        channel_order: Which of them, in the order of SPEAKERS, each stored channel is; None for that order.
        max_padding: The most samples behind the end that blocks of a compressed format may hold.
        is_layout_known: Whether a channel layout that is there could be read.
    """

    code: int = 0
    channel_mask: int | None = None
    channel_order: list[int] | None = None
    max_padding: int = 0
    is_layout_known: bool = True


def read_stored_format(file: BinaryIO, layout: ChunkList) -> StoredFormat:
    """What the header of a WAV, Wave64, AIFF or CAF file says.

    Args:
        file: Open for reading.
        layout: Its chunks.
    """
    order = layout.dialect.order
    chunk = layout.find(b"fmt ")
    if chunk is not None and 16 <= chunk.size <= _MAX_BYTES:
        body = chunk_body(file, chunk)
        code, num_channels = struct.unpack_from(f"{order}HH", body)
        # Some encoders write one block more than they need.
        padding = 2 * struct.unpack_from(f"{order}H", body, 18)[0] if len(body) >= 20 else 0
        if code == _EXTENSIBLE and len(body) >= 26:
            mask, code = struct.unpack_from(f"{order}IH", body, 20)
            return StoredFormat(code, usable_mask(mask, num_channels))
        return StoredFormat(code, max_padding=padding)
    chunk = layout.find(b"chan" if layout.dialect.family == "CAF" else b"CHAN")
    if chunk is None or not 12 <= chunk.size <= _MAX_BYTES:
        return StoredFormat()
    names = apple_speakers(chunk_body(file, chunk))
    if names is None:
        return StoredFormat(is_layout_known=False)
    return StoredFormat(channel_mask=mask_for(" ".join(names)) or None, channel_order=order_of(names))
