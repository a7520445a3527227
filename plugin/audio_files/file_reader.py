"""Sound files read block by block."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.audio_files.formats import AudioFormat, native_path
from hushgate.audio_files.truncation import find_mp3_truncation, find_truncation, is_hopeless_mp3
from hushgate.errors import AudioFileError
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE

_SALVAGE_BLOCK_SIZE = 1024


class FileReader:
    """Read a sound file block by block.

    Args:
        path: Anything that libsndfile reads.
        allow_truncated: Take what is there of a file that is cut short, and warn.

    Attributes:
        format: Sample rate, channels, container, sample format, length.
        warnings: What was wrong and let pass, one sentence each.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: As the system says.
        AudioFileError: Not audio, without sound, or cut short.
    """

    def __init__(self, path: str | os.PathLike[str], *, allow_truncated: bool = False) -> None:
        self.path = Path(path)
        self.warnings: list[str] = []
        self._allow_truncated = allow_truncated
        with self.path.open("rb") as probe:  # the system's own words for missing, forbidden, a folder
            file_size = os.fstat(probe.fileno()).st_size
        if file_size == 0:
            raise AudioFileError(f"{self.path} is empty (0 bytes).")
        if self.path.suffix.lower() == ".raw":
            raise AudioFileError(f"{self.path}: raw samples have no header. Convert them to .wav first.")
        # Both before libsndfile opens the file, because its MP3 decoder prints to standard error.
        if is_hopeless_mp3(self.path):
            raise AudioFileError(f"{self.path} cannot be read as audio (format not recognised).")
        if shortfall := find_mp3_truncation(self.path):
            self._report_truncated(f"{self.path} is cut short: {shortfall}")
        try:
            self._file = soundfile.SoundFile(native_path(self.path))
        except soundfile.LibsndfileError as error:
            raise AudioFileError(f"{self.path} cannot be read as audio{_detail(error)}.") from error
        try:
            self.format = self._inspect(file_size)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def blocks(self, block_size: int = DEFAULT_BLOCK_SIZE) -> Iterator[NDArray[np.float32]]:
        """Yield float32 (channels, samples) of at most `block_size` samples, to the end.

        Raises:
            AudioFileError: A part cannot be decoded, or the file ends before its announced length.
        """
        num_read = 0
        failed = ""
        try:
            for block in self._read(self._file, block_size):
                num_read += block.shape[1]
                yield block
        except soundfile.LibsndfileError as error:
            failed = _detail(error)
            if not self._allow_truncated:
                self._report_truncated(f"{self.path} is damaged or cut short{failed}")
            for block in self._salvage(num_read):
                num_read += block.shape[1]
                yield block
        expected = self.format.num_samples
        if failed or (expected is not None and num_read < expected):
            self._report_truncated(
                f"{self.path} is damaged or cut short after {num_read} of {expected} samples{failed}"
            )

    @staticmethod
    def _read(file: soundfile.SoundFile, block_size: int) -> Iterator[NDArray[np.float32]]:
        while len(block := file.read(block_size, dtype="float32", always_2d=True)):
            yield np.ascontiguousarray(block.T)

    def _salvage(self, num_skipped: int) -> Iterator[NDArray[np.float32]]:
        """What can be decoded after `num_skipped` samples, from a second look in small steps.

        A block in which the decoder fails is lost as a whole, so these are small.
        """
        with (
            soundfile.SoundFile(native_path(self.path)) as file,
            contextlib.suppress(soundfile.LibsndfileError),
        ):
            for block in self._read(file, _SALVAGE_BLOCK_SIZE):
                if num_skipped < block.shape[1]:
                    yield block[:, num_skipped:]
                num_skipped = max(0, num_skipped - block.shape[1])

    def _inspect(self, file_size: int) -> AudioFormat:
        file = self._file
        if file.frames == 0:
            raise AudioFileError(
                f"{self.path} holds no sound (its header announces 0 samples in {file_size} bytes)."
            )
        if shortfall := find_truncation(file, self.path):
            self._report_truncated(f"{self.path} is cut short: {shortfall}")
        length = file.frames if file.frames < 2**62 else None  # FLAC from a pipe does not know its own
        return AudioFormat(file.samplerate, file.channels, length, file.format, file.subtype, file.endian)

    def _report_truncated(self, message: str) -> None:
        if not self._allow_truncated:
            raise AudioFileError(
                f"{message}. Pass --allow-truncated (allow_truncated=True) to take what is there."
            )
        self.warnings.append(f"{message}.")


def _detail(error: soundfile.LibsndfileError) -> str:
    text = (error.error_string or "").removeprefix("Error : ").rstrip(".")
    return f" ({text[0].lower()}{text[1:]})" if text else ""
