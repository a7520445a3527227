"""Read and write sound files block by block; nothing half-written ever bears a final name."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.audio_files.dither import Quantizer
from hushgate.audio_files.formats import DEFAULT_BLOCK_SIZE, AudioFormat, count_clipped
from hushgate.audio_files.reproducible_bytes import settle
from hushgate.audio_files.truncation import find_mp3_truncation, find_truncation, is_hopeless_mp3
from hushgate.errors import AudioFileError

# Compressed formats lose something once more: at these settings (MP3 V0, Vorbis quality 8, Opus at
# 128 kbit/s per channel) it cannot be heard. 0.0 is the largest file, 1.0 the smallest.
_COMPRESSION_LEVELS = {"MPEG_LAYER_III": 0.0, "VORBIS": 0.2, "OPUS": 0.5}
_SALVAGE_BLOCK_SIZE = 1024
PART_PREFIX, PART_SUFFIX = ".hushgate-", ".part"


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
            self._file = soundfile.SoundFile(_native(self.path))
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
        with soundfile.SoundFile(_native(self.path)) as file, contextlib.suppress(soundfile.LibsndfileError):
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
        self._overwrite = overwrite
        self._quantize = Quantizer(form.subtype, dither_seed=dither_seed)
        self._finish = finish
        self._target = Path(os.path.realpath(self.path))
        check_target(self.path, overwrite=overwrite)
        self._part = self._target.parent / f"{part_prefix}{secrets.token_hex(6)}{PART_SUFFIX}"
        # Made here and not by soundfile: the kernel's own errors, and the user's usual permissions.
        try:
            os.close(os.open(self._part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        try:
            self._file = soundfile.SoundFile(
                _native(self._part),
                "w",
                samplerate=form.sample_rate,
                channels=form.num_channels,
                format=form.container,
                subtype=form.subtype,
                endian=form.endian,
                compression_level=_COMPRESSION_LEVELS.get(form.subtype),
            )
        except BaseException as error:
            self._part.unlink()
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
                self._commit()
        finally:
            self._part.unlink(missing_ok=True)

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

    def _commit(self) -> None:
        self._check_complete()
        if self._finish is not None:
            self._finish(self._part)
        settle(self._part, self.format.container, self._target.name)
        self._check_complete()
        with self._part.open("rb+") as written:
            os.fsync(written.fileno())
        check_target(self.path, overwrite=self._overwrite)
        os.replace(self._part, self._target)
        _sync_folder(self._target.parent)

    def _check_complete(self) -> None:
        # libsndfile does not report every failed write: what was written must be there.
        try:
            num_found = soundfile.info(_native(self._part)).frames
        except soundfile.LibsndfileError as error:
            raise self._write_error() from error
        if num_found < self._num_written:
            raise self._write_error()

    def _write_error(self) -> OSError:
        free = os.statvfs(self._target.parent).f_bavail if hasattr(os, "statvfs") else 1
        code = errno.EIO if free else errno.ENOSPC
        return OSError(code, os.strerror(code), str(self.path))


def check_target(path: Path, *, overwrite: bool) -> None:
    """Refuse a target that cannot or must not be written, before any work is done.

    Raises:
        FileExistsError: There is a file and `overwrite` is False.
        OSError: A folder, a device or a pipe; or its folder is missing or not writable.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder, not a file", str(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "is not a regular file (use - for a pipe)", str(path))
    if target.exists() and not overwrite:
        raise FileExistsError(errno.EEXIST, "exists already (pass --overwrite to replace it)", str(path))
    folder = target.parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"the folder {folder} does not exist", str(path))
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, f"the folder {folder} is not writable", str(path))


def _native(path: Path) -> str | bytes:
    """A path as soundfile wants it, which does not encode names that are not valid text."""
    return os.fsencode(path) if os.name == "posix" else str(path)


def _detail(error: soundfile.LibsndfileError) -> str:
    text = (error.error_string or "").removeprefix("Error : ").rstrip(".")
    return f" ({text[0].lower()}{text[1:]})" if text else ""


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Some file systems and Windows cannot; then it is as durable as theirs."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
