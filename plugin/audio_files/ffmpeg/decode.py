"""Sound decoded by FFmpeg: M4A, MP4, MKV, WebM, MOV, AMR, WMA, Ogg FLAC and more."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.ffmpeg.announced_size import find_shortfall
from hushgate.audio_files.ffmpeg.library import is_cover, load_av, open_container
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.channel_layouts import MASK_OF, usable_mask
from hushgate.audio_files.limits import MAX_GAP_S, describe_within, is_within
from hushgate.errors import AudioFileError

# Our names of FFmpeg's demuxers and codecs. Lossless codecs get their word length: "ALAC_16".
CONTAINERS = {
    "mov": "MP4",
    "matroska": "MATROSKA",
    "asf": "ASF",
    "amr": "AMR",
    "aac": "ADTS",
    "ogg": "OGG",
    "wav": "WAV",
    "aiff": "AIFF",
    "caf": "CAF",
    "w64": "W64",
}
_SUBTYPES = {
    "aac": "AAC",
    "opus": "OPUS",
    "vorbis": "VORBIS",
    "mp3": "MPEG_LAYER_III",
    "mp3float": "MPEG_LAYER_III",
    "mp2": "MPEG_LAYER_II",
    "mp2float": "MPEG_LAYER_II",
    "pcm_u8": "PCM_U8",
    "pcm_s8": "PCM_S8",
    "pcm_f32le": "FLOAT",
    "pcm_f32be": "FLOAT",
    "pcm_f64le": "DOUBLE",
    "pcm_f64be": "DOUBLE",
    "pcm_alaw": "ALAW",
    "pcm_mulaw": "ULAW",
}
_LOSSLESS = ("alac", "flac", "wavpack", "ape", "tta", "tak", "wmalossless", "truehd", "mlp")
# Containers whose time stamps count samples or milliseconds from the beginning of the film.
_TIMED = ("mov", "matroska", "mpegts", "mpeg", "avi", "flv", "asf")
# A time stamp that is off by less is rounding (Matroska and FLV count milliseconds) or jitter.
_TOLERANCE_S = 0.05
_ROUNDING_S = 0.002
# An announced duration may count the codec's delay and padding, and be rounded to a packet.
_DURATION_TOLERANCE_S = 0.15
# PyAV cannot read more planes.
_MAX_PLANES = 7

Block = NDArray[np.float32]


class FfmpegDecoder:
    """Decode the first sound stream of a file, block by block.

    Encoder delay and padding are taken out as the container says. Where packets are missing, so that the
    time stamps jump, silence of the same length is put in, so that the sound stays with the picture.

    Args:
        file: Open for reading, seekable. Not closed.
        name: What to call it in errors.
        demuxer: FFmpeg's name of the container; no other is tried.
        allow_truncated: Pass over damaged packets, and warn.

    Attributes:
        format: Sample rate, channels, container and codec; length where the container counts samples.
        warnings: What was wrong, or left out.

    Raises:
        AudioFileError: No sound in it, not decodable, or PyAV is not installed.
    """

    def __init__(self, file: BinaryIO, name: str, demuxer: str, *, allow_truncated: bool = False) -> None:
        if not demuxer:
            raise AudioFileError(f"{name} cannot be read as audio (format not recognised).")
        self._av = load_av(name)
        self._name = name
        self._demuxer = demuxer
        self._allow_truncated = allow_truncated
        self.warnings: list[str] = []
        self._packer: Any = None
        self._start_s = 0.0
        if shortfall := find_shortfall(file, demuxer):
            self._report(f"is cut short: {shortfall}")
        try:
            self._container: Any = open_container(self._av, file, demuxer, parse=demuxer != "mov")
        except (self._av.FFmpegError, ValueError) as error:
            raise AudioFileError(f"{name} cannot be read as audio ({_reason(error)}).") from error
        try:
            self.format = self._inspect()
            self._end_s = self._announced_end()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give up FFmpeg's memory."""
        self._container.close()

    def blocks(self, block_size: int, start: int = 0) -> Iterator[Block]:
        """Yield float32 (channels, samples) in the order of SPEAKERS, from sample `start` to the end.

        Raises:
            AudioFileError: A packet cannot be decoded, or the sound changes its rate or channels.
        """
        num_done = 0
        for block in self._timed_blocks():
            for place in range(max(0, start - num_done), block.shape[1], block_size):
                yield block[:, place : place + block_size]
            num_done += block.shape[1]
        expected, tolerance = self.format.num_samples, 0.0
        if self._end_s is not None:
            rate = self.format.sample_rate
            expected, tolerance = round((self._end_s - self._start_s) * rate), _DURATION_TOLERANCE_S * rate
        if expected is not None and num_done + tolerance < expected:
            self._report(f"is damaged or cut short after {num_done} of {expected} samples")
        elif num_done == 0:
            self._report("holds no sound")

    def _inspect(self) -> AudioFormat:
        streams = self._container.streams.audio
        if not streams:
            raise AudioFileError(f"{self._name} holds no sound (no sound stream in it).")
        self.stream = choose_stream(streams)
        if len(streams) > 1:
            self.warnings.append(
                f"{self._name} has {len(streams)} sound tracks; "
                f"track {streams.index(self.stream) + 1} was processed."
            )
        codec = self.stream.codec_context
        if codec is None:
            raise AudioFileError(
                f"{self._name} cannot be read as audio (FFmpeg has no decoder for its codec)."
            )
        num_channels, rate = len(codec.layout.channels), codec.sample_rate
        if not is_within(num_channels, rate):
            raise AudioFileError(f"{self._name} {describe_within(num_channels, rate)}.")
        if codec.codec.name in _LOSSLESS:
            # One wrong bit is a burst of noise there. Lossy packets with wrong checksums play everywhere.
            codec.options = {"err_detect": "crccheck+explode"}
        container = CONTAINERS.get(self._demuxer, self._demuxer.upper())
        if self._demuxer == "matroska" and "webm" in self._name.rpartition(".")[2].lower():
            container = "WEBM"
        return AudioFormat(
            rate,
            num_channels,
            self._length(rate),
            container,
            self._subtype(codec),
            "FILE",
            _mask(codec.layout),
        )

    def _subtype(self, codec: Any) -> str:
        name = codec.codec.name
        bits = getattr(codec, "bits_per_raw_sample", 0) or codec.format.bits
        if name in _LOSSLESS:
            return f"{name.upper()}_{24 if codec.format.name.startswith('s32') and bits == 32 else bits}"
        if name in _SUBTYPES:
            return _SUBTYPES[name]
        if name.startswith("pcm_"):
            digits = "".join(filter(str.isdigit, name))
            return f"PCM_{digits}" if digits in ("16", "24", "32") else name.upper()
        return str(name).upper()

    def _length(self, rate: int) -> int | None:
        """Samples per channel, where the container counts in samples; MP4 is measured while it is read."""
        stream = self.stream
        if self._demuxer in _TIMED or stream.duration is None or stream.time_base is None:
            return None
        if self._demuxer in (
            "aac",
            "ac3",
            "dts",
            "amr",
            "mpc",
            "mpc8",
        ):  # estimated from the size of the file
            return None
        length = Fraction(stream.duration) * stream.time_base * rate
        return int(length) if length.denominator == 1 and length > 0 else None

    @property
    def expected_samples(self) -> int | None:
        """Length by the container's clock, samples per channel."""
        stream, rate = self.stream, self.format.sample_rate
        if stream.duration is not None and stream.time_base is not None:
            return max(0, round(stream.duration * stream.time_base * rate)) or None
        duration = self._container.duration
        return max(0, round(Fraction(duration, self._av.time_base) * rate)) or None if duration else None

    def _announced_end(self) -> float | None:
        """When the sound ends by what Matroska says of this track alone, seconds; None where it says nothing.

        Other containers with time stamps say it in their table of packets (MP4), or are not to be relied on.
        """
        if self._demuxer != "matroska":
            return None
        end = _clock(self.stream.metadata.get("DURATION", ""))
        # The duration of the file is that of its longest track. Where the file names none, FFmpeg estimates
        # it from the bit rate of the codec, if it knows that.
        others = [stream for stream in self._container.streams if stream.index != self.stream.index]
        is_alone = all(stream.type == "attachment" or is_cover(self._av, stream) for stream in others)
        if end is None and is_alone and self._container.duration and not self.stream.codec_context.bit_rate:
            end = self._container.duration / self._av.time_base
        return end

    def _frames(self) -> Iterator[tuple[Any, Fraction | None]]:
        """Yield decoded frames, and how long the sound is known to be so far, seconds."""
        errors = self._av.FFmpegError
        known_end: Fraction | None = None
        packets = self._container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except errors as error:
                self._report(f"is damaged or cut short ({_reason(error)})")
                return
            if packet.size and packet.pts is not None and packet.duration and self._demuxer == "mov":
                known_end = (packet.pts + packet.duration) * packet.time_base
            try:
                frames = packet.decode()
            except errors as error:
                if not isinstance(error, EOFError):
                    self._report(f"has a damaged packet at {_seconds(packet)} ({_reason(error)})")
                continue
            for frame in frames:
                yield frame, known_end

    def _timed_blocks(self) -> Iterator[Block]:
        rate, num_channels = self.format.sample_rate, self.format.num_channels
        start: Fraction | None = None
        num_done = 0
        held: Block | None = None
        known_end: Fraction | None = None
        for frame, end in self._frames():
            known_end = end
            if frame.sample_rate != rate or len(frame.layout.channels) != num_channels:
                raise AudioFileError(
                    f"{self._name} changes its sound format after {num_done / rate:.2f} s, to "
                    f"{frame.sample_rate} Hz and {len(frame.layout.channels)} channels. Split it there first."
                )
            block = self._samples(frame)
            if frame.pts is not None and frame.time_base is not None:
                time = frame.pts * frame.time_base
                if start is None:
                    start = time - Fraction(num_done, rate)
                    self._start_s = float(start)
                gap = float(time - start) * rate - num_done if self._demuxer in _TIMED else 0.0
                if abs(gap) > _TOLERANCE_S * rate:
                    if gap > MAX_GAP_S * rate:
                        self._report(
                            f"has a time stamp {gap / rate:.0f} s ahead after {num_done / rate:.2f} s"
                        )
                        start = time - Fraction(num_done, rate)
                    elif gap > 0:
                        gap = _whole_frames(gap, block.shape[1], rate)
                        self.warnings.append(
                            f"{self._name}: {gap / rate:.3f} s are missing after {num_done / rate:.2f} s; "
                            "silence was put in."
                        )
                        if held is not None:
                            yield held
                            held = None
                        yield from _silence(num_channels, round(gap))
                        num_done += round(gap)
                    else:  # the same time twice: streams one after the other
                        start = time - Fraction(num_done, rate)
            if held is not None:
                yield held
            held = block
            num_done += block.shape[1]
        if held is None:
            return
        if known_end is not None and start is not None:
            # The padding in the last packets of MP4 is not marked: the packets' durations end before it.
            surplus = num_done - round((known_end - start) * rate)
            if 0 < surplus < held.shape[1]:
                held = held[:, :-surplus]
        yield held

    def _samples(self, frame: Any) -> Block:
        """float32 (channels, samples) of a frame."""
        if frame.format.is_planar and self.format.num_channels > _MAX_PLANES:
            if self._packer is None:
                self._packer = self._av.AudioResampler(
                    frame.format.packed.name, frame.layout, self.format.sample_rate
                )
            return np.concatenate([_samples(packed) for packed in self._packer.resample(frame)], axis=1)
        return _samples(frame)

    def _report(self, message: str) -> None:
        if not self._allow_truncated:
            raise AudioFileError(f"{self._name} {message}. Pass allow_truncated=True to take what is there.")
        self.warnings.append(f"{self._name} {message}.")


def choose_stream(streams: Any) -> Any:
    """The sound stream that players take: the first that is marked as the default, else the first."""
    return next((stream for stream in streams if "default" in str(stream.disposition)), streams[0])


def _samples(frame: Any) -> Block:
    """float32 (channels, samples) of a frame; integers of all their bits become -1.0 to 1.0."""
    array = frame.to_ndarray()
    if not frame.format.is_planar:
        array = array.reshape(-1, len(frame.layout.channels)).T
    if array.dtype == np.uint8:
        return np.ascontiguousarray((array.astype(np.float32) - 128.0) / 128.0, np.float32)
    if array.dtype.kind == "i":
        return np.ascontiguousarray(array / 2.0 ** (8 * array.dtype.itemsize - 1), np.float32)
    return np.ascontiguousarray(array, np.float32)


def _whole_frames(gap: float, frame_size: int, sample_rate: int) -> float:
    """A number of missing samples, as a multiple of a frame's if that is what a rounded time stamp means."""
    whole = round(gap / frame_size) * frame_size
    return whole if abs(whole - gap) < _ROUNDING_S * sample_rate else gap


def _silence(num_channels: int, num_samples: int) -> Iterator[Block]:
    while num_samples > 0:
        count = min(num_samples, 65_536)
        yield np.zeros((num_channels, count), np.float32)
        num_samples -= count


def _mask(layout: Any) -> int | None:
    names = [channel.name for channel in layout.channels]
    bits = [MASK_OF.get(name, 0) for name in names]
    if 0 in bits or bits != sorted(bits):
        return None
    return usable_mask(sum(bits), len(names))


def _clock(text: str) -> float | None:
    """Seconds of a text like 00:01:02.123000000."""
    try:
        hours, minutes, seconds = text.split(":")
        return 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)
    except ValueError:
        return None


def _seconds(packet: Any) -> str:
    return f"{float(packet.pts * packet.time_base):.2f} s" if packet.pts is not None else "an unknown place"


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split()) or type(error).__name__
