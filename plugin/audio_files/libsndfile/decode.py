"""Sound decoded by libsndfile, part by part, with exact lengths and channels in one order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.channel_layouts import fixed_mask, from_stored, stored_order, usable_mask
from hushgate.audio_files.libsndfile.native_path import native_path
from hushgate.audio_files.limits import describe_within, is_within
from hushgate.audio_files.scanning.file_region import FileRegion
from hushgate.audio_files.scanning.sound_parts import SoundPart, SoundPlan
from hushgate.errors import AudioFileError
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE

# A block in which the decoder fails is lost as a whole, so they get smaller towards that place.
_SALVAGE_BLOCK_SIZES = (1024, 64, 1)
# libsndfile's number of samples of a file that does not know its own.
_NO_LENGTH = 2**62

Block = NDArray[np.float32]


class LibsndfileDecoder:
    """Decode the parts of a plan, one after the other.

    Args:
        file: Open for reading, seekable. Not closed.
        path: What to call it in errors.
        plan: See `plan_reading`; with parts.
        by_name: Let libsndfile open `path` itself where a part is the whole file.
        allow_truncated: Take what is there of sound that is cut short, and warn.

    Attributes:
        format: Sample rate, channels, container, sample format, length.
        warnings: What was wrong and let pass, one sentence each.

    Raises:
        soundfile.LibsndfileError: Nothing that libsndfile knows.
        AudioFileError: Without sound, or cut short.
    """

    def __init__(
        self, file: BinaryIO, path: Path, plan: SoundPlan, *, by_name: bool, allow_truncated: bool
    ) -> None:
        self.warnings: list[str] = []
        self._file = file
        self._path = path
        self._plan = plan
        self._by_name = by_name
        self._allow_truncated = allow_truncated
        # Before libsndfile opens the file: its MP3 decoder prints to standard error.
        if plan.shortfall:
            self._report_truncated(f"{path} is cut short: {plan.shortfall}")
        self.format = self._inspect(file.seek(0, 2))
        self.warnings += [f"{path}: {warning}." for warning in plan.warnings]

    @property
    def expected_samples(self) -> int | None:
        """Samples per channel; None where only the decoder will know."""
        return self.format.num_samples

    def close(self) -> None:
        """Nothing is held between blocks."""

    def blocks(self, block_size: int, start: int = 0) -> Iterator[Block]:
        """Yield float32 (channels, samples) in the order of SPEAKERS, from sample `start` to the end.

        Raises:
            AudioFileError: A part cannot be decoded, or the file ends before its announced length.
        """
        order = stored_order(self.format.container, self.format.subtype, self.format.num_channels)
        named = self._plan.channel_order
        if order is None and named is not None and len(named) == self.format.num_channels:
            order = named
        if len(self._plan.parts) == 1:
            decoded = self._decode(self._plan.parts[0], block_size, start)
        else:
            parts = (self._decode(part, block_size, 0) for part in self._plan.parts)
            decoded = without_first((block for part in parts for block in part), start)
        for block in decoded:
            yield from_stored(block, order)

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
                f"{self._path} holds no sound (its header announces 0 samples in {file_size} bytes)."
            )
        if not is_within(file.channels, file.samplerate):
            raise AudioFileError(f"{self._path} {describe_within(file.channels, file.samplerate)}.")
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
        if part.is_file and self._by_name:
            return _ForwardFile(native_path(self._path))
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
                while len(block := _read(file, block_size, num_read, expected)):
                    yield np.ascontiguousarray(block.T)
                    num_read += len(block)
            except soundfile.LibsndfileError as error:
                failed = libsndfile_reason(error)
                if not self._allow_truncated:
                    self._report_truncated(f"{self._path} is damaged or cut short{failed}")
                for block in self._salvage(part, num_read, expected):
                    yield block
                    num_read += block.shape[1]
        if failed or (expected is not None and num_read < expected):
            self._report_truncated(
                f"{self._path} is damaged or cut short after {num_read} of {expected} samples{failed}"
            )

    def _salvage(self, part: SoundPart, num_read: int, expected: int | None) -> Iterator[Block]:
        """What can be decoded after `num_read` samples, from further looks in small steps."""
        for size in _SALVAGE_BLOCK_SIZES:
            with self._sound_file(part) as file, contextlib.suppress(soundfile.LibsndfileError):
                _skip(file, num_read, DEFAULT_BLOCK_SIZE)
                while len(block := _read(file, size, num_read, expected)):
                    yield np.ascontiguousarray(block.T)
                    num_read += len(block)

    def _report_truncated(self, message: str) -> None:
        if not self._allow_truncated:
            raise AudioFileError(f"{message}. Pass allow_truncated=True to take what is there.")
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
    if part.max_padding and length is not None:
        # libsndfile writes the length of IMA ADPCM into `fact` divided by the channels.
        is_divided = file.channels > 1 and part.num_samples == length // file.channels
        if is_divided or not 0 <= length - part.num_samples < part.max_padding:
            return length
    return part.num_samples


def _read(file: soundfile.SoundFile, block_size: int, num_read: int, expected: int | None) -> Block:
    """The next (samples, channels), not beyond the end: junk there is an error that takes them with it."""
    size = block_size if expected is None else max(0, min(block_size, expected - num_read))
    block: Block = file.read(size, dtype="float32", always_2d=True)
    return block


def _skip(file: soundfile.SoundFile, num_samples: int, block_size: int) -> int:
    """Leave out samples at the beginning; the number that was left out."""
    num_read = 0
    while num_read < num_samples:
        read = len(file.read(min(block_size, num_samples - num_read), dtype="float32", always_2d=True))
        if read == 0:
            break
        num_read += read
    return num_read


def without_first(blocks: Iterator[Block], num_samples: int) -> Iterator[Block]:
    """Leave out so many samples at the beginning."""
    for block in blocks:
        if num_samples < block.shape[1]:
            yield block[:, num_samples:] if num_samples else block
        num_samples = max(0, num_samples - block.shape[1])


def libsndfile_reason(error: soundfile.LibsndfileError) -> str:
    """libsndfile's words in brackets; "" if it has none."""
    text = (error.error_string or "").removeprefix("Error : ").rstrip(".")
    return f" ({text[0].lower()}{text[1:]})" if text else ""
