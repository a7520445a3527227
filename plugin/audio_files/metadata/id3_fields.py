"""ID3 tags: reading them, and their frames in common terms."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from hushgate.audio_files.limits import MAX_METADATA_BYTES
from hushgate.audio_files.metadata.common_fields import IGNORED, Fields
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
    "COMPILATION": "TCMP",
}
_FROM_ID3 = {frame: name for name, frame in _ID3_FRAMES.items()}


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


def take_id3(tags: Any, fields: Fields) -> None:
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
        elif kind == "USLT":
            fields.add("LYRICS", frame.text)
        elif kind in _FROM_ID3 or kind in ("TXXX", "COMM"):
            # A free text without a description is a comment.
            name = _FROM_ID3.get(kind) or ("COMMENT" if kind == "COMM" else frame.desc or "COMMENT")
            for text in frame.genres if kind == "TCON" else frame.text:
                fields.add(name, str(text))
        elif kind not in IGNORED:
            fields.lost.append(kind)


def fill_id3(tags: Any, fields: Fields) -> None:
    from mutagen import id3
    from mutagen.flac import Picture

    for name, texts in fields.texts.items():
        if name == "COMMENT":
            tags.add(id3.COMM(encoding=id3.Encoding.UTF8, lang="XXX", desc="", text=texts))
        elif name == "LYRICS":
            for number, text in enumerate(texts):
                # Frames of one language differ in their description.
                desc = str(number + 1) if number else ""
                tags.add(id3.USLT(encoding=id3.Encoding.UTF8, lang="XXX", desc=desc, text=text))
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
