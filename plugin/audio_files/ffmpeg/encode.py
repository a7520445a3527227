"""Sound encoded by FFmpeg into M4A, MP4, MOV, MKV and WebM, also as the sound of a film."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.ffmpeg.film_streams import FilmStreams
from hushgate.audio_files.ffmpeg.library import is_cover, load_av, open_source
from hushgate.audio_files.ffmpeg.tags import picture_mime
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.channel_layouts import SPEAKERS, default_mask
from hushgate.audio_files.metadata.common_fields import Chapter
from hushgate.audio_files.metadata.leading_parts import LeadingParts
from hushgate.errors import AudioFileError

_MUXERS = {"MP4": "mp4", "MOV": "mov", "MATROSKA": "matroska", "WEBM": "webm", "OGG": "ogg"}
# FFmpeg's encoders and the sample formats they are given.
_ENCODERS = {
    "AAC": ("aac", "fltp"),
    "ALAC_16": ("alac", "s16p"),
    "ALAC_24": ("alac", "s32p"),
    "FLAC_16": ("flac", "s16"),
    "FLAC_24": ("flac", "s32"),
    "OPUS": ("libopus", "flt"),
    "AC3": ("ac3", "fltp"),
    "MPEG_LAYER_III": ("libmp3lame", "fltp"),
    "PCM_16": ("pcm_s16le", "s16"),
    "PCM_24": ("pcm_s24le", "s32"),
    "FLOAT": ("pcm_f32le", "flt"),
}
# bit/s per channel; a second coding at these cannot be heard.
_BIT_RATES = {"AAC": 128_000, "OPUS": 128_000, "AC3": 192_000, "MPEG_LAYER_III": 160_000}
_LARGEST_BIT_RATES = {"AC3": 640_000, "MPEG_LAYER_III": 320_000}
# An AAC frame of 1,024 samples has at most 6,144 bits per channel.
_AAC_BITS_PER_SAMPLE = 5
_PCM_FRAME_SIZE = 1024
_AC3_DELAY = 256
_MAX_PLANES = 7
_CHAPTER_TICKS = 1_000_000
_INTEGER_TYPES = {"s16": np.int16, "s32": np.int32}

Block = NDArray[np.float32]


class FfmpegEncoder:
    """Write sound, and the other streams of a film, to a file.

    Args:
        path: Where to write; replaced.
        name: What to call the file in errors.
        target: Format to write.
        film: A film to copy all other streams from, packet by packet; its first sample of sound keeps its
            time.
        parts: Texts, chapters and pictures that come before the sound. A film brings its own chapters.

    Attributes:
        warnings: What could not be copied.

    Raises:
        AudioFileError: The format cannot be encoded, or PyAV is not installed.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        target: AudioFormat,
        film: Path | None = None,
        parts: LeadingParts | None = None,
    ) -> None:
        self._av = load_av(name, verb="write")
        self._name = name
        self._rate = target.sample_rate
        self.warnings: list[str] = []
        self._film: FilmStreams | None = None
        self._held: Block = np.zeros((target.num_channels, 0), np.float32)
        self._padded_frame_size = 0
        self._end: int | None = None
        options = {"fflags": "+bitexact"}
        if target.container in ("MP4", "MOV"):
            options["movie_timescale"] = str(self._rate)  # lengths to the sample, not to the millisecond
        try:
            self._container: Any = self._av.open(
                str(path), mode="w", format=_MUXERS[target.container], options=options
            )
        except self._av.FFmpegError as error:
            raise _as_system_error(error, name) from error
        try:
            parts = parts or LeadingParts()
            self._container.metadata.update(parts.texts)
            self._open_streams(target, film, parts)
        except BaseException as error:
            self.abort()
            if isinstance(error, self._av.FFmpegError) and isinstance(error, OSError):
                raise _as_system_error(error, name) from error
            if isinstance(error, self._av.FFmpegError | ValueError) and not isinstance(error, AudioFileError):
                raise AudioFileError(
                    f"{name} cannot be written as {target} ({error}). "
                    "Choose another subtype=... or extension."
                ) from error
            raise

    def write(self, block: Block) -> None:
        """Append float32 (channels, samples), in the order of SPEAKERS.

        Raises:
            OSError: The disk is full or fails.
        """
        self._held = np.concatenate([self._held, block], axis=1)
        num_whole = self._held.shape[1] // self._frame_size * self._frame_size
        for start in range(0, num_whole, self._frame_size):
            self._encode(self._held[:, start : start + self._frame_size])
        self._held = self._held[:, num_whole:].copy()

    def close(self) -> None:
        """Write what is left, the rest of the film and the file's tables.

        Raises:
            OSError: The disk is full or fails.
        """
        self._end = self._position + self._held.shape[1]
        if self._held.shape[1]:
            self._encode(self._held)
        if self._codec.name == "ac3" and -self._end % self._frame_size < _AC3_DELAY:
            # Its encoder does not flush: silence pushes the last samples out.
            self._encode(np.zeros((self._held.shape[0], self._frame_size), np.float32))
        self._mux(self._guarded(self._codec.encode, None))
        if self._film is not None:
            self._copy(self._film.packets_until(None))
        try:
            self._guarded(self._container.close)
        finally:
            self.abort()

    def abort(self) -> None:
        """Close the files without finishing."""
        if self._film is not None:
            self._film.close()
            self._film = None
        with contextlib.suppress(self._av.FFmpegError, OSError):
            self._container.close()

    def _open_streams(self, target: AudioFormat, film: Path | None, parts: LeadingParts) -> None:
        if film is not None:
            self._film = FilmStreams(self._av, film, self._container, target.container, self.warnings)
        encoder, self._sample_format = _ENCODERS[target.subtype]
        if self._film is not None:
            self._film.copy_streams_before()
        stream = self._container.add_stream(encoder, rate=self._rate)
        codec = self._codec = stream.codec_context
        codec.format = self._sample_format
        codec.layout = self._layout = _layout_name(target)
        codec.time_base = stream.time_base = Fraction(1, self._rate)
        if target.subtype in _BIT_RATES:
            codec.bit_rate = _bit_rate(target)
        self._stream = stream
        self._position = 0
        if self._film is not None:
            self._film.copy_streams_after()
            self._film.copy_description(stream)
            self._position = round(self._film.start_of_sound() * self._rate)
        elif parts.chapters:
            self._container.set_chapters(_ffmpeg_chapters(parts.chapters))
        self._attach(parts.pictures, target.container)
        # PyAV cannot fill more than seven planes.
        self._given_format = self._sample_format
        if self._sample_format.endswith("p") and target.num_channels > _MAX_PLANES:
            self._given_format = self._sample_format.removesuffix("p")
            self._converter = self._av.AudioResampler(self._sample_format, self._layout, self._rate)
        self._container.start_encoding()
        self._frame_size = codec.frame_size or _PCM_FRAME_SIZE
        if target.subtype in _BIT_RATES:
            self._padded_frame_size = self._frame_size

    def _attach(self, pictures: Sequence[bytes], container: str) -> None:
        """Matroska keeps covers as attached files; MP4 gets them when it is complete."""
        from mutagen.flac import Picture

        if container == "WEBM" and pictures:
            self.warnings.append(f"{self._name}: WebM cannot hold some tags: pictures.")
        if container != "MATROSKA":
            return
        for number, block in enumerate(pictures, start=1):
            picture = Picture(block)
            mime = picture_mime(picture.data) or picture.mime or "application/octet-stream"
            name = "cover" if number == 1 else f"cover_{number}"
            extension = mime.rpartition("/")[2].replace("jpeg", "jpg")
            self._container.add_attachment(f"{name}.{extension}", mime, picture.data)

    def _encode(self, block: Block) -> None:
        given = self._given_format
        frame = self._av.AudioFrame.from_ndarray(_as_samples(block, given), format=given, layout=self._layout)
        frame.sample_rate = self._rate
        frame.pts = self._position
        frame.time_base = Fraction(1, self._rate)
        if given != self._sample_format:
            (frame,) = self._converter.resample(frame)
        if self._film is not None:
            self._copy(self._film.packets_until(Fraction(self._position, self._rate)))
        self._position += block.shape[1]
        self._mux(self._guarded(self._codec.encode, frame))

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            if self._end is not None and packet.pts is not None:
                self._mark_padding(packet, packet.pts + self._padded_frame_size - self._end)
            packet.stream = self._stream
            self._guarded(self._container.mux, packet)

    def _mark_padding(self, packet: Any, num_samples: int) -> None:
        """Say how much of a packet lies behind the end of the sound; not every encoder does."""
        if num_samples <= 0:
            return
        num_samples = min(num_samples, self._padded_frame_size - 1)
        packet.duration = self._padded_frame_size - num_samples  # what MP4 stores
        if not packet.has_sidedata("skip_samples"):  # what Matroska stores
            packet.set_sidedata(_skip_samples(self._av, num_samples))

    def _copy(self, packets: Iterator[Any]) -> None:
        for packet in packets:
            self._guarded(self._container.mux, packet)

    def _guarded(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._av.FFmpegError as error:
            raise _as_system_error(error, self._name) from error


def has_pictures(path: Path) -> bool:
    """Whether a file is a film: it has moving pictures, not only a cover.

    Raises:
        AudioFileError: PyAV is not installed.
    """
    av = load_av(str(path))
    try:
        with open_source(av, path) as source:
            return any(not is_cover(av, stream) for stream in source.streams.video)
    except (av.FFmpegError, ValueError):
        return False


def _ffmpeg_chapters(chapters: Iterable[Chapter]) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "start": round(chapter.start_s * _CHAPTER_TICKS),
            "end": round(chapter.end_s * _CHAPTER_TICKS),
            "time_base": Fraction(1, _CHAPTER_TICKS),
            "metadata": {"title": chapter.title},
        }
        for number, chapter in enumerate(chapters, start=1)
    ]


def _layout_name(target: AudioFormat) -> str:
    mask = target.channel_mask or default_mask(target.num_channels)
    if mask is None:
        return f"{target.num_channels} channels"
    return "+".join(name for bit, name in enumerate(SPEAKERS) if mask >> bit & 1)


def _bit_rate(target: AudioFormat) -> int:
    rate = _BIT_RATES[target.subtype]
    if target.subtype == "AAC":
        rate = min(rate, _AAC_BITS_PER_SAMPLE * target.sample_rate)
    return min(rate * target.num_channels, _LARGEST_BIT_RATES.get(target.subtype, 2**31 - 1))


def _as_samples(block: Block, sample_format: str) -> NDArray[Any]:
    """Samples as FFmpeg's frames hold them: planar (channels, samples), else one row of interleaved ones."""
    kind = sample_format.removesuffix("p")
    samples: NDArray[Any] = block
    if kind in _INTEGER_TYPES:
        dtype = _INTEGER_TYPES[kind]
        scale = 2.0 ** (8 * np.dtype(dtype).itemsize - 1)
        steps = np.rint(block.astype(np.float64) * scale)
        samples = np.clip(steps, -scale, scale - 1.0).astype(dtype)
    if sample_format.endswith("p"):
        return np.ascontiguousarray(samples)
    return np.ascontiguousarray(samples.T).reshape(1, -1)


def _skip_samples(av: Any, num_samples: int) -> Any:
    """FFmpeg's side data of a packet whose last samples are padding.

    PyAV changes side data but makes none: the Opus encoder, given one sample, does.
    """
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = 48_000, "mono", "flt"
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1), np.float32), format="flt", layout="mono")
    frame.sample_rate, frame.pts = 48_000, 0
    packets = [*codec.encode(frame), *codec.encode(None)]
    data = next(p for p in packets if p.has_sidedata("skip_samples")).get_sidedata("skip_samples")
    data.update(struct.pack("<IIBB", 0, num_samples, 0, 0))
    return data


def _as_system_error(error: Any, name: str) -> OSError:
    return OSError(getattr(error, "errno", None) or 5, getattr(error, "strerror", None) or str(error), name)
