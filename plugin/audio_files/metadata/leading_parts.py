"""Texts, chapters and pictures that a film container must have before the sound."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from hushgate.audio_files.excerpt import Excerpt
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.containers import FFMPEG_SUBTYPES
from hushgate.audio_files.metadata.common_fields import Chapter
from hushgate.audio_files.metadata.copying import DAMAGE, family
from hushgate.audio_files.metadata.fields import FFMPEG_FAMILIES, read_fields
from hushgate.audio_files.metadata.tag_source import tag_source
from hushgate.errors import AudioFileError

# Chapters that end later are damaged.
_LONGEST_S = 1e9


@dataclass(frozen=True)
class LeadingParts:
    """What is written in front of the sound.

    Attributes:
        texts: By name, for Matroska and WebM.
        chapters: In the time of the output.
        pictures: FLAC picture blocks, as bytes.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    chapters: tuple[Chapter, ...] = ()
    pictures: tuple[bytes, ...] = ()


def read_leading_parts(
    tags_from: str | os.PathLike[str] | BinaryIO | None,
    source: AudioFormat,
    excerpt: Excerpt | None,
    target: AudioFormat,
) -> LeadingParts:
    """The chapters of a sound file and, for Matroska and WebM, its texts and pictures; nothing for others.

    Args:
        tags_from: The input, None where nothing is carried over.
        source: Its format.
        excerpt: The part of the recording that is written: chapters move with it.
        target: What will be written.
    """
    from mutagen import MutagenError

    is_matroska = family(target) == "Matroska"
    is_needed = family(source) in FFMPEG_FAMILIES or is_matroska
    if target.container not in FFMPEG_SUBTYPES or not is_needed:
        return LeadingParts()
    with tag_source(tags_from) as file:
        if file is None:
            return LeadingParts()
        try:
            fields = read_fields(file, family(source))
        except (MutagenError, AudioFileError, *DAMAGE):  # `copy_metadata` says so at the end
            return LeadingParts()
    chapters = tuple(_moved(fields.chapters, excerpt or Excerpt()))
    if not is_matroska:
        return LeadingParts(chapters=chapters)
    texts = {name: "; ".join(values) for name, values in fields.texts.items()}
    return LeadingParts(texts, chapters, tuple(fields.pictures))


def _moved(chapters: Iterable[Chapter], excerpt: Excerpt) -> Iterator[Chapter]:
    """Chapters in the time of an excerpt and in order, without those that end before they start."""
    start = excerpt.start_s
    end = _LONGEST_S if excerpt.end_s is None else excerpt.end_s
    for chapter in sorted(chapters):
        first, last = max(chapter.start_s, start), min(chapter.end_s, end)
        is_mark = chapter.start_s == chapter.end_s and start <= chapter.start_s < end
        if first < last or is_mark:
            yield Chapter(first - start, last - start, chapter.title)
