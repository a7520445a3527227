"""Files that the caller opened, with soundfile or pedalboard, as sources and sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE

# pedalboard names sample formats as numpy does.
_SUBTYPES = {"int8": "PCM_S8", "int16": "PCM_16", "int24": "PCM_24", "int32": "PCM_32", "float64": "DOUBLE"}


class HandleReader:
    """Read an open file from its current position; it stays open.

    Args:
        handle: A `soundfile.SoundFile` or a `pedalboard.io.AudioFile`.

    Attributes:
        format: Format of the file; the length is what is left of it.
        warnings: None: always empty.

    Raises:
        TypeError: `handle` is neither.
    """

    def __init__(self, handle: Any) -> None:
        self.format = _handle_format("input", handle)
        self.warnings: list[str] = []
        self._handle = handle

    def blocks(self, block_size: int = DEFAULT_BLOCK_SIZE) -> Iterator[NDArray[np.float32]]:
        """Yield float32 (channels, samples) of at most `block_size` samples, to the end."""
        while True:
            if isinstance(self._handle, soundfile.SoundFile):
                samples = self._handle.read(block_size, dtype="float32", always_2d=True)
                block = np.ascontiguousarray(samples.T)
            else:
                block = self._handle.read(block_size)
            if block.shape[1] == 0:
                return
            yield block


def handle_writer(handle: Any, source: AudioFormat) -> Callable[[NDArray[np.float32]], None]:
    """A function that appends float32 (channels, samples) to an open file.

    Args:
        handle: A `soundfile.SoundFile` or a `pedalboard.io.AudioFile`, open for writing.
        source: Format of what will be written.

    Raises:
        TypeError: `handle` is neither.
        ValueError: It has another sample rate or number of channels than `source`.
    """
    target = _handle_format("output", handle)
    for name in ("sample_rate", "num_channels"):
        wanted, given = getattr(source, name), getattr(target, name)
        if wanted != given:
            raise ValueError(f"output must have the {name} of the input, {wanted} (got {given}).")
    if isinstance(handle, soundfile.SoundFile):
        return lambda block: handle.write(block.T)

    def write(block: NDArray[np.float32]) -> None:
        # pedalboard cannot tell channels from samples in a square block, so write it in two parts.
        for part in np.split(block, [1], axis=1) if block.shape[0] == block.shape[1] > 1 else [block]:
            handle.write(part)

    return write


def _handle_format(name: str, handle: Any) -> AudioFormat:
    if isinstance(handle, soundfile.SoundFile):
        num_left = handle.frames - handle.tell() if handle.seekable() else None
        return AudioFormat(
            handle.samplerate, handle.channels, num_left, handle.format, handle.subtype, handle.endian
        )
    from pedalboard import io as pedalboard_io

    if isinstance(handle, pedalboard_io.AudioFile):
        file: Any = handle  # pedalboard's stubs type the base class, which has none of these
        subtype = _SUBTYPES.get(file.file_dtype, "FLOAT")
        num_left = file.frames - file.tell()
        return AudioFormat(int(file.samplerate), file.num_channels, num_left, "WAV", subtype)
    raise TypeError(
        f"{name} must be a path, a soundfile.SoundFile or a pedalboard.io.AudioFile (got {handle!r})."
    )
