"""The fields that tag formats have in common, for files that change their container."""

from __future__ import annotations

import base64
import io
import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hushgate.audio_files.channel_layouts import default_mask, plain_mask
from hushgate.audio_files.chunk_edits import append_chunk
from hushgate.audio_files.container_chunks import chunk_body, read_chunks
from hushgate.audio_files.limits import MAX_METADATA_BYTES
from hushgate.audio_files.metadata.stale_figures import STALE_FRAMES, is_stale
from hushgate.audio_files.scanning.outer_tags import find_tags

# Common names are those of Vorbis comments.
_ID3_FRAMES = {
    "TITLE": "TIT2",
    "ARTIST": "TPE1",
    "ALBUM": "TALB",
    "ALBUMARTIST": "TPE2",
    "COMPOSER": "TCOM",
    "CONDUCTOR": "TPE3",
    "LYRICIST": "TEXT",
    "GENRE": "TCON",
    "DATE": "TDRC",
    "TRACKNUMBER": "TRCK",
    "DISCNUMBER": "TPOS",
    "COPYRIGHT": "TCOP",
    "ORGANIZATION": "TPUB",
    "GROUPING": "TIT1",
    "BPM": "TBPM",
    "INITIALKEY": "TKEY",
    "ISRC": "TSRC",
}
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
_FROM_ID3 = {frame: name for name, frame in _ID3_FRAMES.items()}
_FROM_INFO = {kind: name for name, kind in _INFO_FIELDS.items()}
_FROM_AIFF = {kind: name for name, kind in _AIFF_FIELDS.items()}
# What wrote the file, and figures that follow from the sound: not worth a word when they are gone.
_IGNORED = {"TSSE", "TENC", "TLEN", "ISFT", "ENCODER"}
_PICTURE_KEY = "METADATA_BLOCK_PICTURE"
MASK_COMMENT = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK"
_OGG_FAMILIES = ("Vorbis", "Opus", "OggFLAC")
_MP4_ITEMS = {
    "TITLE": "\xa9nam",
    "ARTIST": "\xa9ART",
    "ALBUM": "\xa9alb",
    "ALBUMARTIST": "aART",
    "COMPOSER": "\xa9wrt",
    "GENRE": "\xa9gen",
    "DATE": "\xa9day",
    "COMMENT": "\xa9cmt",
    "COPYRIGHT": "cprt",
    "GROUPING": "\xa9grp",
    "LYRICS": "\xa9lyr",
    "DESCRIPTION": "desc",
}
_MP4_PAIRS = {"TRACKNUMBER": "trkn", "DISCNUMBER": "disk"}
# Blocks of FLAC have 24-bit sizes.
_MAX_FLAC_BLOCK_BYTES = 2**24 - 1
# Loudspeakers are carried with the sound.
_CARRIED_OTHERWISE = (b"chan", b"CHAN")


@dataclass
class Fields:
    """Tags in common terms.

    Attributes:
        texts: Values by upper-case name.
        pictures: FLAC picture blocks, as bytes.
        lost: Names of what has no common term.
    """

    texts: dict[str, list[str]] = field(default_factory=dict)
    pictures: list[bytes] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def add(self, name: str, text: str) -> None:
        """Append one value, unless it is there already."""
        values = self.texts.setdefault(name.upper(), [])
        if text and text not in values:
            values.append(text)


def read_id3(path: Path, *, translate: bool = True) -> Any:
    """The ID3 tags of an MP3 file as mutagen's object; None if it has none.

    If a file has several ID3v2 tags, each frame is taken from the first tag that has it.

    Args:
        path: The file.
        translate: Bring all frames to version 2.4; otherwise they stay as they are, but for those of 2.2.
    """
    from mutagen.id3 import ID3, ID3NoHeaderError

    merged: Any = None
    with path.open("rb") as file:
        tags = find_tags(file)
        for start, end in tags:
            file.seek(start)
            data = file.read(min(end - start, MAX_METADATA_BYTES))
            tag = ID3(io.BytesIO(data), translate=translate)
            if tag.version[:2] < (2, 3):  # 2.2 cannot be written: its frames are translated to 2.4
                tag = ID3(io.BytesIO(data))
            if merged is None:
                merged = tag
            else:
                for key, frame in tag.items():
                    merged.setdefault(key, frame)
    if not tags:  # an ID3v1 tag at the end
        try:
            merged = ID3(path, translate=translate)
        except ID3NoHeaderError:
            merged = None
    return merged


def read_fields(path: Path, family: str | None, *, only_id3: bool = False) -> Fields:
    """What a file says about itself, in common terms; nothing for formats that carry no tags we know.

    Args:
        path: The file.
        family: Kind of its tags, see `copying.family`.
        only_id3: Only what an ID3v2 tag in front of the file says.
    """
    fields = Fields()
    if only_id3:
        with path.open("rb") as file:
            has_id3 = bool(find_tags(file))
        if has_id3:
            _read_id3(read_id3(path), fields)
        return _without_stale(fields)
    if family in ("RIFF", "AIFF", "W64", "CAF"):
        _read_chunk_fields(path, fields)
    elif family == "MP3":
        if (tags := read_id3(path)) is not None:
            _read_id3(tags, fields)
    elif family == "FLAC":
        from mutagen.flac import FLAC

        flac: Any = FLAC(path)
        _read_comments(flac.tags or [], fields)
        fields.pictures += [picture.write() for picture in flac.pictures]
        if flac.cuesheet is not None:
            fields.lost.append("cue sheet")
        with path.open("rb") as file:
            has_id3 = bool(find_tags(file))
        if has_id3:
            _read_id3(read_id3(path), fields)
    elif family in _OGG_FAMILIES:
        _read_comments(_ogg(path, family).tags or [], fields)
    elif family in ("MP4", "Matroska", "FFmpeg"):
        from hushgate.audio_files.isolation.calls import call_isolated

        texts, fields.pictures = call_isolated("read_tags", path)
        for name, text in texts:
            if name not in _IGNORED:
                fields.add(name, text)
    return _without_stale(fields)


def _without_stale(fields: Fields) -> Fields:
    fields.texts = {name: texts for name, texts in fields.texts.items() if not is_stale(name)}
    fields.lost = [name for name in fields.lost if name not in STALE_FRAMES]
    fields.texts.pop(MASK_COMMENT, None)
    return fields


def write_mask_comment(path: Path, mask: int | None, num_channels: int) -> None:
    """Name the loudspeakers of a FLAC file in a comment where its header cannot (RFC 9639, section 8.6.2)."""
    from mutagen.flac import FLAC

    if mask is None or mask in (default_mask(num_channels), plain_mask(num_channels)):
        return
    flac: Any = FLAC(path)
    if flac.tags is None:
        flac.add_tags()
    flac[MASK_COMMENT] = f"0x{mask:04X}"
    flac.save()


def write_fields(path: Path, family: str | None, fields: Fields) -> list[str]:
    """Store fields in a file; returns the names of those that its tags cannot hold."""
    if not any(fields.texts.values()) and not fields.pictures:
        return []
    if family == "RIFF":
        return _write_info(path, fields)
    if family == "MP3":
        from mutagen.id3 import ID3

        tags = ID3()
        _fill_id3(tags, fields)
        tags.save(path)
        return []
    if family == "AIFF":
        from mutagen.aiff import AIFF

        aiff = AIFF(path)
        aiff.add_tags()
        _fill_id3(aiff.tags, fields)
        aiff.save()
        return []
    if family == "FLAC":
        from mutagen.flac import FLAC, Picture

        flac: Any = FLAC(path)
        if flac.tags is None:
            flac.add_tags()
        flac.tags.extend(_comment_pairs(fields))
        large = [picture for picture in fields.pictures if len(picture) > _MAX_FLAC_BLOCK_BYTES]
        for picture in fields.pictures:
            if picture not in large:
                flac.add_picture(Picture(picture))
        flac.save()
        return [*_without_comment_name(fields), *(f"a picture of {len(p) / 1e6:.1f} MB" for p in large)]
    if family == "MP4":
        from mutagen.mp4 import MP4

        mp4: Any = MP4(path)
        if mp4.tags is None:
            mp4.add_tags()
        _fill_mp4(mp4.tags, fields)
        mp4.save()
        return []
    if family == "Matroska":  # the texts were written before the sound
        return ["pictures"] if fields.pictures else []
    if family in _OGG_FAMILIES:
        ogg = _ogg(path, family)
        pictures = [(_PICTURE_KEY, base64.b64encode(data).decode()) for data in fields.pictures]
        ogg.tags.extend([*_comment_pairs(fields), *pictures])
        ogg.save()
        return _without_comment_name(fields)
    return sorted({*fields.texts, *(["pictures"] if fields.pictures else [])})


def _ogg(path: Path, family: str | None) -> Any:
    from mutagen.oggflac import OggFLAC
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    kinds: dict[str | None, Any] = {"Opus": OggOpus, "Vorbis": OggVorbis, "OggFLAC": OggFLAC}
    return kinds[family](path)


def _comment_pairs(fields: Fields) -> list[tuple[str, str]]:
    """Names and texts as Vorbis comments. Their names are ASCII: accents go, and names with nothing else."""
    named = ((_comment_name(name), texts) for name, texts in fields.texts.items())
    return [(name, text) for name, texts in named if name for text in texts]


def _comment_name(name: str) -> str:
    """A name that a Vorbis comment may have; "" if nothing is left of it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain if " " <= letter <= "}" and letter != "=").strip()


def _without_comment_name(fields: Fields) -> list[str]:
    return [name for name, texts in fields.texts.items() if texts and not _comment_name(name)]


def _read_comments(comments: Any, fields: Fields) -> None:
    for name, text in comments:
        if name.upper() == _PICTURE_KEY:
            _read_picture(text, fields)
        elif name.upper() not in _IGNORED:
            fields.add(name, text)


def _read_picture(text: str, fields: Fields) -> None:
    from mutagen.flac import Picture, error

    try:
        fields.pictures.append(Picture(base64.b64decode(text)).write())
    except (ValueError, error):
        fields.lost.append("a damaged picture")


def _read_id3(tags: Any, fields: Fields) -> None:
    from mutagen.flac import Picture

    for frame in tags.values():
        kind = frame.FrameID
        if kind == "APIC":
            picture = Picture()
            picture.type, picture.mime, picture.desc, picture.data = (
                frame.type,
                frame.mime,
                frame.desc,
                frame.data,
            )
            fields.pictures.append(picture.write())
        elif kind in _FROM_ID3 or kind in ("TXXX", "COMM"):
            # A free text without a description is a comment.
            name = _FROM_ID3.get(kind) or ("COMMENT" if kind == "COMM" else frame.desc or "COMMENT")
            for text in frame.genres if kind == "TCON" else frame.text:
                fields.add(name, str(text))
        elif kind not in _IGNORED:
            fields.lost.append(kind)


def _fill_id3(tags: Any, fields: Fields) -> None:
    from mutagen import id3
    from mutagen.flac import Picture

    for name, texts in fields.texts.items():
        if name == "COMMENT":
            tags.add(id3.COMM(encoding=id3.Encoding.UTF8, lang="XXX", desc="", text=texts))
        elif name in _ID3_FRAMES:
            tags.add(id3.Frames[_ID3_FRAMES[name]](encoding=id3.Encoding.UTF8, text=texts))
        else:
            tags.add(id3.TXXX(encoding=id3.Encoding.UTF8, desc=name, text=texts))
    for data in fields.pictures:
        picture = Picture(data)
        tags.add(
            id3.APIC(
                encoding=id3.Encoding.UTF8,
                mime=picture.mime,
                type=picture.type,
                desc=picture.desc,
                data=picture.data,
            )
        )


def _fill_mp4(tags: Any, fields: Fields) -> None:
    from mutagen.flac import Picture
    from mutagen.mp4 import MP4Cover, MP4FreeForm

    for name, texts in fields.texts.items():
        if name in _MP4_ITEMS:
            tags[_MP4_ITEMS[name]] = texts
        elif name in _MP4_PAIRS and (numbers := _number_pair(texts[0])) is not None:
            tags[_MP4_PAIRS[name]] = [numbers]
        elif texts:
            key = f"----:com.apple.iTunes:{name}".encode().decode("latin-1")  # mutagen's way with UTF-8
            tags[key] = [MP4FreeForm(text.encode()) for text in texts]
    covers = [Picture(data) for data in fields.pictures]
    if covers:
        kinds = {"image/png": MP4Cover.FORMAT_PNG}
        tags["covr"] = [MP4Cover(cover.data, kinds.get(cover.mime, MP4Cover.FORMAT_JPEG)) for cover in covers]


def _number_pair(text: str) -> tuple[int, int] | None:
    """Number and total of a text like 3/12 or 3."""
    parts = text.split("/")
    if not all(part.strip().isdecimal() for part in parts) or len(parts) > 2:
        return None
    numbers = [min(int(part), 65_535) for part in parts]
    return numbers[0], numbers[1] if len(numbers) == 2 else 0


def _read_chunk_fields(path: Path, fields: Fields) -> None:
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
                    elif (name := kind.decode("ascii", "backslashreplace")) not in _IGNORED:
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
        _read_id3(ID3(io.BytesIO(body)), fields)
    except ID3NoHeaderError:
        fields.lost.append("ID3")


def _info_entries(body: bytes, order: str) -> Iterator[tuple[bytes, str]]:
    position = 0
    while position + 8 <= len(body):
        kind, size = struct.unpack_from(f"{order}4sI", body, position)
        yield kind, _decode(body[position + 8 : position + 8 + size])
        position += 8 + size + size % 2


def _write_info(path: Path, fields: Fields) -> list[str]:
    entries = []
    for name, kind in _INFO_FIELDS.items():
        if texts := fields.texts.get(name):
            text = "; ".join(texts).encode() + b"\0"
            entries.append(kind + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2))
    if entries:
        append_chunk(path, b"LIST", b"INFO" + b"".join(entries))
    unknown = sorted(name for name, texts in fields.texts.items() if texts and name not in _INFO_FIELDS)
    return [*unknown, *(["pictures"] if fields.pictures else [])]


def _decode(text: bytes) -> str:
    """Neither format names an encoding: UTF-8 where it fits, else what Windows programs wrote."""
    text = text.rstrip(b"\0")
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")
