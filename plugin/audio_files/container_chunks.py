"""Chunks of WAV, AIFF, CAF and Wave64 files: find them, and carry those that are not sound along.

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
    "W64": {b"fmt ", b"data", b"fact", b"levl"},
    "CAF": {b"desc", b"data", b"pakt", b"kuki", b"peak", b"ovvw"},
}
_PADDING = {b"JUNK", b"junk", b"PAD ", b"FLLR", b"Fake", b"free"}
_DATA = {"RIFF": b"data", "AIFF": b"SSND", "W64": b"data", "CAF": b"data"}
_W64_START = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_LIMIT_32_BIT = 2**32 - 1
_COPY_BYTES = 2**20

_BEXT_VERSION = 346
_BEXT_LOUDNESS = 412
_NUM_LOUDNESS_FIELDS = 5
_LOUDNESS_UNSET = 0x7FFF

_EXTENSIBLE = 0xFFFE
_MASK_OFFSET = 20


@dataclass(frozen=True)
class Dialect:
    """How a family of containers writes its chunks.

    Attributes:
        family: "RIFF" (WAV, RF64), "AIFF", "W64" or "CAF".
        order: Byte order of numbers, "<" or ">".
        first: Where the first chunk begins, bytes.
        id_bytes: Length of a chunk's name; the first four are the kind, Wave64 has more.
        long_sizes: Whether sizes have 64 bits, or 32.
        counts_header: Whether a size includes the chunk's header.
        alignment: What chunks are padded to a multiple of, bytes.
        file_size: Where the file's own size stands: place, whether of 64 bits, and what is taken
            off; None where it does not.
    """

    family: str
    order: str
    first: int = 12
    id_bytes: int = 4
    long_sizes: bool = False
    counts_header: bool = False
    alignment: int = 2
    file_size: tuple[int, bool, int] | None = (4, False, 8)

    @property
    def header(self) -> struct.Struct:
        """Name and size of a chunk."""
        return struct.Struct(f"{self.order}{self.id_bytes}s{'Q' if self.long_sizes else 'I'}")

    def space(self, size: int) -> int:
        """Bytes that a chunk with a body of `size` takes."""
        return self.header.size + size + -(self.header.size + size) % self.alignment


_WAV = Dialect("RIFF", "<")
_DIALECTS = {
    (b"RIFF", b"WAVE"): _WAV,
    (b"RIFX", b"WAVE"): Dialect("RIFF", ">"),
    (b"RF64", b"WAVE"): Dialect("RIFF", "<", file_size=(20, True, 8)),
    (b"BW64", b"WAVE"): Dialect("RIFF", "<", file_size=(20, True, 8)),
    (b"FORM", b"AIFF"): Dialect("AIFF", ">"),
    (b"FORM", b"AIFC"): Dialect("AIFF", ">"),
}
_W64 = Dialect("W64", "<", 40, 16, True, True, 8, (16, True, 0))
_CAF = Dialect("CAF", ">", 8, 4, True, False, 1, None)


@dataclass(frozen=True)
class Chunk:
    """One chunk: its four-letter kind, its whole name, and where its body lies in the file, bytes."""

    kind: bytes
    name: bytes
    start: int
    size: int


@dataclass(frozen=True)
class ChunkList:
    """The chunks of a file, in its order, and how they are written."""

    dialect: Dialect
    chunks: tuple[Chunk, ...]

    def find(self, kind: bytes) -> Chunk | None:
        """The first chunk of this kind."""
        return next((chunk for chunk in self.chunks if chunk.kind == kind), None)

    @property
    def data(self) -> Chunk | None:
        """The sound."""
        return self.find(_DATA[self.dialect.family])

    @property
    def extras(self) -> tuple[tuple[Chunk, ...], tuple[Chunk, ...]]:
        """Chunks that are neither sound nor padding: those before the sound, those after it."""
        data = self.data
        place = data.start if data else 0
        wanted = [c for c in self.chunks if c.kind not in _SOUND[self.dialect.family] | _PADDING]
        return tuple(c for c in wanted if c.start < place), tuple(c for c in wanted if c.start >= place)


def read_chunks(file: BinaryIO) -> ChunkList | None:
    """List the chunks of a WAV, RF64, AIFF, CAF or Wave64 file; None for any other.

    A chunk that claims to reach beyond the end of the file ends the list: what follows cannot be
    told from sound.
    """
    file_size = file.seek(0, 2)
    file.seek(0)
    start = file.read(16)
    dialect = _DIALECTS.get((start[:4], start[8:12]))
    if start == _W64_START:
        dialect = _W64
    elif start[:4] == b"caff":
        dialect = _CAF
    if dialect is None:
        return None
    header = dialect.header
    data_size: int | None = None
    chunks: list[Chunk] = []
    position = dialect.first
    while position + header.size <= file_size:
        file.seek(position)
        name, size = header.unpack(file.read(header.size))
        kind = name[:4]
        if kind == b"ds64" and start[:4] in (b"RF64", b"BW64"):
            data_size = struct.unpack("<8xQ", file.read(16))[0]
        if kind == b"data" and size == _LIMIT_32_BIT and data_size is not None:
            size = data_size
        if dialect.counts_header:
            size -= header.size
        body = position + header.size
        if size < 0 or body + size > file_size:
            if kind == _DATA[dialect.family]:
                chunks.append(Chunk(kind, name, body, file_size - body))
            break
        chunks.append(Chunk(kind, name, body, size))
        position += dialect.space(size)
    return ChunkList(dialect, tuple(chunks))


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
            [chunk for chunk in part if after.find(chunk.kind) is None] for part in before.extras
        )
        if not leading and not trailing:
            return []
        dialect = after.dialect
        if dialect.family == "W64":  # libsndfile takes what follows the sound in a Wave64 file for sound
            leading, trailing = leading + trailing, []
        if before.dialect.order != dialect.order:
            names = ", ".join(sorted({_name(chunk.kind) for chunk in leading + trailing}))
            return [f"chunks in the other byte order were not kept: {names}."]
        gap = sum(dialect.space(chunk.size) for chunk in leading)
        added = gap + sum(dialect.space(chunk.size) for chunk in trailing)
        end = new.seek(0, 2)
        if dialect.file_size == _WAV.file_size and end + added > _LIMIT_32_BIT:
            raise ValueError(f"{target.name} outgrows its 4 GiB with its metadata. Use .rf64 or .w64.")
        place = after.data.start - dialect.header.size if after.data else end
        _open_gap(new, place, gap)
        new.seek(place)
        for chunk in leading:
            _copy_chunk(old, chunk, new, dialect)
        _pad(new, dialect)
        for chunk in trailing:
            _copy_chunk(old, chunk, new, dialect)
        _update_size(new, dialect)
    return []


def append_chunk(target: Path, kind: bytes, body: bytes) -> None:
    """Add one chunk at the end of a WAV, RF64 or AIFF file."""
    with target.open("rb+") as file:
        layout = read_chunks(file)
        if layout is None:
            raise ValueError(f"{target.name} has no chunks.")
        _pad(file, layout.dialect)
        file.write(_header(kind, len(body), layout.dialect) + body)
        _pad(file, layout.dialect)
        _update_size(file, layout.dialect)


def chunk_body(file: BinaryIO, chunk: Chunk) -> bytes:
    """The bytes of a chunk."""
    file.seek(chunk.start)
    return file.read(chunk.size)


def _header(name: bytes, size: int, dialect: Dialect) -> bytes:
    return dialect.header.pack(name, size + (dialect.header.size if dialect.counts_header else 0))


def _pad(file: BinaryIO, dialect: Dialect) -> None:
    """Fill the file's end up to where the next chunk may begin."""
    file.write(b"\0" * (-file.seek(0, 2) % dialect.alignment))


def _copy_chunk(old: BinaryIO, chunk: Chunk, new: BinaryIO, dialect: Dialect) -> None:
    new.write(_header(chunk.name, chunk.size, dialect))
    start = new.tell()
    old.seek(chunk.start)
    left = chunk.size
    while left > 0:
        part = old.read(min(left, _COPY_BYTES))
        if not part:
            raise EOFError(f"chunk {_name(chunk.kind)} ended early.")
        new.write(part)
        left -= len(part)
    new.write(b"\0" * (dialect.space(chunk.size) - chunk.size - dialect.header.size))
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
    form, written = chunk_body(old, source), chunk_body(new, target)
    orders = before.dialect.order, after.dialect.order
    codes = [
        struct.unpack_from(f"{order}HH", body) for order, body in zip(orders, (form, written), strict=True)
    ]
    if codes[0] == codes[1] and codes[0][0] == _EXTENSIBLE:
        (mask,) = struct.unpack_from(f"{orders[0]}I", form, _MASK_OFFSET)
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


def _update_size(file: BinaryIO, dialect: Dialect) -> None:
    if dialect.file_size is not None:
        place, is_long, less = dialect.file_size
        size = file.seek(0, 2) - less
        file.seek(place)
        file.write(struct.pack(f"{dialect.order}{'Q' if is_long else 'I'}", size))


def _name(kind: bytes) -> str:
    return kind.decode("ascii", "backslashreplace").strip()
