"""Tags and markers on their way from an input to its output."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from hushgate.audio_files.excerpt import Excerpt
from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.metadata.copying import copy_metadata
from hushgate.audio_files.metadata.leading_parts import LeadingParts, read_leading_parts
from hushgate.audio_files.metadata.positions import shift_positions
from hushgate.audio_files.metadata.tag_source import tag_source


class MetadataCarrier:
    """Carry tags and markers over.

    Args:
        tags_from: The input, None where nothing is carried over.
        source: Format of the input.
        excerpt: The part of the recording that is written; None, or one from beginning to end, for all of it.
    """

    def __init__(
        self,
        tags_from: str | os.PathLike[str] | BinaryIO | None,
        source: AudioFormat,
        excerpt: Excerpt | None,
    ) -> None:
        self._tags_from = tags_from
        self._source = source
        self._excerpt = None if excerpt == Excerpt() else excerpt

    def leading_parts(self, target: AudioFormat) -> LeadingParts:
        """What must be written before the sound."""
        return read_leading_parts(self._tags_from, self._source, self._excerpt, target)

    def finish(self, part: Path, writer: FileWriter) -> None:
        """Give the complete file what belongs to it; the writer warns of what could not be kept."""
        with tag_source(self._tags_from) as file:
            lost = [] if file is None else copy_metadata(file, self._source, part, writer.format)
        if self._excerpt is not None:
            start = round(self._excerpt.start_s * self._source.sample_rate)
            lost += shift_positions(part, writer.format.container, start, writer.num_written)
        writer.warnings += [f"{writer.path}: {message}" for message in lost]
