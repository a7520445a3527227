"""Binary file objects as sinks: the complete file is written to them at the end."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.audio_protocols import AudioWriter
from hushgate.audio_files.dither import dither_seed_for
from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.containers import suffix_of, writable_suffix
from hushgate.audio_files.formats.output_format import output_format
from hushgate.audio_files.metadata.metadata_carrier import MetadataCarrier


class _ObjectWriter:
    """A binary file object as a sink: a file in a temporary folder, copied when it is complete."""

    def __init__(self, file: BinaryIO, folder: str, writer: FileWriter) -> None:
        self._file = file
        self._folder = folder
        self._writer = writer
        self.format = writer.format
        self.warnings = writer.warnings

    @property
    def num_clipped(self) -> int:
        """See `AudioWriter`; the last of them come with `complete`."""
        return self._writer.num_clipped

    def write(self, block: NDArray[np.float32]) -> None:
        """Append float32 (channels, samples)."""
        self._writer.write(block)

    def complete(self) -> None:
        """See `AudioWriter`."""
        self._writer.complete()

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: Any) -> None:
        try:
            self._writer.__exit__(kind, *details)
            if kind is None:
                with self._writer.path.open("rb") as done:
                    shutil.copyfileobj(done, self._file)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def open_object(
    file: BinaryIO,
    source: AudioFormat,
    carrier: MetadataCarrier,
    *,
    subtype: str | None,
    dither: bool,
) -> AbstractContextManager[AudioWriter]:
    """A context manager that writes to a file object, in the container of its name's extension.

    Args:
        file: Open for writing bytes; it need not seek.
        source: Format of the input; without an extension its container, if it can be written.
        carrier: Brings tags and markers.
        subtype: soundfile's name of a sample format to use instead of the source's.
        dither: Add dither where samples get shorter.

    Raises:
        OSError, AudioFileError: See `FileWriter`.
    """
    name = getattr(file, "name", None)
    suffix = Path(name).suffix if isinstance(name, str) else ""
    if not suffix:  # the source's own container, if it can be written
        suffix = writable_suffix(source, Path(f"output{suffix_of(source)}"))
    folder = tempfile.mkdtemp(prefix="hushgate-")
    try:
        target = Path(folder) / f"output{suffix}"
        format = output_format(source, target if not name else None, target, subtype)
        seed = dither_seed_for(source.subtype, format.subtype, target.name) if dither else None
        writer = FileWriter(
            target,
            format,
            dither_seed=seed,
            source_rate=source.sample_rate,
            finish=lambda part: carrier.finish(part, writer),
            parts=carrier.leading_parts(format),
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _ObjectWriter(file, folder, writer)
