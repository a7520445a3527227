"""Sound files read block by block, whole, with exact lengths and channels in one order."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Protocol, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.isolation import can_isolate
from hushgate.audio_files.libsndfile.decode import LibsndfileDecoder, libsndfile_reason
from hushgate.audio_files.scanning.file_region import from_place
from hushgate.audio_files.scanning.sound_parts import SoundPlan, plan_reading
from hushgate.errors import AudioFileError
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE

Block = NDArray[np.float32]


class Decoder(Protocol):
    """What `FileReader` needs of a decoder."""

    format: AudioFormat
    warnings: list[str]

    @property
    def expected_samples(self) -> int | None:
        """An estimate of the length, samples per channel; None where there is none."""

    def blocks(self, block_size: int, start: int = 0) -> Iterator[Block]:
        """Yield float32 (channels, samples) in the order of SPEAKERS, from sample `start` to the end."""

    def close(self) -> None:
        """Give up what it holds."""


class FileReader:
    """Read a sound file, or the sound of a film, block by block.

    libsndfile decodes what it knows; FFmpeg (extra `formats`) the rest. Headers are checked against the
    file: what is there is read whole, also where the header announces less, or where several files were
    joined into one. Everything but PCM, floating point and FLAC is decoded in a process of its own: a decoder
    that crashes over damaged bytes is an error that names the file.

    Args:
        source: A path, or a binary file object that can seek; that is left open.
        allow_truncated: Take what is there of a file that is cut short, and warn.

    Attributes:
        path: The path, or the file object's name.
        format: Sample rate, channels, container, sample format, length.
        expected_samples: The length, or an estimate where only the end of the sound will tell (MP4,
            Matroska), samples per channel; None where there is none.
        warnings: What was wrong and let pass, one sentence each.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: As the system says.
        AudioFileError: Not audio, without sound, cut short, or in need of the extra `formats`.
    """

    format: AudioFormat

    def __init__(self, source: str | os.PathLike[str] | BinaryIO, *, allow_truncated: bool = False) -> None:
        self.warnings: list[str] = []
        self._allow_truncated = allow_truncated
        self._files = contextlib.ExitStack()
        self._status: tuple[tuple[int, ...], ...] | None = None
        if isinstance(source, str | os.PathLike):
            self.path = Path(source)
            # The system's own words for a missing file, a forbidden one, a folder.
            self._file: BinaryIO = self._files.enter_context(self.path.open("rb"))
            self._status = self._current_status()
        else:
            name = getattr(source, "name", None)
            self.path = Path(name if isinstance(name, str) else f"<{type(source).__name__}>")
            self._file = source
        try:
            self._decoder = self._open()
        except BaseException:
            self.close()
            raise
        self.format = self._decoder.format
        self.expected_samples = self._decoder.expected_samples
        self.warnings += self._decoder.warnings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up the file."""
        self._files.close()

    def blocks(self, block_size: int = DEFAULT_BLOCK_SIZE, *, start: int = 0) -> Iterator[Block]:
        """Yield float32 (channels, samples) of at most `block_size` samples, to the end.

        Args:
            block_size: Samples, 1 or more.
            start: Sample to begin with.

        Raises:
            AudioFileError: A part cannot be decoded, the file ends before its announced length, or another
                program changed it meanwhile.
        """
        yield from self._decoder.blocks(block_size, start)
        self.warnings += [w for w in self._decoder.warnings if w not in self.warnings]
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Refuse a file that another program wrote to since it was opened: its parts may not belong together.

        Raises:
            AudioFileError: Size, time of the last change, or the file behind the name is another one.
            FileNotFoundError: It was deleted.
        """
        if self._status is not None and self._current_status() != self._status:
            raise AudioFileError(
                f"{self.path} changed while it was read. Wait until no other program writes to it."
            )

    def _current_status(self) -> tuple[tuple[int, ...], ...]:
        """Identity, size and time of the open file and of what its name leads to."""
        statuses = [os.fstat(self._file.fileno()), os.stat(self.path)]
        return tuple((s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns) for s in statuses)

    def _open(self) -> Decoder:
        file_size = self._file.seek(0, os.SEEK_END)
        if file_size == 0:
            raise AudioFileError(f"{self.path} is empty (0 bytes).")
        suffix = self.path.suffix.lower()
        if suffix == ".raw":
            raise AudioFileError(
                f"{self.path}: raw samples have no header. "
                'Say what they are, with raw="RATE,CHANNELS,FORMAT".'
            )
        try:
            plan = plan_reading(self._file, suffix)
        except AudioFileError as error:
            raise AudioFileError(f"{self.path} {error}.") from error
        by_name = self._status is not None
        if not can_isolate():
            decoder = open_decoder(self._file, self.path, plan, self._allow_truncated, by_name=by_name)
            self._files.callback(decoder.close)
            return decoder
        if plan.is_plain:
            try:
                return LibsndfileDecoder(
                    self._file, self.path, plan, by_name=by_name, allow_truncated=self._allow_truncated
                )
            except soundfile.LibsndfileError as error:
                if not plan.demuxer:
                    raise _not_audio(self.path, error) from error
                plan = replace(plan, parts=[])
        from hushgate.audio_files.isolation.isolated_decoder import IsolatedDecoder

        isolated = IsolatedDecoder(self._file, self.path, plan, self._allow_truncated)
        self._files.callback(isolated.close)
        return isolated


def open_decoder(
    file: BinaryIO, path: Path, plan: SoundPlan, allow_truncated: bool, *, by_name: bool
) -> Decoder:
    """The decoder of a plan, in this process.

    Args:
        file: Open for reading, seekable. Not closed.
        path: What to call it in errors.
        plan: See `plan_reading`.
        allow_truncated: Take what is there of a file that is cut short, and warn.
        by_name: Whether `path` leads to the same file.

    Raises:
        AudioFileError: See `FileReader`.
    """
    if plan.parts:
        try:
            return LibsndfileDecoder(file, path, plan, by_name=by_name, allow_truncated=allow_truncated)
        except soundfile.LibsndfileError as error:
            if not plan.demuxer:
                raise _not_audio(path, error) from error
    from hushgate.audio_files.ffmpeg.decode import FfmpegDecoder

    return FfmpegDecoder(
        from_place(file, plan.start), str(path), plan.demuxer, allow_truncated=allow_truncated
    )


def _not_audio(path: Path, error: soundfile.LibsndfileError) -> AudioFileError:
    return AudioFileError(f"{path} cannot be read as audio{libsndfile_reason(error)}.")
