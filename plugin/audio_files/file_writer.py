"""Sound files written block by block, under a temporary name until they are complete."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.audio_files.atomic_write import PART_PREFIX, AtomicFile
from hushgate.audio_files.dither import Quantizer
from hushgate.audio_files.formats import AudioFormat, count_clipped, native_path
from hushgate.audio_files.reproducible_bytes import settle
from hushgate.errors import AudioFileError

# Compressed formats lose something once more: at these settings (MP3 V0, Vorbis quality 8, Opus at
# 128 kbit/s per channel) it cannot be heard. 0.0 is the largest file, 1.0 the smallest.
_COMPRESSION_LEVELS = {"MPEG_LAYER_III": 0.0, "VORBIS": 0.2, "OPUS": 0.5}


class FileWriter:
    """Write a sound file block by block under a temporary name; give it its own at the end.

    Use it in a `with` statement: leaving it normally puts the file in place in one step, leaving
    it by an exception (Ctrl-C too) removes what was written. Equal sound under an equal name gives
    equal bytes.

    Args:
        path: Where to put the file. A link is followed.
        form: What to write.
        overwrite: Replace a file that is there.
        dither_seed: Dither PCM of 8 to 24 bits, from this start of the random sequence. None rounds.
        finish: Called with the path of the complete file before it gets its name: the place to add
            tags. What it raises ends the writing.
        part_prefix: How the temporary name begins, for who has to clean up after a crash.

    Attributes:
        num_clipped: Samples so far that did not fit the sample format and were limited.
        warnings: What else the user should know, one sentence each; for `finish` to add to.

    Raises:
        FileExistsError: There is a file and `overwrite` is False.
        OSError: The folder is missing or not writable, or the target is not a file.
        AudioFileError: The container cannot hold this form.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        form: AudioFormat,
        *,
        overwrite: bool = False,
        dither_seed: int | None = None,
        finish: Callable[[Path], None] | None = None,
        part_prefix: str = PART_PREFIX,
    ) -> None:
        self.path = Path(path)
        self.format = form
        self.num_clipped = 0
        self.warnings: list[str] = []
        self._num_written = 0
        self._quantize = Quantizer(form.subtype, dither_seed=dither_seed)
        self._finish = finish
        # Made here and not by soundfile: the system's own errors, and the user's usual permissions.
        self._atomic = AtomicFile(self.path, overwrite=overwrite, part_prefix=part_prefix)
        try:
            self._file = soundfile.SoundFile(
                native_path(self._atomic.part),
                "w",
                samplerate=form.sample_rate,
                channels=form.num_channels,
                format=form.container,
                subtype=form.subtype,
                endian=form.endian,
                compression_level=_COMPRESSION_LEVELS.get(form.subtype),
            )
        except BaseException as error:
            self._atomic.discard()
            if isinstance(error, soundfile.LibsndfileError | ValueError):
                raise AudioFileError(
                    f"{self.path} cannot be written as {form}. Choose another extension or --subtype."
                ) from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._close()
            if kind is None:
                self._complete()
                self._atomic.commit()
        finally:
            self._atomic.discard()

    def write(self, block: NDArray[np.float32]) -> None:
        """Append float32 (channels, samples).

        Raises:
            OSError: The disk is full or fails.
        """
        self.num_clipped += count_clipped(block, self.format.subtype)
        try:
            self._file.write(self._quantize(block).T)
        except (soundfile.LibsndfileError, AssertionError) as error:  # soundfile asserts a full write
            raise self._write_error() from error
        self._num_written += block.shape[1]

    def _close(self) -> None:
        try:
            self._file.close()
        except soundfile.LibsndfileError as error:
            raise self._write_error() from error

    def _complete(self) -> None:
        part = self._atomic.part
        self._check_complete()
        if self._finish is not None:
            self._finish(part)
        settle(part, self.format.container, self._atomic.target.name)
        self._check_complete()

    def _check_complete(self) -> None:
        # libsndfile does not report every failed write: what was written must be there.
        try:
            num_found = soundfile.info(native_path(self._atomic.part)).frames
        except soundfile.LibsndfileError as error:
            raise self._write_error() from error
        if num_found < self._num_written:
            raise self._write_error()

    def _write_error(self) -> OSError:
        free = os.statvfs(self._atomic.target.parent).f_bavail if hasattr(os, "statvfs") else 1
        code = errno.EIO if free else errno.ENOSPC
        return OSError(code, os.strerror(code), str(self.path))
