"""Sound files written block by block, under a temporary name until they are complete."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.atomic_write import AtomicFile, Original
from hushgate.audio_files.chunk_edits import write_aiff_length, write_channel_mask, write_fact_length
from hushgate.audio_files.dither import Quantizer
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.channel_layouts import plain_mask
from hushgate.audio_files.formats.containers import WAV_MAX_BYTES, is_plain, is_written_by_ffmpeg
from hushgate.audio_files.formats.sample_formats import bytes_per_sample, count_clipped
from hushgate.audio_files.isolation import can_isolate
from hushgate.audio_files.libsndfile.encode import LibsndfileEncoder, inspect, is_full, write_error
from hushgate.audio_files.metadata.comment_fields import write_mask_comment
from hushgate.audio_files.metadata.leading_parts import LeadingParts
from hushgate.audio_files.part_files import PART_PREFIX
from hushgate.audio_files.reproducible_bytes import settle
from hushgate.audio_files.resampling import RateConverter
from hushgate.errors import AudioFileError

Block = NDArray[np.float32]


class Encoder(Protocol):
    """What `FileWriter` needs of the library that writes the file."""

    warnings: list[str]

    def write(self, block: Block) -> None:
        """Append float32 (channels, samples) in the order of SPEAKERS."""

    def close(self) -> None:
        """Finish the file."""

    def abort(self) -> None:
        """Close the file, finished or not."""


class FileWriter:
    """Write a sound file block by block under a temporary name; give it its own at the end.

    Use it in a `with` statement: leaving it normally puts the file in place in one step, leaving it by an
    exception (Ctrl-C too) removes what was written. Equal sound under an equal name gives equal bytes.
    Everything but PCM, floating point and FLAC is encoded in a process of its own, so that an encoder that
    crashes is an error.

    Args:
        path: Where to put the file. A link is followed.
        format: What to write.
        overwrite: Replace a file that exists.
        dither_seed: Dither PCM of 8 to 24 bits, from this start of the random sequence. None rounds.
        finish: Called with the path of the complete file before it gets its name: the place to add
            tags. What it raises ends the writing.
        part_prefix: How the temporary name begins, for a run that cleans up after a crash.
        source_rate: Sample rate of the blocks, Hz, if it is not that of `format`: they are converted.
        film: A film whose pictures and other streams go along; for MP4, MOV, Matroska and WebM.
        parts: Texts, chapters and pictures that film containers must have before the sound.
        originals: Files that are never replaced, such as the input, whatever their names.

    Attributes:
        num_written: Samples per channel so far, at the rate of the file.
        num_clipped: Samples so far that did not fit the sample format and were limited.
        warnings: What else the user should know, one sentence each; for `finish` to add to.

    Raises:
        FileExistsError: The file exists and `overwrite` is False.
        ValueError: The file is one of the originals.
        OSError: The folder is missing or not writable, or the target is not a file.
        AudioFileError: The container cannot hold this format, or the extra `formats` is needed and missing.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: AudioFormat,
        *,
        overwrite: bool = False,
        dither_seed: int | None = None,
        finish: Callable[[Path], None] | None = None,
        part_prefix: str = PART_PREFIX,
        source_rate: int | None = None,
        film: Path | None = None,
        parts: LeadingParts | None = None,
        originals: Iterable[Original] = (),
    ) -> None:
        self.path = Path(path)
        self.format = format
        self.num_clipped = 0
        self.warnings: list[str] = []
        self.num_written = 0
        self._is_complete = False
        self._is_isolated = can_isolate() and not is_plain(format)
        self._quantize = Quantizer(format.subtype, dither_seed=dither_seed)
        self._finish = finish
        self._converter: RateConverter | None = None
        if source_rate is not None and source_rate != format.sample_rate:
            self._converter = RateConverter(
                source_rate, format.sample_rate, format.num_channels, str(self.path)
            )
        # Made here and not by soundfile: the system's own errors, and the user's usual permissions.
        self._atomic = AtomicFile(
            self.path, overwrite=overwrite, part_prefix=part_prefix, originals=originals
        )
        try:
            self._encoder = self._open_encoder(film, parts)
        except BaseException:
            self._atomic.discard()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.complete()
                self._atomic.commit()
        finally:
            self._encoder.abort()
            self._atomic.discard()

    def complete(self) -> None:
        """Finish the file, and check it, under its temporary name; leaving the `with` statement renames it.

        After this all `warnings` are known: what is done before the end of the statement, such as printing
        them, can still fail without leaving an output in place.

        Raises:
            OSError, AudioFileError: As `write`; or the file is not what was written.
        """
        if self._is_complete:
            return
        self._is_complete = True
        if self._converter is not None:
            self._write(self._converter.flush())
        self._encoder.close()
        self._complete()

    def write(self, block: Block) -> None:
        """Append float32 (channels, samples).

        Raises:
            OSError: The disk is full or fails.
            AudioFileError: A WAV file outgrows its 4 GiB, or the encoder crashed.
            ValueError: Samples are not finite.
        """
        if self._converter is not None:
            block = self._converter.process(block)
        self._write(block)

    def _write(self, block: Block) -> None:
        if not block.shape[1]:  # the converter waits for more
            return
        if not np.isfinite(block).all():  # LAME aborts on such samples
            raise ValueError(f"{self.path}: samples must be finite.")
        if num_clipped := count_clipped(block, self.format.subtype):
            self.num_clipped += num_clipped
            block = np.clip(block, -1.0, 1.0)
        self._encoder.write(self._quantize(block))
        self.num_written += block.shape[1]
        size = self.num_written * self.format.num_channels * bytes_per_sample(self.format.subtype)
        if self.format.container in ("WAV", "WAVEX", "AIFF") and size > WAV_MAX_BYTES:
            kind = "n AIFF" if self.format.container == "AIFF" else " WAV"
            raise AudioFileError(f"{self.path} outgrows a{kind} file (4 GiB). Use .rf64, .w64 or .flac.")

    def _open_encoder(self, film: Path | None, parts: LeadingParts | None) -> Encoder:
        arguments = self._atomic.part, self.path, self.format, film, parts
        if not self._is_isolated:
            return open_encoder(*arguments)
        from hushgate.audio_files.isolation.isolated_encoder import IsolatedEncoder

        return IsolatedEncoder(*arguments)

    def _complete(self) -> None:
        part = self._atomic.part
        if self.format.container == "AIFF" and self.format.subtype == "PCM_S8" and self.num_written % 2:
            write_aiff_length(part, self.num_written, self.format.num_channels)
        if self.format.container in ("WAV", "WAVEX", "W64") and self.format.subtype.endswith("ADPCM"):
            write_fact_length(part, self.num_written)
        self._check_complete()
        mask, num_channels = self.format.channel_mask, self.format.num_channels
        write_channel_mask(part, mask or plain_mask(num_channels), num_channels)
        self.warnings += self._encoder.warnings
        if self._finish is not None:
            self._finish(part)
        if self.format.container == "FLAC":
            write_mask_comment(part, mask, num_channels)
        settle(part, self.format.container, self._atomic.target.name)
        self._check_complete()

    def _check_complete(self) -> None:
        # libsndfile does not report every failed write, and some of its containers cannot hold every rate or
        # number of channels: what was written must be there.
        if is_written_by_ffmpeg(self.format):
            return
        part = self._atomic.part
        if self._is_isolated:
            from hushgate.audio_files.isolation.calls import call_isolated

            found = call_isolated("inspect", part)
        else:
            found = inspect(part)
        expected = self.format.sample_rate, self.format.num_channels
        if found is not None and tuple(found[:2]) == expected and found[2] >= self.num_written:
            return
        if is_full(part):
            raise write_error(self.path)
        as_found = "unreadable" if found is None else "{} Hz, {} channels, {} samples".format(*found)
        raise AudioFileError(
            f"{self.path} cannot be written as {self.format}: {self.num_written} samples came back as "
            f"{as_found}. Choose another extension."
        )


def open_encoder(
    part: Path,
    path: Path,
    target: AudioFormat,
    film: Path | None,
    parts: LeadingParts | None,
) -> Encoder:
    """The encoder of a format, in this process.

    Args:
        part: The file that is written.
        path: What to call it in errors.
        target: What to write.
        film: A film whose other streams go along, or None.
        parts: Texts, chapters and pictures that the container needs before the sound.

    Raises:
        AudioFileError: The format cannot be written.
    """
    if is_written_by_ffmpeg(target):
        from hushgate.audio_files.ffmpeg.encode import FfmpegEncoder

        return FfmpegEncoder(part, str(path), target, film, parts)
    return LibsndfileEncoder(part, path, target)
