"""Chunks of WAV and AIFF files: find them, and carry those that are not sound to another file.

Bodies are copied byte for byte: `bext` with its time reference, `LIST`, `cue `, `smpl`, `iXML`,
`id3 ` and whatever else a program left there, known or not. Left behind is what describes the
stored samples themselves (`fmt `, `fact`, `PEAK`, checksums, level overviews) and padding.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_SOUND = {
    "RIFF": {b"fmt ", b"data", b"fact", b"ds64", b"PEAK", b"MD5 ", b"levl"},
    "AIFF": {b"COMM", b"SSND", b"FVER", b"PEAK"},
}
_PADDING = {b"JUNK", b"junk", b"PAD ", b"FLLR", b"Fake"}
_DATA = {"RIFF": b"data", "AIFF": b"SSND"}
_LIMIT_32_BIT = 2**32 - 1
_COPY_BYTES = 2**20

_BEXT_VERSION = 346
_BEXT_LOUDNESS = 412
_NUM_LOUDNESS_FIELDS = 5
_LOUDNESS_UNSET = 0x7FFF

_EXTENSIBLE = 0xFFFE
_MASK_OFFSET = 20


@dataclass(frozen=True)
class Chunk:
    """One chunk: its four-letter kind, and where its body lies in the file, bytes."""

    kind: bytes
    start: int
    size: int


@dataclass(frozen=True)
class ChunkList:
    """The chunks of a file.

    Attributes:
        family: "RIFF" (WAV, RF64) or "AIFF".
        order: Byte order of numbers, "<" or ">".
        long: Whether sizes stand in a `ds64` chunk.
        chunks: In the order of the file.
    """

    family: str
    order: str
    long: bool
    chunks: tuple[Chunk, ...]

    def find(self, kind: bytes) -> Chunk | None:
        """The first chunk of this kind."""
        return next((chunk for chunk in self.chunks if chunk.kind == kind), None)

    @property
    def extras(self) -> tuple[tuple[Chunk, ...], tuple[Chunk, ...]]:
        """Chunks that are neither sound nor padding: those before the sound, those after it."""
        data = self.find(_DATA[self.family])
        place = data.start if data else 0
        wanted = [c for c in self.chunks if c.kind not in _SOUND[self.family] | _PADDING]
        return tuple(c for c in wanted if c.start < place), tuple(c for c in wanted if c.start >= place)


def read_chunks(file: BinaryIO) -> ChunkList | None:
    """List the chunks of a WAV, RF64 or AIFF file; None for any other.

    A chunk that claims to reach beyond the end of the file ends the list: what follows cannot be
    told from sound.
    """
    file_size = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    start, kind = head[:4], head[8:]
    if start in (b"RIFF", b"RIFX", b"RF64", b"BW64") and kind == b"WAVE":
        family, order = "RIFF", ">" if start == b"RIFX" else "<"
    elif start == b"FORM" and kind in (b"AIFF", b"AIFC"):
        family, order = "AIFF", ">"
    else:
        return None
    is_long = start in (b"RF64", b"BW64")
    data_size: int | None = None
    chunks: list[Chunk] = []
    position = len(head)
    while position + 8 <= file_size:
        file.seek(position)
        name, size = struct.unpack(f"{order}4sI", file.read(8))
        if name == b"ds64" and is_long:
            data_size = struct.unpack("<8xQ", file.read(16))[0]
        if name == b"data" and size == _LIMIT_32_BIT and data_size is not None:
            size = data_size
        if position + 8 + size > file_size:
            if name == _DATA[family]:
                chunks.append(Chunk(name, position + 8, file_size - position - 8))
            break
        chunks.append(Chunk(name, position + 8, size))
        position += 8 + size + size % 2
    return ChunkList(family, order, is_long, tuple(chunks))


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
        if before is None or after is None or before.family != after.family:
            return ["chunks were not copied: source and output are not of one family."]
        _copy_channel_mask(old, before, new, after)
        leading, trailing = before.extras
        if not leading and not trailing:
            return []
        if before.order != after.order:
            names = ", ".join(sorted({_name(chunk.kind) for chunk in leading + trailing}))
            return [f"chunks in the other byte order were not kept: {names}."]
        gap = sum(8 + chunk.size + chunk.size % 2 for chunk in leading)
        added = gap + sum(8 + chunk.size + chunk.size % 2 for chunk in trailing)
        end = new.seek(0, 2)
        if not after.long and end + added > _LIMIT_32_BIT:
            raise ValueError(f"{target.name} outgrows its 4 GiB with its metadata. Use .rf64 or .w64.")
        data = after.find(_DATA[after.family])
        place = data.start - 8 if data else end
        _open_gap(new, place, gap)
        new.seek(place)
        for chunk in leading:
            _copy_chunk(old, chunk, new, after.order)
        new.seek(0, 2)
        new.write(b"\0" * (new.tell() % 2))
        for chunk in trailing:
            _copy_chunk(old, chunk, new, after.order)
        _update_size(new, after)
    return []


def append_chunk(target: Path, kind: bytes, body: bytes) -> None:
    """Add one chunk at the end of a WAV, RF64 or AIFF file."""
    with target.open("rb+") as file:
        layout = read_chunks(file)
        if layout is None:
            raise ValueError(f"{target.name} is neither WAV nor AIFF.")
        file.seek(0, 2)
        file.write(b"\0" * (file.tell() % 2))
        file.write(struct.pack(f"{layout.order}4sI", kind, len(body)) + body + b"\0" * (len(body) % 2))
        _update_size(file, layout)


def chunk_body(file: BinaryIO, chunk: Chunk) -> bytes:
    """The bytes of a chunk."""
    file.seek(chunk.start)
    return file.read(chunk.size)


def _copy_chunk(old: BinaryIO, chunk: Chunk, new: BinaryIO, order: str) -> None:
    new.write(struct.pack(f"{order}4sI", chunk.kind, chunk.size))
    start = new.tell()
    old.seek(chunk.start)
    left = chunk.size
    while left > 0:
        part = old.read(min(left, _COPY_BYTES))
        if not part:
            raise EOFError(f"chunk {_name(chunk.kind)} ended early.")
        new.write(part)
        left -= len(part)
    new.write(b"\0" * (chunk.size % 2))
    if chunk.kind == b"bext" and chunk.size >= _BEXT_LOUDNESS + 2 * _NUM_LOUDNESS_FIELDS:
        end = new.tell()
        new.seek(start + _BEXT_VERSION)
        if struct.unpack(f"{order}H", new.read(2))[0] >= 2:
            new.seek(start + _BEXT_LOUDNESS)
            new.write(struct.pack(f"{order}H", _LOUDNESS_UNSET) * _NUM_LOUDNESS_FIELDS)
        new.seek(end)


def _copy_channel_mask(old: BinaryIO, before: ChunkList, new: BinaryIO, after: ChunkList) -> None:
    """Loudspeaker positions: libsndfile writes none of its own accord."""
    source, target = before.find(b"fmt "), after.find(b"fmt ")
    if source is None or target is None or min(source.size, target.size) < _MASK_OFFSET + 4:
        return
    form, written = chunk_body(old, source), chunk_body(new, target)
    codes = [
        struct.unpack_from(f"{layout.order}HH", body) for layout, body in ((before, form), (after, written))
    ]
    if codes[0] == codes[1] and codes[0][0] == _EXTENSIBLE:
        (mask,) = struct.unpack_from(f"{before.order}I", form, _MASK_OFFSET)
        new.seek(target.start + _MASK_OFFSET)
        new.write(struct.pack(f"{after.order}I", mask))


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


def _update_size(file: BinaryIO, layout: ChunkList) -> None:
    size = file.seek(0, 2) - 8
    if layout.long:
        file.seek(20)
        file.write(struct.pack("<Q", size))
    else:
        file.seek(4)
        file.write(struct.pack(f"{layout.order}I", size))


def _name(kind: bytes) -> str:
    return kind.decode("ascii", "backslashreplace").strip()
