"""Changes to finished WAV, AIFF, CAF and Wave64 files that leave the sound where it is."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from hushgate.audio_files.container_chunks import Dialect, chunk_body, read_chunks

_EXTENSIBLE = 0xFFFE
_MASK_OFFSET = 20
# CoreAudio's tag for a layout whose bits are those of WAV.
_USE_CHANNEL_BITMAP = 0x10000


def write_channel_mask(target: Path, mask: int | None, num_channels: int) -> None:
    """Say in a finished file which loudspeakers its channels belong to; libsndfile writes its own guess.

    In an extensible WAV or RF64 file the mask in `fmt `, 0 for None; in AIFF and CAF a channel layout
    chunk, for more than two channels. Other files are left as they are.
    """
    with target.open("rb+") as file:
        layout = read_chunks(file)
        if layout is None:
            return
        chunk, dialect = layout.find(b"fmt "), layout.dialect
        if dialect.family == "RIFF" and chunk is not None and chunk.size >= _MASK_OFFSET + 4:
            if struct.unpack_from(f"{dialect.order}H", chunk_body(file, chunk))[0] == _EXTENSIBLE:
                file.seek(chunk.start + _MASK_OFFSET)
                file.write(struct.pack(f"{dialect.order}I", mask or 0))
            return
    if mask is not None and num_channels > 2 and dialect.family in ("AIFF", "CAF"):
        body = struct.pack(">III", _USE_CHANNEL_BITMAP, mask, 0)
        append_chunk(target, b"CHAN" if dialect.family == "AIFF" else b"chan", body)


def write_aiff_length(target: Path, num_samples: int, frame_bytes: int) -> None:
    """Say in a finished AIFF file how long it is; libsndfile counts the pad byte as a sample."""
    with target.open("rb+") as file:
        layout = read_chunks(file)
        common = layout.find(b"COMM") if layout is not None else None
        if layout is None or layout.data is None or common is None or common.size < 6:
            return
        file.seek(common.start + 2)
        file.write(struct.pack(">I", num_samples))
        file.seek(layout.data.start - 4)
        file.write(struct.pack(">I", 8 + num_samples * frame_bytes))


def write_fact_length(target: Path, num_samples: int) -> None:
    """Say in the `fact` chunk of a compressed WAV or Wave64 file how long it is; libsndfile counts blocks."""
    with target.open("rb+") as file:
        layout = read_chunks(file)
        fact = layout.find(b"fact") if layout is not None else None
        if layout is None or fact is None or fact.size < 4:
            return
        is_long = layout.dialect.long_sizes and fact.size >= 8
        size = struct.pack(f"{layout.dialect.order}{'Q' if is_long else 'I'}", num_samples)
        file.seek(fact.start)
        file.write(size)


def append_chunk(target: Path, kind: bytes, body: bytes) -> None:
    """Add one chunk at the end of a file of chunks: WAV, RF64, Wave64, AIFF or CAF."""
    with target.open("rb+") as file:
        layout = read_chunks(file)
        if layout is None:
            raise ValueError(f"{target.name} has no chunks.")
        pad_end(file, layout.dialect)
        file.write(chunk_header(kind, len(body), layout.dialect) + body)
        pad_end(file, layout.dialect)
        update_file_size(file, layout.dialect)


def chunk_header(name: bytes, size: int, dialect: Dialect) -> bytes:
    return dialect.header.pack(name, size + (dialect.header.size if dialect.counts_header else 0))


def pad_end(file: BinaryIO, dialect: Dialect) -> None:
    """Fill the file's end up to where the next chunk may begin."""
    file.write(b"\0" * (-file.seek(0, 2) % dialect.alignment))


def update_file_size(file: BinaryIO, dialect: Dialect) -> None:
    if dialect.file_size is not None:
        place, is_long, less = dialect.file_size
        size = file.seek(0, 2) - less
        file.seek(place)
        file.write(struct.pack(f"{dialect.order}{'Q' if is_long else 'I'}", size))
