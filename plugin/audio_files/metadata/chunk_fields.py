"""Texts in the chunks of RIFF and AIFF files in common terms."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

from hushgate.audio_files.chunk_edits import append_chunk
from hushgate.audio_files.container_chunks import chunk_body, read_chunks
from hushgate.audio_files.limits import MAX_METADATA_BYTES
from hushgate.audio_files.metadata.common_fields import IGNORED, Fields
from hushgate.audio_files.metadata.id3_fields import take_id3

_INFO_FIELDS = {
    "TITLE": b"INAM",
    "ARTIST": b"IART",
    "ALBUM": b"IPRD",
    "GENRE": b"IGNR",
    "DATE": b"ICRD",
    "TRACKNUMBER": b"ITRK",
    "COMMENT": b"ICMT",
    "COPYRIGHT": b"ICOP",
    "ENGINEER": b"IENG",
    "KEYWORDS": b"IKEY",
    "SUBJECT": b"ISBJ",
}
_AIFF_FIELDS = {"TITLE": b"NAME", "ARTIST": b"AUTH", "COPYRIGHT": b"(c) ", "COMMENT": b"ANNO"}
_FROM_INFO = {kind: name for name, kind in _INFO_FIELDS.items()}
_FROM_AIFF = {kind: name for name, kind in _AIFF_FIELDS.items()}
# Loudspeakers are carried with the sound.
_CARRIED_OTHERWISE = (b"chan", b"CHAN")


def take_chunks(path: Path, fields: Fields) -> None:
    with path.open("rb") as file:
        layout = read_chunks(file)
        if layout is None:
            return
        for chunk in [c for part in layout.extras for c in part]:
            if chunk.kind in _CARRIED_OTHERWISE:
                continue
            if chunk.size > MAX_METADATA_BYTES:
                fields.lost.append(chunk.kind.decode("ascii", "backslashreplace").strip())
                continue
            body = chunk_body(file, chunk)
            if chunk.kind == b"LIST" and body[:4] == b"INFO":
                for kind, text in _info_entries(body[4:], layout.dialect.order):
                    if kind in _FROM_INFO:
                        fields.add(_FROM_INFO[kind], text)
                    elif (name := kind.decode("ascii", "backslashreplace")) not in IGNORED:
                        fields.lost.append(name)
            elif layout.dialect.family == "AIFF" and chunk.kind in _FROM_AIFF:
                fields.add(_FROM_AIFF[chunk.kind], _decode(body))
            elif chunk.kind.upper() == b"ID3 ":
                _read_embedded_id3(body, fields)
            else:
                name = chunk.kind.decode("ascii", "backslashreplace").strip()
                kind_name = body[:4].decode("ascii", "backslashreplace")
                fields.lost.append(f"{name} {kind_name}" if name == "LIST" else name)


def _read_embedded_id3(body: bytes, fields: Fields) -> None:
    from mutagen.id3 import ID3, ID3NoHeaderError

    try:
        take_id3(ID3(io.BytesIO(body)), fields)
    except ID3NoHeaderError:
        fields.lost.append("ID3")


def _info_entries(body: bytes, order: str) -> Iterator[tuple[bytes, str]]:
    position = 0
    while position + 8 <= len(body):
        kind, size = struct.unpack_from(f"{order}4sI", body, position)
        yield kind, _decode(body[position + 8 : position + 8 + size])
        position += 8 + size + size % 2


def write_info(path: Path, fields: Fields) -> list[str]:
    entries = []
    for name, kind in _INFO_FIELDS.items():
        if texts := fields.texts.get(name):
            text = "; ".join(texts).encode() + b"\0"
            entries.append(kind + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2))
    if entries:
        append_chunk(path, b"LIST", b"INFO" + b"".join(entries))
    unknown = sorted(name for name in fields.texts if name not in _INFO_FIELDS)
    return [*unknown, *(["pictures"] if fields.pictures else [])]


def _decode(text: bytes) -> str:
    """Neither format names an encoding: UTF-8 where it fits, else what Windows programs wrote."""
    text = text.rstrip(b"\0")
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")
