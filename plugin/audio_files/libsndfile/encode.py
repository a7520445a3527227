"""Sound written by libsndfile."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.channel_layouts import stored_order, to_stored
from hushgate.audio_files.libsndfile.native_path import native_path
from hushgate.errors import AudioFileError

# At these settings (MP3 V0, Vorbis quality 8, Opus at 128 kbit/s per channel) a second coding cannot be
# heard. 0.0 is the largest file, 1.0 the smallest.
_COMPRESSION_LEVELS = {"MPEG_LAYER_III": 0.0, "VORBIS": 0.2, "OPUS": 0.5}

# libvorbis puts a whole block on the stack.
_MAX_BLOCK_SIZE = 2**16
# More than a block of any file system, whose rest would take a few bytes on a full disk.
_PROBE_BYTES = 2**18

Block = NDArray[np.float32]


class LibsndfileEncoder:
    """Write sound to a file.

    Args:
        part: The file that is written.
        path: What to call it in errors.
        target: What to write.

    Attributes:
        warnings: None so far.

    Raises:
        AudioFileError: The format cannot be written.
    """

    def __init__(self, part: Path, path: Path, target: AudioFormat) -> None:
        self.warnings: list[str] = []
        self._part = part
        self._path = path
        self._order = stored_order(target.container, target.subtype, target.num_channels)
        try:
            self._file = soundfile.SoundFile(
                native_path(part),
                "w",
                samplerate=target.sample_rate,
                channels=target.num_channels,
                format=target.container,
                subtype=target.subtype,
                endian=target.endian,
                compression_level=_COMPRESSION_LEVELS.get(target.subtype),
            )
        except (soundfile.LibsndfileError, ValueError) as error:
            raise AudioFileError(
                f"{path} cannot be written as {target}. Choose another subtype=... or extension."
            ) from error

    def write(self, block: Block) -> None:
        """Append float32 (channels, samples), in the order of SPEAKERS."""
        try:
            for start in range(0, block.shape[1], _MAX_BLOCK_SIZE):
                part = block[:, start : start + _MAX_BLOCK_SIZE]
                self._file.write(to_stored(part, self._order).T)
        except (soundfile.LibsndfileError, AssertionError) as error:  # soundfile asserts a full write
            raise write_error(self._path, self._part) from error

    def close(self) -> None:
        """Finish the file."""
        try:
            self._file.close()
        except soundfile.LibsndfileError as error:
            raise write_error(self._path, self._part) from error

    abort = close


def inspect(path: Path) -> tuple[int, int, int] | None:
    """Sample rate, channels and samples per channel, as libsndfile reads them; None if it does not."""
    try:
        info = soundfile.info(native_path(path))
    except soundfile.LibsndfileError:
        return None
    return info.samplerate, info.channels, info.frames


def is_full(path: Path) -> bool:
    """Whether the disk that holds a file has no space left."""
    return hasattr(os, "statvfs") and os.statvfs(path.resolve().parent).f_bavail == 0


def write_error(path: Path, part: Path | None = None) -> OSError:
    """The reason for a failed write, which libsndfile does not say.

    Args:
        path: What to call the file.
        part: The file itself, which is of no use any more: another write to it fails for the same reason.
    """
    code = errno.ENOSPC if is_full(path) else errno.EIO
    try:
        if part is not None:
            with part.open("ab") as file:
                file.write(bytes(_PROBE_BYTES))
    except OSError as error:
        code = error.errno or code
    return OSError(code, os.strerror(code), str(path))
