"""Sound files read block by block, whole, with exact lengths and channels in one order."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.audio_files.channel_layouts import (
    fixed_mask,
    from_stored,
    stored_order,
    usable_mask,
)
from hushgate.audio_files.formats import AudioFormat, native_path
from hushgate.audio_files.limits import MAX_CHANNELS, MAX_SAMPLE_RATE
from hushgate.audio_files.scanning.file_region import FileRegion, from_place
from hushgate.audio_files.scanning.sound_parts import SoundPart, SoundPlan, plan_reading
from hushgate.errors import AudioFileError
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE

_SALVAGE_BLOCK_SIZE = 1024
# libsndfile's number of samples of a file that does not know its own.
_NO_LENGTH = 2**62

Block = NDArray[np.float32]


class Decoder(Protocol):
    """What `FileReader` needs of a decoder other than libsndfile."""

    format: AudioFormat
    warnings: list[str]

    def blocks(self, block_size: int) -> Iterator[Block]:
        """Yield float32 (channels, samples) in the order of SPEAKERS, to the end."""

    def close(self) -> None:
        """Give up what it holds."""


class FileReader:
    """Read a sound file, or the sound of a film, block by block.

    libsndfile decodes what it knows; FFmpeg (extra `formats`) the rest. Headers are checked against the
    file: what is there is read whole, also where the header announces less, or where several files were
    joined into one.

    Args:
        source: A path, or a binary file object that can seek; that is left open.
        allow_truncated: Take what is there of a file that is cut short, and warn.

    Attributes:
        path: The path, or the file object's name.
        format: Sample rate, channels, container, sample format, length.
        warnings: What was wrong and let pass, one sentence each.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: As the system says.
        AudioFileError: Not audio, without sound, cut short, or in need of the extra `formats`.
    """

    format: AudioFormat

    def __init__(self, source: str | os.PathLike[str] | BinaryIO, *, allow_truncated: bool = False) -> None:
        self.warnings: list[str] = []
        self._allow_truncated = allow_truncated
        self._decoder: Decoder | None = None
        self._plan = SoundPlan()
        self._files = contextlib.ExitStack()
        self._is_path = isinstance(source, str | os.PathLike)
        if isinstance(source, str | os.PathLike):
            self.path = Path(source)
            # The system's own words for a missing file, a forbidden one, a folder.
            self._file: BinaryIO = self._files.enter_context(self.path.open("rb"))
        else:
            name = getattr(source, "name", None)
            self.path = Path(name if isinstance(name, str) else f"<{type(source).__name__}>")
            self._file = source
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up the file."""
        if self._decoder is not None:
            self._decoder.close()
        self._files.close()

    def blocks(self, block_size: int = DEFAULT_BLOCK_SIZE, *, start: int = 0) -> Iterator[Block]:
        """Yield float32 (channels, samples) of at most `block_size` samples, to the end.

        Args:
            block_size: Samples, 1 or more.
            start: Sample to begin with.

        Raises:
            AudioFileError: A part cannot be decoded, or the file ends before its announced length.
        """
        if self._decoder is not None:
            yield from _without_first(self._decoder.blocks(block_size), start)
            self.warnings += [w for w in self._decoder.warnings if w not in self.warnings]
            return
        order = stored_order(self.format.container, self.format.subtype, self.format.num_channels)
        if len(self._plan.parts) == 1:
            decoded = self._decode(self._plan.parts[0], block_size, start)
        else:
            parts = (self._decode(part, block_size, 0) for part in self._plan.parts)
            decoded = _without_first((block for part in parts for block in part), start)
        for block in decoded:
            yield from_stored(block, order)

    def _open(self) -> None:
        file_size = self._file.seek(0, os.SEEK_END)
        if file_size == 0:
            raise AudioFileError(f"{self.path} is empty (0 bytes).")
        suffix = self.path.suffix.lower()
        if suffix == ".raw":
            raise AudioFileError(
                f"{self.path}: raw samples have no header. Say what they are with --raw RATE,CHANNELS,FORMAT."
            )
        try:
            self._plan = plan_reading(self._file, suffix)
        except AudioFileError as error:
            raise AudioFileError(f"{self.path} {error}.") from error
        if not self._plan.parts:
            self._open_ffmpeg()
            return
        # Before libsndfile opens the file: its MP3 decoder prints to standard error.
        if self._plan.shortfall:
            self._report_truncated(f"{self.path} is cut short: {self._plan.shortfall}")
        try:
            self.format = self._inspect(file_size)
        except soundfile.LibsndfileError as error:
            if not self._plan.demuxer:
                raise AudioFileError(f"{self.path} cannot be read as audio{_detail(error)}.") from error
            self._open_ffmpeg()
        self.warnings += [f"{self.path}: {warning}." for warning in self._plan.warnings]

    def _open_ffmpeg(self) -> None:
        from hushgate.audio_files.ffmpeg.decode import FfmpegDecoder

        self._decoder = FfmpegDecoder(
            from_place(self._file, self._plan.start),
            str(self.path),
            self._plan.demuxer,
            allow_truncated=self._allow_truncated,
        )
        self.format = self._decoder.format
        self.warnings += self._decoder.warnings

    def _inspect(self, file_size: int) -> AudioFormat:
        plan = self._plan
        total: int | None = 0
        for part in plan.parts:
            with self._sound_file(part) as file:
                length = _length(file, part)
                total = None if total is None or length is None else total + length
        container, subtype = plan.container or file.format, plan.subtype or file.subtype
        if total == 0:
            raise AudioFileError(
                f"{self.path} holds no sound (its header announces 0 samples in {file_size} bytes)."
            )
        if file.channels > MAX_CHANNELS or file.samplerate > MAX_SAMPLE_RATE:
            raise AudioFileError(
                f"{self.path} must have at most {MAX_CHANNELS} channels and {MAX_SAMPLE_RATE} Hz "
                f"(got {file.channels} and {file.samplerate})."
            )
        mask = usable_mask(plan.channel_mask, file.channels)
        if container == "FLAC":
            mask = self._flac_mask(file.channels)
        mask = mask or fixed_mask(container, subtype, file.channels)
        return AudioFormat(file.samplerate, file.channels, total, container, subtype, file.endian, mask)

    def _flac_mask(self, num_channels: int) -> int | None:
        """Loudspeakers from the comment of RFC 9639, section 8.6.2; the header cannot name them."""
        if num_channels < 3:
            return None
        from mutagen import MutagenError
        from mutagen.flac import FLAC

        try:
            self._file.seek(0)
            tags: Any = FLAC(fileobj=self._file).tags or {}
            values = tags.get("WAVEFORMATEXTENSIBLE_CHANNEL_MASK", [])
            return usable_mask(int(values[0], 16), num_channels) if values else None
        except (MutagenError, ValueError, OSError):
            return None

    def _sound_file(self, part: SoundPart) -> soundfile.SoundFile:
        if part.is_file and self._is_path:
            return _ForwardFile(native_path(self.path))
        region = FileRegion(
            self._file, part.start, part.size, part.prefix, pattern=part.pattern, num_behind=part.num_behind
        )
        return _ForwardFile(region)

    def _decode(self, part: SoundPart, block_size: int, start: int) -> Iterator[Block]:
        """Yield the blocks of one part, with its length checked."""
        with self._sound_file(part) as file:
            expected = _length(file, part)
            num_read = _skip(file, start, block_size)
            failed = ""
            try:
                while len(block := file.read(block_size, dtype="float32", always_2d=True)):
                    yield from _cut(np.ascontiguousarray(block.T), num_read, expected)
                    num_read += len(block)
                    if expected is not None and num_read >= expected:
                        break
            except soundfile.LibsndfileError as error:
                failed = _detail(error)
                if not self._allow_truncated:
                    self._report_truncated(f"{self.path} is damaged or cut short{failed}")
                for block in self._salvage(part, num_read):
                    yield block
                    num_read += block.shape[1]
        if failed or (expected is not None and num_read < expected):
            self._report_truncated(
                f"{self.path} is damaged or cut short after {num_read} of {expected} samples{failed}"
            )

    def _salvage(self, part: SoundPart, num_skipped: int) -> Iterator[Block]:
        """What can be decoded after `num_skipped` samples, from a second look in small steps.

        A block in which the decoder fails is lost as a whole, so these are small.
        """
        with self._sound_file(part) as file, contextlib.suppress(soundfile.LibsndfileError):
            while len(block := file.read(_SALVAGE_BLOCK_SIZE, dtype="float32", always_2d=True)):
                if num_skipped < len(block):
                    yield np.ascontiguousarray(block[num_skipped:].T)
                num_skipped = max(0, num_skipped - len(block))

    def _report_truncated(self, message: str) -> None:
        if not self._allow_truncated:
            raise AudioFileError(
                f"{message}. Pass --allow-truncated (allow_truncated=True) to take what is there."
            )
        self.warnings.append(f"{message}.")


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that is read from front to back.

    soundfile seeks before and after each read of a file that can; decoders of compressed sound then start
    anew, and cannot where the header does not know the length.
    """

    def seekable(self) -> bool:
        """False."""
        return False


def _length(file: soundfile.SoundFile, part: SoundPart) -> int | None:
    """Samples per channel of a part; None where only the decoder will know."""
    length: int | None = file.frames if file.frames < _NO_LENGTH else None
    if part.num_samples is None:
        return length
    if part.max_padding and length is not None and not 0 <= length - part.num_samples < part.max_padding:
        return length
    return part.num_samples


def _skip(file: soundfile.SoundFile, num_samples: int, block_size: int) -> int:
    """Leave out samples at the beginning; the number that was left out."""
    num_read = 0
    while num_read < num_samples:
        read = len(file.read(min(block_size, num_samples - num_read), dtype="float32", always_2d=True))
        if read == 0:
            break
        num_read += read
    return num_read


def _cut(block: Block, num_before: int, expected: int | None) -> Iterator[Block]:
    """A block without what lies beyond the expected length."""
    if expected is not None and num_before + block.shape[1] > expected:
        block = block[:, : max(0, expected - num_before)]
    if block.shape[1]:
        yield block


def _without_first(blocks: Iterator[Block], num_samples: int) -> Iterator[Block]:
    for block in blocks:
        if num_samples < block.shape[1]:
            yield block[:, num_samples:] if num_samples else block
        num_samples = max(0, num_samples - block.shape[1])


def _detail(error: soundfile.LibsndfileError) -> str:
    text = (error.error_string or "").removeprefix("Error : ").rstrip(".")
    return f" ({text[0].lower()}{text[1:]})" if text else ""
