"""Corrected headers for WAV, RF64, AIFF, CAF and Wave64 files."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import BinaryIO

from hushgate.audio_files.container_chunks import Chunk, ChunkList, chunk_body
from hushgate.audio_files.limits import MAX_CHANNELS, MAX_METADATA_BYTES

# Chunks that a decoder needs beside the sound, in the order in which it wants them.
_NEEDED = {
    "RIFF": (b"fmt ", b"fact"),
    "W64": (b"fmt ", b"fact"),
    "AIFF": (b"FVER", b"COMM"),
    "CAF": (b"desc", b"chan", b"kuki", b"pakt"),
}
_LIMIT_32_BIT = 2**32 - 1
# Compression types of AIFF-C that are none.
_PLAIN_AIFF = (b"NONE", b"twos", b"sowt", b"fl32", b"FL32", b"fl64", b"FL64", b"in24", b"in32")


def corrected_header(file: BinaryIO, layout: ChunkList, data: Chunk) -> bytes | None:
    """The header of a file like `layout` with nothing but its sound `data`, which is to follow at once.

    None where the format cannot say the length (AIFF and big-endian WAV over 4 GiB, see `long_header`), or
    a needed chunk is missing.
    """
    dialect = layout.dialect
    needed = [chunk for kind in _NEEDED[dialect.family] if (chunk := layout.find(kind)) is not None]
    if not needed or any(chunk.size > MAX_METADATA_BYTES for chunk in needed):
        return None
    body = b"".join(_chunk(layout, chunk.name, chunk_body(file, chunk)) for chunk in needed)
    name, size = data.name, data.size + (dialect.header.size if dialect.counts_header else 0)
    if dialect.family == "CAF":
        return b"caff\0\1\0\0" + body + dialect.header.pack(name, size)
    if dialect.family == "W64":
        total = 40 + len(body) + dialect.header.size + data.size
        start = bytes.fromhex("726966662e91cf11a5d628db04c10000") + struct.pack("<Q", total)
        return (
            start + bytes.fromhex("77617665f3acd3118cd100c04f8edb8a") + body + dialect.header.pack(name, size)
        )
    total = 4 + len(body) + 8 + data.size
    is_long = total > _LIMIT_32_BIT
    if is_long and dialect.order == ">":
        return None
    magic = {"AIFF": b"FORM"}.get(dialect.family, b"RIFX" if dialect.order == ">" else b"RIFF")
    file.seek(8)
    kind = file.read(4)
    if not is_long:
        return magic + struct.pack(f"{dialect.order}I", total) + kind + body + dialect.header.pack(name, size)
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, total + 36, data.size, 0, 0)
    return (
        b"RF64"
        + struct.pack("<I", _LIMIT_32_BIT)
        + kind
        + ds64
        + body
        + dialect.header.pack(name, _LIMIT_32_BIT)
    )


def long_header(file: BinaryIO, layout: ChunkList, data: Chunk) -> tuple[bytes, Chunk] | None:
    """A header of 64-bit sizes for the samples of AIFF and big-endian WAV over 4 GiB, and what follows it.

    It is that of a CAF file, which has samples in the same order. None for other sound, and shorter files.
    """
    family, order = layout.dialect.family, layout.dialect.order
    chunk = layout.find(b"COMM" if family == "AIFF" else b"fmt ")
    if order != ">" or data.size <= _LIMIT_32_BIT or family not in ("AIFF", "RIFF") or chunk is None:
        return None
    body = chunk_body(file, chunk)
    if family == "AIFF":
        num_channels, bits, exponent, mantissa = struct.unpack_from(">H4xHHQ", body)
        rate = mantissa * 2.0 ** (exponent - 16383 - 63)
        kind = body[18:22] if len(body) >= 22 else b"NONE"
        # The four bytes before the sound, AIFF's block size, become CAF's edit count.
        start, count = data.start + 4, b""
    else:
        code, num_channels, rate, bits = struct.unpack_from(">HHI6xH", body)
        kind = b"fl32" if code == 3 else b"NONE"
        start, count = data.start, bytes(4)
    flags = (kind in (b"fl32", b"FL32", b"fl64", b"FL64")) | 2 * (kind == b"sowt")
    if family == "RIFF" and bits == 8:  # unsigned, which CAF has not
        return None
    size = bits // 8 * num_channels
    description = struct.pack(">d4sIIIII", rate, b"lpcm", flags, size, 1, num_channels, bits)
    sound = replace(data, start=start, size=data.start + data.size - start)
    header = b"caff\0\1\0\0" + struct.pack(">4sQ", b"desc", len(description)) + description
    return header + struct.pack(">4sQ", b"data", sound.size + len(count)) + count, sound


def _chunk(layout: ChunkList, name: bytes, body: bytes) -> bytes:
    dialect = layout.dialect
    header = dialect.header.pack(name, len(body) + (dialect.header.size if dialect.counts_header else 0))
    return header + body + b"\0" * (dialect.space(len(body)) - dialect.header.size - len(body))


def announced_length(file: BinaryIO, layout: ChunkList) -> int | None:
    """Samples per channel as the `fact` chunk of a compressed WAV file says; None where there is none."""
    fact = layout.find(b"fact")
    if layout.dialect.family not in ("RIFF", "W64") or fact is None or fact.size < 4:
        return None
    width = 8 if layout.dialect.family == "W64" and fact.size >= 8 else 4
    file.seek(fact.start)
    count = int.from_bytes(file.read(width), "little" if layout.dialect.order == "<" else "big")
    return None if count in (0, _LIMIT_32_BIT) else count


def frame_bytes(file: BinaryIO, layout: ChunkList) -> int | None:
    """Bytes of one sample of all channels (`nBlockAlign`) in a WAV or Wave64 file; None in others."""
    chunk: Chunk | None = layout.find(b"fmt ")
    if chunk is None or chunk.size < 16:
        return None
    return int(struct.unpack(f"{layout.dialect.order}12xH", chunk_body(file, chunk)[:14])[0]) or None


def has_plain_samples(file: BinaryIO, layout: ChunkList, code: int) -> bool:
    """Whether a file holds samples as they are, PCM or floating point, and its header agrees with itself.

    Args:
        file: Open for reading.
        layout: Its chunks.
        code: Format code of WAV and Wave64.
    """
    family = layout.dialect.family
    kind = {"AIFF": b"COMM", "CAF": b"desc"}.get(family, b"fmt ")
    chunks = [chunk for chunk in layout.chunks if chunk.kind == kind]
    if len(chunks) != 1 or not 16 <= chunks[0].size <= 65_536:
        return False
    body = chunk_body(file, chunks[0])
    if family in ("RIFF", "W64"):
        num_channels, rate, size, bits = struct.unpack_from(f"{layout.dialect.order}2xHI4xHH", body)
        is_known = (code == 1 and bits in (8, 16, 24, 32)) or (code == 3 and bits in (32, 64))
        return is_known and 0 < num_channels <= MAX_CHANNELS and rate > 0 and size * 8 == bits * num_channels
    if family == "AIFF":
        num_channels, bits = struct.unpack_from(">H4xH", body)
        kind = body[18:22] if len(body) >= 22 else b"NONE"
        return kind in _PLAIN_AIFF and 0 < num_channels <= MAX_CHANNELS and bits in (8, 16, 24, 32, 64)
    if len(body) < 32:
        return False
    kind, num_channels, bits = struct.unpack_from(">8x4s12xII", body)
    return kind == b"lpcm" and 0 < num_channels <= MAX_CHANNELS and bits in (8, 16, 24, 32, 64)
