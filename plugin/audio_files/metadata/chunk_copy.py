"""Chunks of WAV, AIFF, CAF and Wave64 files, carried into a file of the same family.

Bodies are copied byte for byte: `bext` with its time reference, `LIST`, `cue `, `smpl`, `iXML`,
`id3 ` and whatever else a program left there, known or not. Left behind is what describes the
stored samples themselves (`fmt `, `fact`, `PEAK`, checksums, level overviews) and padding.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from hushgate.audio_files.chunk_edits import chunk_header, pad_end, update_file_size
from hushgate.audio_files.container_chunks import Chunk, ChunkList, Dialect, chunk_body, read_chunks
from hushgate.audio_files.formats.apple_layouts import apple_speakers
from hushgate.audio_files.formats.channel_layouts import order_of
from hushgate.audio_files.limits import MAX_METADATA_BYTES
from hushgate.audio_files.metadata.stale_figures import clean_chunk

_LIMIT_32_BIT = 2**32 - 1
_COPY_BYTES = 2**20

_BEXT_VERSION = 346
_BEXT_LOUDNESS = 412
_NUM_LOUDNESS_FIELDS = 5
_LOUDNESS_UNSET = 0x7FFF

_EXTENSIBLE = 0xFFFE
_MASK_OFFSET = 20


def copy_chunks(source: Path, target: Path) -> list[str]:
    """Carry the extra chunks of `source` into `target`, before or after the sound as they were.

    Also carries the loudspeaker positions of an extensible WAV file. The loudness figures of a
    `bext` chunk are set to "not measured": they told of the sound before.

    Returns:
        What could not be kept, one sentence each.

    Raises:
        OSError: The disk is full or fails.
        ValueError: The target would outgrow its container.
    """
    with source.open("rb") as old, target.open("rb+") as new:
        before, after = read_chunks(old), read_chunks(new)
        if before is None or after is None or before.dialect.family != after.dialect.family:
            return ["chunks were not copied: source and output are not of one family."]
        _copy_channel_mask(old, before, new, after)
        leading, trailing = (
            [chunk for chunk in part if after.find(chunk.kind) is None and not _is_layout_left(old, chunk)]
            for part in before.extras
        )
        if not leading and not trailing:
            return []
        dialect = after.dialect
        if dialect.family == "W64":  # libsndfile takes what follows the sound in a Wave64 file for sound
            leading, trailing = leading + trailing, []
        if before.dialect.order != dialect.order:
            names = ", ".join(sorted({_name(chunk.kind) for chunk in leading + trailing}))
            return [f"chunks in the other byte order were not kept: {names}."]
        cleaned = {chunk: _cleaned(old, chunk) for chunk in leading + trailing}
        sizes = {chunk: chunk.size if body is None else len(body) for chunk, body in cleaned.items()}
        gap = sum(dialect.space(sizes[chunk]) for chunk in leading)
        added = gap + sum(dialect.space(sizes[chunk]) for chunk in trailing)
        end = new.seek(0, 2)
        if dialect.has_short_file_size and end + added > _LIMIT_32_BIT:
            raise ValueError(f"{target.name} outgrows its 4 GiB with its metadata. Use .rf64 or .w64.")
        place = after.data.start - dialect.header.size if after.data else end
        _open_gap(new, place, gap)
        new.seek(place)
        for chunk in leading:
            _copy_chunk(old, chunk, cleaned[chunk], new, dialect)
        pad_end(new, dialect)
        for chunk in trailing:
            _copy_chunk(old, chunk, cleaned[chunk], new, dialect)
        update_file_size(new, dialect)
    return []


def _is_layout_left(old: BinaryIO, chunk: Chunk) -> bool:
    """Whether a chunk says that channels are in an order that they were brought out of."""
    if chunk.kind not in (b"chan", b"CHAN") or not 12 <= chunk.size <= MAX_METADATA_BYTES:
        return False
    names = apple_speakers(chunk_body(old, chunk))
    return bool(names) and order_of(names or []) is not None


def _cleaned(old: BinaryIO, chunk: Chunk) -> bytes | None:
    """The body of a chunk that holds figures of the old sound, without them; None to copy it as it is."""
    if chunk.kind.upper() not in (b"ID3 ", b"IXML", b"AXML") or chunk.size > MAX_METADATA_BYTES:
        return None
    body = chunk_body(old, chunk)
    cleaned = clean_chunk(chunk.kind, body)
    return None if cleaned == body else cleaned


def _copy_chunk(old: BinaryIO, chunk: Chunk, body: bytes | None, new: BinaryIO, dialect: Dialect) -> None:
    size = chunk.size if body is None else len(body)
    new.write(chunk_header(chunk.name, size, dialect))
    start = new.tell()
    old.seek(chunk.start)
    left = chunk.size if body is None else 0
    new.write(body or b"")
    while left > 0:
        part = old.read(min(left, _COPY_BYTES))
        if not part:
            raise EOFError(f"chunk {_name(chunk.kind)} ended early.")
        new.write(part)
        left -= len(part)
    new.write(b"\0" * (dialect.space(size) - size - dialect.header.size))
    is_bext = chunk.kind == b"bext" and dialect.order == "<"  # Broadcast Wave has one byte order
    if is_bext and chunk.size >= _BEXT_LOUDNESS + 2 * _NUM_LOUDNESS_FIELDS:
        end = new.tell()
        new.seek(start + _BEXT_VERSION)
        if struct.unpack(f"{dialect.order}H", new.read(2))[0] >= 2:
            new.seek(start + _BEXT_LOUDNESS)
            new.write(struct.pack(f"{dialect.order}H", _LOUDNESS_UNSET) * _NUM_LOUDNESS_FIELDS)
        new.seek(end)


def _copy_channel_mask(old: BinaryIO, before: ChunkList, new: BinaryIO, after: ChunkList) -> None:
    """Loudspeaker positions: libsndfile writes none of its own accord."""
    source, target = before.find(b"fmt "), after.find(b"fmt ")
    if source is None or target is None or min(source.size, target.size) < _MASK_OFFSET + 4:
        return
    old_format, written = chunk_body(old, source), chunk_body(new, target)
    orders = before.dialect.order, after.dialect.order
    codes = [
        struct.unpack_from(f"{order}HH", body)
        for order, body in zip(orders, (old_format, written), strict=True)
    ]
    if codes[0] == codes[1] and codes[0][0] == _EXTENSIBLE:
        (mask,) = struct.unpack_from(f"{orders[0]}I", old_format, _MASK_OFFSET)
        new.seek(target.start + _MASK_OFFSET)
        new.write(struct.pack(f"{orders[1]}I", mask))


def _open_gap(file: BinaryIO, place: int, size: int) -> None:
    """Move everything from `place` on by `size` bytes, from the end, in small steps."""
    end = file.seek(0, 2) if size else place
    while end > place:
        start = max(place, end - _COPY_BYTES)
        file.seek(start)
        part = file.read(end - start)
        file.seek(start + size)
        file.write(part)
        end = start


def _name(kind: bytes) -> str:
    return kind.decode("ascii", "backslashreplace").strip()
