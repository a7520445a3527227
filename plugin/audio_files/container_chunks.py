"""Chunks of WAV, AIFF, CAF and Wave64 files, listed as the file has them, whatever its headers say."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from hushgate.audio_files.limits import MAX_METADATA_BYTES, MAX_NUM_CHUNKS, SCAN_BYTES

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
# So many zero bytes behind the sound are alignment.
_MAX_SLACK = 8

_OPEN_SIZES = (0, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_STREAMING_SIZES = range(0x7FFF0000, 0x80000001)
# Chunks that are common after the sound: accepted even if the file ends within them.
_TRAILING = (
    b"LIST",
    b"id3 ",
    b"ID3 ",
    b"cue ",
    b"bext",
    b"iXML",
    b"_PMX",
    b"smpl",
    b"inst",
    b"MARK",
    b"NAME",
)
# What is looked for where nothing says where the sound ends; so often in vain at most.
_SEARCHED = re.compile(b"|".join((*_TRAILING, b"acid", b"axml", b"COMT", b"INST", b"info", b"mark", b"strg")))
_MAX_REFUSED = 64
_W64_TAILS = (bytes.fromhex("f3acd3118cd100c04f8edb8a"), bytes.fromhex("2e91cf11a5d628db04c10000"))


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
        file_size: Where the file's own size is stored: place, whether of 64 bits, and what is taken
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

    @property
    def has_short_file_size(self) -> bool:
        """Whether the file's own size has 32 bits, so that the file ends at 4 GiB."""
        return self.file_size is not None and not self.file_size[1]

    def space(self, size: int) -> int:
        """Bytes that a chunk with a body of `size` takes."""
        return self.header.size + size + -(self.header.size + size) % self.alignment


_DIALECTS = {
    (b"RIFF", b"WAVE"): Dialect("RIFF", "<"),
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
    """The chunks of a file, in its order, and how they are written.

    Attributes:
        dialect: How this file writes chunks.
        magic: The first four bytes.
        chunks: The size of the data chunk is that of the sound in the file, whatever its header says.
        announced_bytes: Size of the data chunk as its header says; None where it leaves the size open.
        is_regular: Whether every size in the headers agrees with the file.
        num_ignored_bytes: Zeros behind the sound that belong to no chunk.
    """

    dialect: Dialect
    magic: bytes
    chunks: tuple[Chunk, ...]
    announced_bytes: int | None = None
    is_regular: bool = True
    num_ignored_bytes: int = 0

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

    Sizes are compared with the file. A data chunk that announces less than there is, or leaves
    its size open, reaches to the next place where chunks follow up to the end of the file, or to that end.
    Chunks of odd length are found whether or not the pad byte behind them was written. A chunk other than
    the sound that claims to reach beyond the end of the file ends the list.
    """
    file_size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(16)
    dialect = _DIALECTS.get((start[:4], start[8:12]))
    if start == _W64_START:
        dialect = _W64
    elif start[:4] == b"caff":
        dialect = _CAF
    if dialect is None:
        return None
    return _ChunkWalk(file, file_size, dialect, start[:4]).run()


class _ChunkWalk:
    """Goes from chunk to chunk."""

    def __init__(self, file: BinaryIO, file_size: int, dialect: Dialect, magic: bytes) -> None:
        self._file = file
        self._file_size = file_size
        self._dialect = dialect
        self._magic = magic
        self._long_data_size: int | None = None
        self._announced: int | None = None
        self._is_regular = True
        self._num_ignored = 0
        self._has_data = False

    def run(self) -> ChunkList:
        """The list."""
        dialect = self._dialect
        chunks: list[Chunk] = []
        position = dialect.first
        while len(chunks) < MAX_NUM_CHUNKS and (header := self._header(position)) is not None:
            name, size = header
            body = position + dialect.header.size
            kind = name[:4]
            if self._has_data and not self._is_plausible(position, must_fit=False):
                break  # padding or junk behind the sound
            if kind == b"ds64" and self._magic in (b"RF64", b"BW64") and size >= 16:
                self._file.seek(body)
                self._long_data_size = struct.unpack("<8xQ", self._file.read(16))[0]
            if kind == _DATA[dialect.family] and not any(chunk.kind == kind for chunk in chunks):
                size = self._data_size(body, size)
                self._has_data = True
            elif size < 0 or body + size > self._file_size:
                break
            chunks.append(Chunk(kind, name, body, size))
            position = self._next(body, size)
        self._check_file_size()
        return ChunkList(
            dialect, self._magic, tuple(chunks), self._announced, self._is_regular, self._num_ignored
        )

    def _header(self, position: int) -> tuple[bytes, int] | None:
        """Name and body size of the chunk at a position."""
        dialect = self._dialect
        self._file.seek(position)
        data = self._file.read(dialect.header.size)
        if len(data) < dialect.header.size:
            return None
        name, size = dialect.header.unpack(data)
        return name, size - dialect.header.size if dialect.counts_header else size

    def _next(self, body: int, size: int) -> int:
        """Where the chunk after this one begins: padded, or not, where only that makes sense."""
        padded = body + self._dialect.space(size) - self._dialect.header.size
        unpadded = body + size
        if padded == unpadded or self._is_known(padded):
            return padded
        if self._is_known(unpadded) or (self._is_plausible(unpadded) and not self._is_plausible(padded)):
            self._is_regular = False
            return unpadded
        return padded

    def _is_known(self, position: int) -> bool:
        """Whether a chunk of a kind that we know begins here."""
        header = self._header(position)
        known = (*_SOUND[self._dialect.family], *_PADDING, *_TRAILING)
        return header is not None and header[0][:4] in known

    def _is_plausible(self, position: int, *, must_fit: bool = True) -> bool:
        """Whether a chunk may begin here."""
        header = self._header(position)
        if header is None:
            return False
        name, size = header
        letters = name[:4]
        looks_right = (
            all(0x20 <= byte < 0x7F for byte in letters) and sum(chr(b).isalnum() for b in letters) > 1
        )
        if self._dialect.family == "W64":
            looks_right = looks_right and name[4:] in _W64_TAILS
        fits = 0 <= size <= self._file_size - position - self._dialect.header.size
        return looks_right and (fits or not must_fit)

    def _chunks_follow(self, end: int, size: int) -> bool:
        """Whether chunks or a trailing tag fill the file from `end` on."""
        for place in {end + -size % self._dialect.alignment, end}:
            if place >= self._file_size:
                return True
            self._file.seek(place)
            start = self._file.read(8)
            if start[:3] == b"TAG" and self._file_size - place == 128:
                return True
            if start[:3] == b"ID3" or start == b"APETAGEX":
                return True
            known = start[:4] in _TRAILING
            if known or (self._is_plausible(place) and self._leads_to_the_end(place)):
                return True
        return False

    def _leads_to_the_end(self, position: int) -> bool:
        for _ in range(MAX_NUM_CHUNKS):
            if position + self._dialect.header.size > self._file_size:
                return True
            if not self._is_plausible(position):
                return False
            _, size = self._header(position) or (b"", 0)
            position += self._dialect.space(size)
        return False

    def _sound_end(self, start: int) -> int:
        """Where known chunks begin that fill the file to its end; that end if there are none."""
        position = max(start, self._file_size - MAX_METADATA_BYTES)
        num_refused = 0
        kept = b""
        self._file.seek(position)
        while part := self._file.read(SCAN_BYTES):
            data = kept + part
            for found in _SEARCHED.finditer(data):
                place = position - len(kept) + found.start()
                if self._leads_to_the_end(place):
                    return place
                if (num_refused := num_refused + 1) > _MAX_REFUSED:
                    return self._file_size
            position += len(part)
            kept = data[-3:]
            self._file.seek(position)
        return self._file_size

    def _data_size(self, body: int, size: int) -> int:
        """How many bytes of sound there are."""
        available = self._file_size - body
        is_rf64 = self._magic in (b"RF64", b"BW64") and not self._dialect.long_sizes
        is_wide = self._dialect.long_sizes
        if is_rf64 and self._long_data_size is not None:
            if size == _LIMIT_32_BIT:
                size, is_wide = self._long_data_size, True
            elif size != self._long_data_size:  # which decoders believe
                self._is_regular = False
        empty = 4 if self._dialect.family == "CAF" else 8 if self._dialect.family == "AIFF" else 0
        written = size + (self._dialect.header.size if self._dialect.counts_header else 0)
        is_open = is_open_size(written) or size in (0, empty)
        if 0 <= size <= available and self._chunks_follow(body + size, size):
            self._announced = None if is_open and size != available and not size else size
            return size
        if not is_open and 0 <= available - size < _MAX_SLACK and is_zero(self._file, body + size):
            self._announced = size  # padding, as some programs write it in CAF
            return size
        self._is_regular = False
        if is_open or size < 0:
            return self._sound_end(body) - body
        self._announced = size
        if size > available:
            return available
        # A 32-bit size of a file that grew beyond 4 GiB lacks a multiple of that.
        if not is_wide:
            for longer in range(size + 2**32, available + 1, 2**32):
                if self._chunks_follow(body + longer, longer):
                    return longer
        if is_zero(self._file, body + size):
            self._num_ignored = available - size
            return size
        # Also where the file's own size ends here: recorders update both sizes now and then, and crash.
        return self._sound_end(body + size) - body

    def _check_file_size(self) -> None:
        """Compare the file's own size in its header with what is there."""
        if self._dialect.file_size is None:
            return
        place, is_long, less = self._dialect.file_size
        self._file.seek(place)
        data = self._file.read(8 if is_long else 4)
        if int.from_bytes(data, "little" if self._dialect.order == "<" else "big") != self._file_size - less:
            self._is_regular = False


def is_zero(file: BinaryIO, position: int) -> bool:
    """Whether a file holds nothing but zero bytes from a position on."""
    file.seek(position)
    while part := file.read(SCAN_BYTES):
        if part.strip(b"\0"):
            return False
    return True


def is_open_size(size: int) -> bool:
    """Whether the size of a data chunk is the placeholder of a program that could not seek.

    Such programs write nothing, all ones (ffmpeg) or a little less than 2 GiB (sox).

    >>> is_open_size(0xFFFFFFFF), is_open_size(0), is_open_size(4)
    (True, True, False)
    """
    return size in _OPEN_SIZES or size in _STREAMING_SIZES


def chunk_body(file: BinaryIO, chunk: Chunk) -> bytes:
    """The bytes of a chunk."""
    file.seek(chunk.start)
    return file.read(chunk.size)
